/** Breakages of a plan that changes in mid-call: see mutations.ts. */
import type { Mutation } from "./mutations.ts";

const AMONG = ["caller.slices", "caller.zeros"];

export const PLAN_MUTATIONS: readonly Mutation[] = [
  {
    number: 104,
    what: "who was hung up because a plan goes on without it is dialled with the others (X357)",
    file: "src/session/links/link.ts",
    from: 'if (this.presence === "away" || this.current?.alive || this.departed) return;',
    to: "if (this.current?.alive || this.departed) return;",
    among: AMONG,
  },
  {
    number: 105,
    what: "who leaves stays connected (X357)",
    file: "src/session/plan/cast.ts",
    from: '      if (!link.park("left")) link.hangUp();\n',
    to: "",
    among: AMONG,
  },
  {
    number: 106,
    what: "who leaves is hung up in the middle of its answer (X357)",
    file: "src/session/plan/cast.ts",
    from: "if (responses.busy(index) || rounds.mayAsk(index)",
    to: "if (rounds.mayAsk(index)",
    among: AMONG,
  },
];
