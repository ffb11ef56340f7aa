/** Breakages of how agents give way to a sound that is judged. */
import type { Mutation } from "./mutations.ts";

export const LEVEL_MUTATIONS: readonly Mutation[] = [
  {
    number: 57,
    what: "who goes on quieter is never at full level again",
    file: "src/session/floor/giving-way.ts",
    from: "    else ramp.toward(1, DUCK_UP_MS);",
    to: "",
    among: ["caller.cough"],
  },
  {
    number: 58,
    what: "an agent gets quieter from one sample to the next",
    file: "src/session/floor/giving-way.ts",
    from: '    if (place === "alone") level.settle();',
    to: "    level.settle();",
    among: ["caller.cough"],
  },
  {
    number: 59,
    what: "a sample is lost on its way to being quieter",
    file: "src/session/floor/giving-way.ts",
    from: "    return quieter;",
    to: "    return quieter.subarray(0, quieter.length - 1);",
    among: ["caller.cough"],
  },
  {
    number: 60,
    what: "a player that ducks is not told that the sound was nothing",
    file: "src/session/floor/giving-way.ts",
    from: '(decision === "duck" && this.#way !== "player")',
    to: '(decision === "duck") !== (this.#way === "player")',
    among: ["caller.cough"],
  },
  {
    number: 61,
    what: "what a client says of its player is forgotten in a restore",
    file: "src/session/client/client-port.ts",
    from: "    this.#ducks = snapshot.ducks ?? false;",
    to: "    this.#ducks = false;",
    among: ["caller.cough", "platform.crash", "platform.deploy", "platform.evict"],
  },
];
