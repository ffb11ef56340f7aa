/** What the conversation asks of other parts of the session. */
import type { JsonObject } from "../../protocol/json.ts";
import type { Command } from "../../upstreams/upstream.ts";
import type { ServerEvent } from "../state/server-events.ts";

/** Tells the client, and whoever else is told. */
export interface ClientPort {
  readonly extended: boolean;
  emit(event: ServerEvent): void;
  /** Several events that show the same large object. */
  emitShown(name: string, shown: JsonObject, events: readonly ServerEvent[]): void;
  /** What this tells may all wait to be read. */
  retelling(tell: () => void): void;
}

/** An upstream that is told of items. */
export interface Link {
  readonly index: number;
  /** It is dialled now, where it is not there. */
  ensure(): void;
  command(command: Command): boolean;
}

/** An upstream of which it matters whether it hears again what the caller said. */
export interface HearingLink {
  /** Some connection of it could be told by its sound what the caller said. */
  readonly replays: boolean;
}

/** Whose voice an upstream is. */
export interface Voices {
  /** It is told what any upstream said, and what tools gave. */
  knowsAll(index: number): boolean;
}
