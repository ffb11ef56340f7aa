/** What a connection tells the call, and what it takes from it. */
import type { FrameHeader } from "../protocol/frame.ts";
import type { RelayError } from "./error.ts";
import type { CallEventMap, CloseInfo } from "./events.ts";
import type { JsonObject } from "./json.ts";

/** What the relay takes (docs/wire.md). Delivery's own are the SDK's to send. */
export type ClientEventType =
  | "conversation.item.create"
  | "conversation.item.delete"
  | "conversation.item.retrieve"
  | "conversation.item.truncate"
  | "input_audio_buffer.append"
  | "input_audio_buffer.clear"
  | "input_audio_buffer.commit"
  | "output_audio_buffer.clear"
  | "playback.ack"
  | "response.cancel"
  | "response.create"
  | "session.update";

export type ClientEvent = JsonObject & { readonly type: ClientEventType };

export interface ConnectionHooks {
  /** A server event that was not received before. */
  text(event: JsonObject): void;
  /** A binary message that was not received before, and `data` with its header. */
  frame(header: FrameHeader, data: ArrayBuffer): void;
  /** An event as it goes onto the wire, at once or when there is a connection again. */
  sent(event: JsonObject): void;
  opened(): void;
  lost(close: CloseInfo): void;
  reconnecting(detail: CallEventMap["reconnecting"]): void;
  resumed(detail: CallEventMap["resumed"]): void;
  overflow(detail: CallEventMap["overflow"]): void;
  error(error: RelayError): void;
  /** An open session is over and cannot be resumed. Not called for `close()`. */
  ended(close: CloseInfo, error: RelayError | null): void;
}
