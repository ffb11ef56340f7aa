/** Breakages of a guard: see mutations.ts. */
import type { Mutation } from "./mutations.ts";

export const GUARD_MUTATIONS: readonly Mutation[] = [
  {
    number: 83,
    what: "a later piece that passes lets the one before pass that is not judged yet (X200)",
    file: "src/session/guard/guarded-part.ts",
    from: "if (question !== null) break;",
    to: "if (question !== null) continue;",
    among: ["guard.veto"],
  },
  {
    number: 84,
    what: "what a closed guard has not judged in time passes (X207)",
    file: "src/session/guard/questions.ts",
    from: 'if (judgement.decision === "closed") return this.#settle(question, judgement);',
    to: 'if (judgement.decision === "closed") return this.#settle(question, PASSES);',
    among: ["guard.veto"],
  },
  {
    number: 114,
    what: "whom a hedge asks next is asked though it knows words that nobody has judged (X229)",
    file: "src/session/output/responses.ts",
    from: "if (this.#session.guard?.input?.withholds(response.id) !== true) this.#put(response, link);",
    to: "this.#put(response, link);",
    among: ["guard.words"],
  },
  {
    number: 115,
    what: "when some of the words are refused, others that came with them are not waited for (X229)",
    file: "src/session/guard/input-guard.ts",
    from: "    if (this.#open([]).length > 0) return this.#await();\n",
    to: "",
    among: ["guard.words"],
  },
];
