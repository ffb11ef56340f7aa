/** Words of the caller, as upstreams transcribe them: of which item they are, and what the client is told of them. */
import type { Conversation } from "../memory/conversation.ts";
import type { InputTranscript } from "../state/upstream-said.ts";
import type { ClientPort, Eager } from "./ports.ts";

/** Read when it is asked for: some of these parts are made later. */
interface CallersWordsParts {
  readonly port: Pick<ClientPort, "emit">;
  readonly conversation: Conversation;
  readonly eager: Eager;
  /** An item of the conversation changed. */
  readonly upstreamEvents: { changed(itemId: string): void };
}

/** The latest keys of items; what comes so late of an older one is of no turn that anybody knows. */
const KEPT = 64;

export class CallersWords {
  readonly #port: Pick<ClientPort, "emit">;
  readonly #conversation: Conversation;
  readonly #parts: CallersWordsParts;
  /** Keys of user items that an upstream with its own turn detection made. */
  readonly #userItems = new Map<string, string>();

  constructor(parts: CallersWordsParts) {
    this.#port = parts.port;
    this.#conversation = parts.conversation;
    this.#parts = parts;
  }

  /** What an upstream calls so is this item. */
  called(key: string, id: string): void {
    this.#userItems.set(key, id);
    if (this.#userItems.size > KEPT) {
      const [oldest] = this.#userItems.keys();
      if (oldest !== undefined) this.#userItems.delete(oldest);
    }
  }

  /** Words of the caller's turn: for the client, when it knows of the turn. */
  said(event: InputTranscript): void {
    const itemId = this.#userItems.get(event.itemId) ?? this.#parts.eager.itemOf(event.itemId);
    const entry = itemId === null ? undefined : this.#conversation.spoken(itemId);
    if (itemId === null || !entry) {
      this.#parts.eager.keep(event);
      return;
    }
    const base = { item_id: itemId, content_index: ("part" in event ? event.part : undefined) ?? 0 };
    const type = `conversation.item.input_audio_transcription.${event.type.slice("input.transcript.".length)}`;
    if (event.type === "input.transcript.delta") {
      this.#port.emit({ type, ...event.extra, ...base, delta: event.delta });
    } else if (event.type === "input.transcript.segment") {
      this.#port.emit({ ...event.segment, type, ...base });
    } else if (event.type === "input.transcript.failed") {
      this.#port.emit({ type, ...base, error: { type: "server_error", ...event.error, param: null } });
    } else {
      this.#conversation.transcribed(entry, event.transcript);
      this.#parts.upstreamEvents.changed(itemId);
      const usage = event.usage ?? { type: "duration", seconds: Math.round(entry.audioMs / 100) / 10 };
      this.#port.emit({ type, ...event.extra, ...base, transcript: event.transcript, usage });
    }
  }

  snapshot(): readonly (readonly [string, string])[] {
    return [...this.#userItems];
  }

  restore(items: readonly (readonly [string, string])[]): void {
    for (const [key, id] of items) this.#userItems.set(key, id);
  }
}
