/** Breakages of what upstreams that are one voice know and do: see mutations.ts. */
import type { Mutation } from "./mutations.ts";
import { TRIAL_MUTATIONS } from "./trial-mutations.ts";

export const RACE_MUTATIONS: readonly Mutation[] = [
  {
    number: 75,
    what: "of models that are one voice the others are not told what was said (X102)",
    file: "src/session/plan/voices.ts",
    from: "if (link.index !== stream && this.knowsAll(link.index)) link.tellLater(itemId);",
    to: "if (link.index === stream && this.knowsAll(link.index)) link.tellLater(itemId);",
    among: ["caller.slices", "caller.zeros"],
  },
  {
    number: 76,
    what: "who loses a race goes on, and remembers what nobody heard (X101)",
    file: "src/session/output/rounds.ts",
    from: 'for (const id of slower) this.#lose(round, responses.get(id), "slower");',
    to: 'for (const id of slower.slice(9)) this.#lose(round, responses.get(id), "slower");',
    among: ["caller.slices", "caller.zeros"],
  },
  {
    number: 77,
    what: "what the death of one connection leads to is asked on another that died with it (X112)",
    file: "src/session/links/serving.ts",
    from: "return !this.doomed && (this.current?.alive ?? false);",
    to: "return this.current?.alive ?? false;",
    among: ["platform.deploy", "provider.silent_voice"],
  },
  ...TRIAL_MUTATIONS,
];
