import type { ConnectionSnapshot } from "./connection-snapshot.ts";
import type { MissedSnapshot } from "./missed.ts";
import type { PatienceSnapshot } from "./patience.ts";
import type { SuccessionSnapshot } from "./succession.ts";
import type { TokenSums } from "../state/usage.ts";

export interface LinkSnapshot extends MissedSnapshot {
  readonly dials: number;
  readonly chosen: number;
  readonly patience: PatienceSnapshot;
  readonly parked: boolean;
  readonly struck?: boolean;
  /** It takes no part, or took none for a while. */
  readonly presence?: "away" | "back";
  readonly cursor: number;
  readonly usage?: TokenSums;
  readonly current: ConnectionSnapshot | null;
  /** It broke off, and none has served since. */
  readonly former?: ConnectionSnapshot | null;
  readonly succession: SuccessionSnapshot;
}
