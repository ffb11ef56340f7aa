/** What reading a client's messages leads to. */
import type { AudioFormat } from "../../audio/format.ts";
import type { PlainEvent } from "../../protocol/client-events.ts";

/** What of a message a piece of audio is. */
export interface AudioPart {
  /** Milliseconds of audio that the message had, as far as is known. */
  readonly messageMs: number;
  /** It is its beginning: the message came now. */
  readonly first: boolean;
  /** Milliseconds by which its end was heard sooner than now. */
  readonly restMs: number;
}

export interface ClientMessagesHost {
  /** Of the client's audio. */
  readonly inputFormat: AudioFormat;
  /** Speech is looked for in it. */
  readonly detects: boolean;
  /** The client wants something, other than that its audio is heard. */
  acted(): void;
  /** It goes on though it is refused, message after message. */
  flooded(): void;
  /** Its wire says that it is not the client that is meant. */
  turnedAway(code: number, reason: string): void;
  /** Its wire says that it does not come back. */
  hungUp(): void;
  /** Another client may speak from here on. */
  brokeOff(): void;
  /** Anything but audio. @throws ClientError */
  event(event: PlainEvent): void;
  /** Audio in the session's input format; a view that is valid only during the call. */
  audio(bytes: Uint8Array, part: AudioPart): void;
}
