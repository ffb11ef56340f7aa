/** The route has a guard, and agents or callers say what it refuses (scenarios: `test/sim/guard.ts`, `test/sim/typed.ts`). */
import { GUARD_VETO } from "../guard.ts";
import { GUARD_WORDS, typeMeanwhile } from "../typed.ts";
import type { Fault } from "./fault.ts";

export const GUARD_FAULTS: readonly Fault[] = [
  {
    name: GUARD_VETO,
    onlyNamed: true,
    fits: ({ converted, upstreams }) => !converted && upstreams.every(({ kind }) => kind !== "echo"),
    arm() {},
  },
  {
    name: GUARD_WORDS,
    onlyNamed: true,
    fits: ({ converted, manual, upstreams }) =>
      !converted && !manual && upstreams.every(({ kind }) => kind === "turns"),
    arm: typeMeanwhile,
  },
];
