/** Breakages of what is waited for, and until when: see mutations.ts. */
import type { Mutation } from "./mutations.ts";

export const PATIENCE_MUTATIONS: readonly Mutation[] = [
  {
    number: 62,
    what: "a provider that decides by meaning is not missed after a pause in which it had to decide (L85)",
    file: "src/session/turns/witness.ts",
    from: "      const overdue = pauseMs > longestMs;\n",
    to: "      const overdue = false;\n",
    among: ["provider.hole_anytime", "caller.zeros", "caller.slices"],
  },
  {
    number: 63,
    what: "each next word puts off the moment at which a provider that decides by meaning is missed (L120)",
    file: "src/session/turns/witness.ts",
    from: "      if (pausedMs + pauseMs <= mostMs && !overdue) link.unwatch();\n",
    to: "      if (!overdue) link.unwatch();\n",
    among: ["provider.hole_anytime", "caller.zeros", "caller.slices"],
  },
  {
    number: 64,
    what: "a provider that owes an answer is not missed while the caller goes on (L90)",
    file: "src/session/links/silence-watch.ts",
    from: "    if (this.#askedUntil === null) this.over();\n    else this.#context.deadlines.set(this.#name, this.#askedUntil);\n",
    to: "    this.over();\n",
    among: ["provider.hole_anytime", "caller.create", "network.long_outage"],
  },
  {
    number: 65,
    what: "a turn that a provider hears late is said to begin when it hears it (L91)",
    file: "src/session/turns/turn-marks.ts",
    from: "    return late ? (this.unmadeTicks ?? nowTicks) : nowTicks;\n",
    to: "    return late ? nowTicks : nowTicks;\n",
    among: ["provider.slow_dial", "provider.reset_in_turn", "provider.close_anytime"],
  },
  {
    number: 66,
    what: "a session rests beside a client of which nothing is heard any more (K95)",
    file: "src/session/delivery/pulse.ts",
    from: "    if (now - this.#port.saidAt >= BEAT_MS) this.#say();\n    this.#beatLater();\n",
    to: "    if (now - this.#port.saidAt >= BEAT_MS) this.#say();\n    if (this.#host.parked() && now - this.#wordAt >= REST_AFTER_MS) this.#rest();\n    else this.#beatLater();\n",
    among: ["client.vanishes", "platform.evict"],
  },
  {
    number: 67,
    what: "a turn that an interruption became as its sound ended is never over (M80)",
    file: "src/session/turns/turn-taking.ts",
    from: "      if (floor.judging) floor.ended();\n      turn.speechStopped(decision.ticks);\n",
    to: "      if (floor.judging) floor.ended();\n      else turn.speechStopped(decision.ticks);\n",
    among: ["caller.barge_in", "caller.cough", "provider.standby"],
  },
  {
    number: 68,
    what: "a provider is hung up as quiet before it is missed (K100)",
    file: "src/session/turns/witness.ts",
    from: 'phase === "ready" && (watched || this.#hearing.has(index))',
    to: 'phase === "ready" && (this.#hearing.has(index) || (watched && index < 0))',
    among: ["caller.long_silence", "provider.hole_in_answer", "provider.hole_anytime"],
  },
  {
    number: 69,
    what: "what the caller said and nobody knows the words of is kept as little as what can be told in words",
    file: "src/session/memory/wordless.ts",
    from: "Math.min(wordlessBytes, sessionSize",
    to: "Math.min(0, sessionSize",
    among: ["provider.rollover", "provider.close_anytime"],
  },
];
