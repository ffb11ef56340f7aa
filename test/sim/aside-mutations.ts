/** Breakages of what the relay plays by itself, and of calls that may be taken back: see mutations.ts. */
import type { Mutation } from "./mutations.ts";

export const ASIDE_MUTATIONS: readonly Mutation[] = [
  {
    number: 88,
    what: "a filler goes on when the caller speaks (X296)",
    file: "src/session/aside/fillers.ts",
    from: "    return turns.openItem !== null || floor.judging || floor.held;",
    to: "    return turns.openItem !== null && floor.judging && floor.held;",
    among: ["relay.fillers", "caller.barge_in"],
  },
  {
    number: 89,
    what: "a filler is sent as far ahead as an answer, which then waits for it (X295)",
    file: "src/session/aside/fillers.ts",
    from: "const LEAD_MS = 30;",
    to: "const LEAD_MS = 400;",
    among: ["relay.fillers"],
  },
  {
    number: 90,
    what: "who speaks takes no call back (X301)",
    file: "src/session/reactions.ts",
    from: "    budget.heard();\n    tools?.takeBack();\n",
    to: "    budget.heard();\n",
    among: ["tool.confirm", "caller.barge_in"],
  },
  {
    number: 111,
    what: "a sentence that comes in pieces is more than its text has (X404)",
    file: "src/session/aside/synthesis.ts",
    from: "text.length * SLOWEST_MS + PAUSES_MS);",
    to: "text.length);",
    among: ["relay.speech"],
  },
  {
    number: 113,
    what: "a backchannel is sent as far ahead as an answer, which then waits for it (X423)",
    file: "src/session/aside/backchannels.ts",
    from: "const LEAD_MS = 30;",
    to: "const LEAD_MS = 400;",
    among: ["relay.backchannels", "caller.barge_in"],
  },
];
