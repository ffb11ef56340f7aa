/** What delivery uses of other parts of the session. Whoever joins the parts passes the real ones. */
import type { DialectTraits } from "../../dialects/dialect.ts";
import type { WireMessage } from "../../upstreams/upstream.ts";
import type { ServerEvent } from "../state/server-events.ts";

/** The client: what it was sent, by number, and whether it is sent more just now. */
export interface ClientPort {
  readonly connected: boolean;
  readonly extended: boolean;
  readonly traits: Pick<DialectTraits, "beats">;
  readonly sequence: number;
  readonly saidAt: number;
  readonly outbox: Outbox;
  emitUnnumbered(event: ServerEvent): void;
  again(data: WireMessage): void;
  acknowledge(sequence: number): void;
  recall(lastReceived: number): NumberRange | null;
  restart(): void;
  mute(): void;
  unmute(): void;
}

/** What was sent to it and is not acknowledged. */
interface Outbox {
  after(sequence: number): readonly Sent[];
  gapsAfter(sequence: number): readonly Gap[];
}

export interface Sent {
  readonly sequence: number;
  readonly data: WireMessage;
  /** Milliseconds of audio in it; 0 for text. */
  readonly audioMs: number;
}

/** Numbers that can not be sent again. */
interface Gap {
  readonly from: number;
  readonly to: number;
  readonly audioMs: number;
}

/** Numbers of messages, first and last. */
export type NumberRange = readonly [from: number, to: number];
