/** All that a session is, to go on with in another isolate. */
import type { SessionConfig } from "../protocol/session-config.ts";
import type { AudioInputSnapshot } from "./turns/audio-input.ts";
import type { AskingSnapshot } from "./output/asking.ts";
import type { BackpressureSnapshot } from "./client/backpressure.ts";
import type { ClientPortSnapshot } from "./client/client-port.ts";
import type { ConductSnapshot } from "./conduct-snapshot.ts";
import type { ContextSnapshot } from "./context.ts";
import type { ConversationSnapshot } from "./memory/conversation.ts";
import type { DeliverySnapshot } from "./delivery/delivery.ts";
import type { EagerSnapshot } from "./turns/eager.ts";
import type { FloorSnapshot } from "./floor/floor-snapshot.ts";
import type { LinkSnapshot } from "./links/link-snapshot.ts";
import type { PlacedItemsSnapshot } from "./output/placed-items.ts";
import type { PlayoutSnapshot } from "./output/playout.ts";
import type { RecoverySnapshot } from "./output/recovery.ts";
import type { WriterSnapshot } from "./output/audio-writer.ts";
import type { ResponsesSnapshot } from "./output/responses-snapshot.ts";
import type { TranscriberSnapshot } from "./turns/transcriber.ts";
import type { TurnEndSnapshot } from "./turn-end/turn-end.ts";
import type { TurnSnapshot } from "./turns/turn-snapshot.ts";
import type { Covers, SessionState } from "./io.ts";

/** Of what a snapshot holds. To be raised with every change of that: see durable-objects/snapshot-versions.ts. */
export const SNAPSHOT_VERSION = 2;

/** Structured-clonable. Holds no secret. */
export interface SessionSnapshot {
  readonly version: typeof SNAPSHOT_VERSION;
  /** To be handed back with `persisted`. */
  readonly covers: Covers;
  readonly conduct: ConductSnapshot;
  readonly status: SessionState["status"];
  /** When a client of which nobody knows what it has seen is given up; null: there is no doubt. */
  readonly doubtedUntil: number | null;
  readonly audioReceivedMs: number;
  readonly context: ContextSnapshot;
  readonly port: ClientPortSnapshot;
  readonly delivery: DeliverySnapshot;
  readonly config: SessionConfig;
  readonly conversation: ConversationSnapshot;
  readonly playout: PlayoutSnapshot;
  readonly backpressure: BackpressureSnapshot;
  readonly writer: WriterSnapshot;
  readonly responses: ResponsesSnapshot;
  readonly floor: FloorSnapshot;
  readonly eager: EagerSnapshot;
  readonly owed: boolean;
  readonly asking: AskingSnapshot;
  readonly placed: PlacedItemsSnapshot;
  readonly recovery: RecoverySnapshot;
  readonly turnEnd: TurnEndSnapshot;
  readonly input: AudioInputSnapshot;
  readonly turns: TurnSnapshot;
  readonly links: readonly LinkSnapshot[];
  readonly transcriber: TranscriberSnapshot | null;
}
