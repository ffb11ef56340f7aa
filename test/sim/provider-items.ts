/** The conversation as one provider keeps it, and what it refuses. */
import type { JsonObject } from "../../src/protocol/json.ts";
import { fields, text } from "./fields.ts";
import { saidIn } from "./words.ts";

export interface ProviderItem {
  readonly type: string;
  readonly role: string;
  /** Number of the answer that its audio spells; null: it was told to it. */
  readonly answer: number | null;
  /** What it was told that an agent said; empty: it said so itself. */
  readonly words: string;
  audioMs: number;
  truncatedMs: number | null;
  /** Its answer stopped in it without a word: when that was asked for. Null: it did not. */
  stalledAskAt: number | null;
}

/** What it says, and what it says no to. */
interface Voice {
  say(event: JsonObject): void;
  refuse(code: string, what: string, event: JsonObject): void;
  newId(): string;
  deleted(id: string): void;
  readonly keepsIds: boolean;
}

export class ProviderItems {
  readonly #items = new Map<string, ProviderItem>();
  /** Turns of the caller that it was told in words. */
  readonly toldInWords = new Set<string>();
  /** What the client's application said for its caller, by item (`typed.ts`). */
  readonly #typed = new Map<string, string>();
  readonly #voice: Voice;

  constructor(voice: Voice) {
    this.#voice = voice;
  }

  /** The provider itself makes an item. */
  made(id: string, type: string, role: string, answer: number | null = null, words = ""): void {
    this.#items.set(id, { type, role, answer, words, audioMs: 0, truncatedMs: null, stalledAskAt: null });
  }

  /** What was typed, and not deleted. */
  get typed(): Iterable<string> {
    return this.#typed.values();
  }

  /** In the order of the conversation. */
  get all(): readonly ProviderItem[] {
    return [...this.#items.values()];
  }

  grew(id: string, audioMs: number): void {
    const item = this.#items.get(id);
    if (item) item.audioMs = audioMs;
  }

  stalled(id: string, askedAt: number): void {
    const item = this.#items.get(id);
    if (item) item.stalledAskAt = askedAt;
  }

  get lastType(): string | null {
    return [...this.#items.values()].at(-1)?.type ?? null;
  }

  create(event: JsonObject): void {
    const item = fields(event["item"]);
    const wanted = item["id"];
    const id = this.#voice.keepsIds && typeof wanted === "string" ? wanted : this.#voice.newId();
    if (this.#items.has(id))
      return this.#voice.refuse("item_create_duplicate_item_id", `item ${id} twice`, event);
    const previous = event["previous_item_id"];
    if (typeof previous === "string" && previous !== "root" && !this.#items.has(previous)) {
      return this.#voice.refuse(
        "item_create_invalid_previous_item_id",
        "an item after an unknown one",
        event,
      );
    }
    const role = text(item["role"]);
    this.made(id, text(item["type"]), role, null, role === "assistant" ? saidIn(item) : "");
    if (item["role"] === "user" && JSON.stringify(item["content"]).includes('"input_text"'))
      this.toldInWords.add(id);
    const [, typed] = /"text":"(typed \d+: \w+)"/.exec(JSON.stringify(item)) ?? [];
    if (typed !== undefined) this.#typed.set(id, typed);
    const shown = { ...item, id, object: "realtime.item", status: "completed" };
    this.#voice.say({ type: "conversation.item.added", item: shown, previous_item_id: previous ?? null });
    this.#voice.say({ type: "conversation.item.done", item: shown, previous_item_id: previous ?? null });
  }

  truncate(event: JsonObject): void {
    const item = this.#items.get(text(event["item_id"]));
    const endMs = Number(event["audio_end_ms"]);
    if (!item)
      return this.#voice.refuse("item_truncate_invalid_item_id", "truncation of an unknown item", event);
    if (endMs > Math.ceil(item.audioMs)) {
      return this.#voice.refuse("invalid_value", `truncation at ${endMs} of ${item.audioMs} ms`, event);
    }
    item.truncatedMs = endMs;
    this.#voice.say({
      type: "conversation.item.truncated",
      item_id: event["item_id"] ?? null,
      content_index: 0,
      audio_end_ms: endMs,
    });
  }

  delete(event: JsonObject): void {
    if (!this.#items.delete(text(event["item_id"]))) {
      return this.#voice.refuse("item_delete_invalid_item_id", "deletion of an unknown item", event);
    }
    this.#typed.delete(text(event["item_id"]));
    this.#voice.deleted(text(event["item_id"]));
    this.#voice.say({ type: "conversation.item.deleted", item_id: event["item_id"] ?? null });
  }
}
