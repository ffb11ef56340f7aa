/** What observers see of a session and do to it. */
import type { AudioFormat } from "../../audio/format.ts";
import type { ClientError } from "../../protocol/client-error.ts";
import type { PlainEvent } from "../../protocol/client-events.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { Context } from "../context.ts";
import type { Conversation } from "../memory/conversation.ts";
import type { Sound } from "../state/sounds.ts";
import type { Rate } from "../state/rate.ts";

/** What an observer may still ask for. */
export interface Budget {
  readonly events: Rate;
  readonly bytes: Rate;
  readonly told: Rate;
  /** It went on for too long though it was refused. */
  readonly exhausted: boolean;
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

/** An announcement of the application's. */
export interface Announcement {
  readonly id: string;
  readonly sound: Sound;
  readonly interrupts: boolean;
  /** Not begun by then, it is dropped. */
  readonly expiresMs: number;
}

/** What the relay plays by itself. */
interface Asides {
  /** A sound of the configuration by its name. */
  soundNamed(name: string): Sound | undefined;
  /** @throws ClientError */
  say(announcement: Announcement): void;
}

/** The session that is observed. Read when it is asked for. */
export interface Observed {
  readonly context: Context;
  readonly conversation: Conversation;
  readonly sessionObject: { shown(): JsonObject };
  readonly config: { readonly transcriptionOnly: boolean; readonly outputFormat: AudioFormat };
  readonly parking: { touch(): void };
  readonly asides: Asides;
}
