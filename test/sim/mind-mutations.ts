/** Breakages of the background mind: see mutations.ts. */
import type { Mutation } from "./mutations.ts";

export const MIND_MUTATIONS: readonly Mutation[] = [
  {
    number: 100,
    what: "what came of a task is told over the caller (X262)",
    file: "src/session/quiet.ts",
    from: "  if (!talk.hushed || talk.talks) return false;\n",
    to: "",
    among: ["background.mind", "caller.barge_in"],
  },
  {
    number: 101,
    what: "what came of a task is told twice (X262)",
    file: "src/session/background/telling.ts",
    from: "    this.#host.forget(task);\n    const spoken",
    to: '    if (reason !== "gap") this.#host.forget(task);\n    const spoken',
    among: ["background.mind"],
  },
  {
    number: 102,
    what: "a task that was called off is told of all the same (X268)",
    file: "src/session/background/index.ts",
    from: '    if (task !== undefined) this.#drop(task, "cancelled");',
    to: '    if (task !== undefined) this.#parts.port.tell({ ...about("dropped", task), reason: "cancelled" });',
    among: ["background.mind"],
  },
  {
    number: 103,
    what: "a task whose text model says nothing more never ends (X266)",
    file: "src/session/background/index.ts",
    from: '    if (what === "stale") return this.#drop(task, "stale");',
    to: '    if (what === "stale") return;',
    among: ["background.mind"],
  },
  {
    number: 109,
    what: "what a text model was asked for a plain client's session is not asked anew after a death (X275)",
    file: "src/session/session.ts",
    from: "      conduct.background?.died();\n",
    to: "",
    among: ["background.mind", "platform.crash_plain"],
  },
];
