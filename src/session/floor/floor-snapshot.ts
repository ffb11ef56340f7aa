/** What a snapshot holds of the floor. */
import type { FloorPhase } from "../transitions.ts";
import type { CallerLevelSnapshot } from "./caller-level.ts";
import type { ChoppedSnapshot } from "./chopped.ts";
import type { EchoGuardSnapshot } from "./echo-guard.ts";
import type { GivingWaySnapshot } from "./giving-way.ts";
import type { Word } from "./kept-word.ts";
import type { Overlap } from "./overlap.ts";
import type { RequestsSnapshot } from "./request.ts";

export interface FloorSnapshot extends CallerLevelSnapshot, GivingWaySnapshot {
  readonly phase: FloorPhase;
  readonly overlap: Overlap | null;
  readonly dismissals: number;
  readonly chopped: ChoppedSnapshot;
  readonly kept: Word | null;
  readonly requests?: RequestsSnapshot;
  readonly guard: EchoGuardSnapshot;
}
