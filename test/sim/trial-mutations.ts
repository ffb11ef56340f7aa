/** Breakages of what is tried out, and of what it costs: see mutations.ts. */
import type { Mutation } from "./mutations.ts";

export const TRIAL_MUTATIONS: readonly Mutation[] = [
  {
    number: 91,
    what: "a shadow goes on knowing what it said, and nobody heard (X331)",
    file: "src/session/shadow/shadows.ts",
    from: 'for (const itemId of trial.items) link.command({ type: "delete", itemId });',
    to: 'for (const itemId of trial.items.slice(9)) link.command({ type: "delete", itemId });',
    among: ["caller.slices", "caller.zeros"],
  },
  {
    number: 92,
    what: "a shadow is not told what was heard (X331)",
    file: "src/session/plan/voices.ts",
    from: "return this.one || index >= this.#parts.speakers.length;",
    to: "return this.one;",
    among: ["caller.slices", "caller.zeros"],
  },
  {
    number: 93,
    what: "what was counted is counted again (X324)",
    file: "src/session/cost/ledger.ts",
    from: "for (const { units, told } of this.#lines.values()) Object.assign(told, units);",
    to: "",
    among: ["caller.slices", "caller.zeros"],
  },
  {
    number: 110,
    what: "connections of a dead object are paid for until it comes back (X387)",
    file: "src/session/session.ts",
    from: "    if (doubt) conduct.costs?.died(snapshot.context.now);\n",
    to: "",
    among: ["platform.crash_plain", "provider.slow_first"],
  },
];
