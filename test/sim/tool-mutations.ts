/** Breakages of the tools that the relay runs: see mutations.ts. */
import type { Mutation } from "./mutations.ts";

export const TOOL_MUTATIONS: readonly Mutation[] = [
  {
    number: 85,
    what: "a call of an answer that was cut is made (X244)",
    file: "src/session/tools/call.ts",
    from: 'if (response.phase !== "completed") return "cut_off";',
    to: 'if (response.phase === "failed") return "cut_off";',
    among: ["tool.webhook", "caller.barge_in", "caller.cancel"],
  },
  {
    number: 86,
    what: "a call is made before it is on record, and again under another name (X246)",
    file: "src/session/tools/index.ts",
    from: "if (call.number <= this.#recorded && !call.waits && !this.#made.has(call.id)) this.#make(call);",
    to: "if (!call.waits && !this.#made.has(call.id)) this.#make(call);",
    among: ["tool.webhook", "platform.crash"],
  },
  {
    number: 87,
    what: "what a call gave is lost with the object: it is not made again (X246)",
    file: "src/session/tools/index.ts",
    from: "    this.#made.clear();\n",
    to: "    for (const call of snapshot.calls) this.#forget(call);\n",
    among: ["tool.webhook", "platform.crash", "platform.deploy"],
  },
  {
    number: 107,
    what: "a call that waits for the caller's silence counts the time in which they were away (X302)",
    file: "src/session/output/listener.ts",
    from: "    this.#parts.tools?.back();\n",
    to: "",
    among: ["tool.confirm", "network.cut"],
  },
  {
    number: 108,
    what: "a cancel of what has ended takes no call back (X301)",
    file: "src/session/client/client-commands.ts",
    from: "    if (stops) this.#parts.tools?.takeBack();\n",
    to: "",
    among: ["tool.confirm", "caller.cancel"],
  },
];
