/**
 * What a client's wire is to the session: the mirror of `upstreams/upstream.ts`. The session writes OpenAI's events, and for
 * a client that keeps count its own extensions and binary frames (docs/wire.md). Where a client's wire is another one, a codec
 * stands between that client and the session's client port; where it is one of these two, nothing does.
 *
 * Pure: no clock, no randomness, no socket. A codec holds what it needs to go on after its object died.
 */
import type { ClientError } from "../protocol/client-error.ts";
import type { JsonObject } from "../protocol/json.ts";

/** A text or binary message of a socket. */
export type ClientMessage = string | Uint8Array;

/** What a client of this dialect can do, and the session has to know. */
export interface DialectTraits {
  /**
   * What the port says is numbered and kept, audio is binary and paced, what is not heard is flushed, and the client says
   * what was: all of `duplex.v1`. Otherwise it is OpenAI's wire and nothing else.
   */
  readonly extended: boolean;
  /** Its player can stand still with what it has. One that cannot plays on while a sound is judged. */
  readonly holds: boolean;
  /** It says something within every five seconds, and one that acknowledges or beats is held to that. */
  readonly beats: boolean;
}

/** What a message of the wire is to the session. */
export type Heard =
  /** What the client port takes: an event of OpenAI's or of `duplex.v1`, or a binary frame. */
  | { readonly type: "message"; readonly data: ClientMessage }
  /** It cannot be read, or means nothing here: a fault of the client's, which counts against its budget. */
  | {
      readonly type: "refused";
      readonly error: ClientError;
      /** `event_id` of the message, of a wire whose messages have one. */
      readonly eventId?: string | null;
    }
  /** The caller hung up. */
  | { readonly type: "hangup" }
  /** This client is none: its connection is closed. */
  | { readonly type: "turn away"; readonly code: number; readonly reason: string }
  /** So many of the client's messages were lost on the way. */
  | { readonly type: "lost"; readonly messages: number };

/** One client's wire, for as long as the session has clients of that dialect. */
export interface Codec {
  /** Another connection: what the last one said of itself is of no account. */
  opened(): void;
  decode(data: ClientMessage, now: number): readonly Heard[];
  /** When there is something to hear though nothing came; null: nothing is waited for. */
  readonly deadline: number | null;
  /** What is heard at that time. */
  due(now: number): readonly Heard[];
  /** `data`, a view that is valid during the call only, is what the client port sends. */
  encode(data: ClientMessage): readonly ClientMessage[];
  /** Structured-clonable, of bounded size, without secrets of the deployment's. */
  snapshot(): CodecSnapshot;
  restore(snapshot: CodecSnapshot): void;
}

export type CodecSnapshot = JsonObject;

export interface Dialect {
  readonly traits: DialectTraits;
  /** Null: the wire is what the port sends and takes. @param settings of the session's door. */
  readonly codec: ((settings: JsonObject) => Codec) | null;
}
