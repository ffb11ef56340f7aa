import type { ConnectionSnapshot } from "./connection-snapshot.ts";
import type { PatienceSnapshot } from "./patience.ts";
import type { SuccessionSnapshot } from "./succession.ts";

export interface LinkSnapshot {
  readonly dials: number;
  readonly chosen: number;
  readonly patience: PatienceSnapshot;
  readonly missedMs: number;
  readonly missedAt: number;
  readonly parked: boolean;
  readonly struck?: boolean;
  readonly cursor: number;
  readonly current: ConnectionSnapshot | null;
  readonly succession: SuccessionSnapshot;
}
