/** What observers see of a session and do to it. */
import type { AudioFormat } from "../../audio/format.ts";
import type { ClientError } from "../../protocol/client-error.ts";
import type { PlainEvent } from "../../protocol/client-events.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { Context } from "../context.ts";
import type { Conversation } from "../memory/conversation.ts";
import type { Rate } from "../state/rate.ts";

/** What an observer may still ask for. */
export interface Budget {
  readonly events: Rate;
  readonly bytes: Rate;
  readonly told: Rate;
  /** It went on for too long though it was refused. */
  readonly exhausted: boolean;
  /** One more answer is to be asked for. @returns why it is not. */
  refusedAnswer(): ClientError | null;
  /** @returns what it is told; null: nothing. */
  refuse(resource: "events" | "bytes", size: number, ms: number, now: number): ClientError | null;
  weigh(size: number, now: number): void;
  /** @throws ClientError when it has been told too much of late. */
  requireTelling(now: number): void;
}

/** What an observer has of its own: what it may cost, and what it may do with that. */
export interface Means {
  readonly budget: Budget;
  /** Does what a client's event does. */
  readonly commands: { /** @throws ClientError */ handle(event: PlainEvent): void };
}

/** What the relay plays by itself. */
interface Asides {
  /** `relay.say`. @throws ClientError */
  request(
    message: JsonObject,
    by: { readonly client: false; readonly budget: { refusedAnswer(): ClientError | null } },
  ): void;
}

/** The session that is observed. Read when it is asked for. */
export interface Observed {
  readonly context: Context;
  readonly conversation: Conversation;
  readonly sessionObject: { shown(): JsonObject };
  readonly config: { readonly transcriptionOnly: boolean; readonly outputFormat: AudioFormat };
  readonly parking: { touch(): void };
  readonly asides: Asides;
  /** What happens to a session whose client has still to say what it has seen waits for that. */
  readonly doubt: { readonly kept: object | null };
  /** The application ends the session, at once or when all is heard. */
  readonly presence: { terminate(): void };
  readonly leaving: { ask(): void };
  /** Of another observer. */
  meansOfObserver(): Means;
}
