/** Breakages of rules that only calls of many thousands had shown to be missing: see mutations.ts. */
import type { Mutation } from "./mutations.ts";

export const RULE_MUTATIONS: readonly Mutation[] = [
  {
    number: 70,
    what: "what becomes due as a connection is lost dials beside the one that takes its place (L160)",
    file: "src/session/links/link.ts",
    from: '    if (this.#losing) return this.#at("redial", this.#context.now);\n',
    to: "",
    among: ["client.no_interruption", "provider.rollover", "provider.standby", "provider.close"],
  },
  {
    number: 71,
    what: "a turn that was made while its upstream was dialled in vain is told as a loss (L161)",
    file: "src/session/links/link.ts",
    from: '    if (turns === "client" && this.#host.replay !== null) return this.cursor;\n',
    to: "",
    among: ["provider.no_answer", "caller.zeros"],
  },
  {
    number: 72,
    what: "what left the history is told again of each connection that is dialled (L162)",
    file: "src/session/links/missed.ts",
    from: "    const from = Math.max(fromTicks, this.#toTicks);\n",
    to: "    const from = fromTicks;\n",
    among: ["caller.long_silence", "provider.rollover", "provider.close_anytime"],
  },
  {
    number: 73,
    what: "a turn of the new rate that began before the change has no beginning (M105)",
    file: "src/session/turns/audio-input.ts",
    from: "    this.#lookBack(formerHz, rateHz);\n",
    to: "",
    among: ["client.formats", "provider.rollover", "provider.close_anytime"],
  },
  {
    number: 74,
    what: "an ask that was cancelled and never begins holds up all that are asked for after it",
    file: "src/upstreams/openai-asks.ts",
    from: "    if (ask !== undefined) ask.lost = true;\n",
    to: "    if (ask === undefined) return;\n",
    among: ["provider.swallows_ask", "caller.zeros", "caller.barge_in"],
  },
  {
    number: 78,
    what: "what waits for a connection that is dialled leaves the history as if it had been heard (J13)",
    file: "src/session/turns/input-flow.ts",
    from: "from = Math.min(from, link.neededFrom);",
    to: "from = Math.min(from, link.cursor);",
    among: ["provider.no_answer", "provider.never_ready"],
  },
  {
    number: 79,
    what: "who is asked anew is asked for the rest of what broke off as well (L210)",
    file: "src/session/output/asking.ts",
    from: '      if (params.conversation !== "none" && responses.room) recovery.superseded(link);\n',
    to: "",
    among: ["provider.dies_in_answers", "caller.create"],
  },
];
