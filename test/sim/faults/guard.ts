/** The route has a guard, and agents say what it refuses (scenario: `test/sim/guard.ts`). */
import { GUARD_VETO } from "../guard.ts";
import type { Fault } from "./fault.ts";

export const GUARD_FAULTS: readonly Fault[] = [
  {
    name: GUARD_VETO,
    onlyNamed: true,
    fits: ({ converted, upstreams }) => !converted && upstreams.every(({ kind }) => kind !== "echo"),
    arm() {},
  },
];
