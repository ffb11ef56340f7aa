/** What reading a client's messages leads to. */
import type { PlainEvent } from "../../protocol/client-events.ts";
import type { Context } from "../context.ts";
import type { Budget } from "./budget.ts";
import type { ClientPort } from "./client-port.ts";
import type { Configuration } from "./configuration.ts";
import type { Delivery } from "./ports.ts";

/** What of a message a piece of audio is. */
export interface AudioPart {
  /** Milliseconds of audio that the message had, as far as is known. */
  readonly messageMs: number;
  /** It is its beginning: the message came now. */
  readonly first: boolean;
  /** Milliseconds by which its end was heard sooner than now. */
  readonly restMs: number;
}

/** Read when it is asked for: some of these parts are made later. */
export interface MessageParts {
  readonly context: Context;
  readonly port: ClientPort;
  readonly budget: Budget;
  readonly delivery: Delivery;
  readonly config: Pick<Configuration, "inputFormat">;
  readonly input: {
    /** Speech is looked for in the client's audio. */
    readonly detects: boolean;
    /** Another client may speak from here on. */
    breakOff(): void;
  };
  /** The client wants something, other than that its audio is heard. */
  readonly parking: { touch(): void };
  /** Anything but audio. */
  readonly commands: { /** @throws ClientError */ handle(event: PlainEvent): void };
  readonly reactions: {
    /** Audio in the session's input format; a view that is valid only during the call. */
    audio(bytes: Uint8Array, part: AudioPart): void;
  };
  readonly presence: {
    /** It goes on though it is refused, message after message. */
    flooded(): void;
    /** Its wire says that it is not the client that is meant. */
    putOut(code: number, reason: string): void;
    /** Its wire says that it does not come back. */
    hungUp(): void;
  };
}
