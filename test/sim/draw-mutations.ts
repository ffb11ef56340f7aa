/** Breakages that show only in calls with draws of their own (`onlyNamed`): see mutations.ts. */
import type { Mutation } from "./mutations.ts";

export const DRAW_MUTATIONS: readonly Mutation[] = [
  {
    number: 94,
    what: "what waited of a connection that is gone is taken for the first word of the one that is there (M90)",
    file: "src/session/client/budget-steps.ts",
    from: "    this.#ofFormer = this.#former > 0;\n",
    to: "    this.#ofFormer = this.#former > this.#waiting.length;\n",
    among: ["client.drops_after_upload"],
  },
  {
    number: 95,
    what: "who died long after its last snapshot is waited for from then on, and its alarm ends it (O20)",
    file: "src/session/client/doubt.ts",
    from: "snapshot.doubtedUntil ?? context.now + context.limits.clientGoneMs;",
    to: "snapshot.doubtedUntil ?? snapshot.context.now + context.limits.clientGoneMs;",
    among: ["platform.alarm_after_death"],
  },
  {
    number: 96,
    what: "of what waits of a call's arguments the last piece is told alone (B90)",
    file: "src/session/output/lane.ts",
    from: "  return { ...before, delta: before.delta + event.delta };",
    to: '  return { ...before, delta: event.type === "arguments" ? event.delta : before.delta + event.delta };',
    among: ["provider.calls_in_pieces", "network.slow_reader", "network.stall_down"],
  },
  {
    number: 97,
    what: "half a sample of a plain client's is broken off in the middle of what it sent (R84)",
    file: "src/session/presence.ts",
    from: 'messages.breakOff();\n    }\n    this.#status = "waiting";',
    to: 'this.#conduct.input.breakOff();\n    }\n    this.#status = "waiting";',
    among: ["client.drops_after_upload", "client.begins_anew", "caller.create"],
  },
  {
    number: 98,
    what: "what waits of a call's arguments is told in the wrong order (B90)",
    file: "src/session/output/lane.ts",
    from: "  return { ...before, delta: before.delta + event.delta };",
    to: '  return { ...before, delta: event.type === "arguments" ? event.delta + before.delta : before.delta + event.delta };',
    among: ["provider.calls_in_pieces", "network.slow_reader", "network.stall_down"],
  },
  {
    number: 99,
    what: "a connection that comes back is not told apart from the one that is gone while that one's words wait (M90)",
    file: "src/session/client/budget-steps.ts",
    from: "    this.#former = this.#waiting.length - this.#taken;\n",
    to: "    this.#former = 0;\n",
    among: ["client.drops_after_upload"],
  },
  {
    number: 112,
    what: "what is as far ahead of its listener as it may be is looked at again and again: the call never ends",
    file: "src/session/output/output-gate.ts",
    from: "        this.#wakeIn(response, RELEASE_MS - room);\n        break;\n",
    to: "        this.#wakeIn(response, RELEASE_MS - room);\n        continue;\n",
  },
];
