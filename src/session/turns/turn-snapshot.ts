import type { InputFlowSnapshot } from "./input-flow.ts";
import type { InputWatchSnapshot } from "./input-watch.ts";
import type { ProviderTurnSnapshot } from "./provider-turn.ts";
import type { Marks } from "./turn-marks.ts";
import type { TurnPhase } from "../transitions.ts";
import type { UserItemSnapshot } from "./user-item.ts";

/** Everything that turn taking and its parts know. */
export interface TurnSnapshot extends Marks {
  readonly phase: TurnPhase;
  readonly silenceMs: number;
  readonly detects: boolean;
  readonly renewed: boolean;
  readonly item: UserItemSnapshot;
  readonly provider: ProviderTurnSnapshot;
  readonly flow: InputFlowSnapshot;
  readonly watch: InputWatchSnapshot;
}
