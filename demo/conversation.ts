/** The conversation's items, in order, with the audio that `conversation.item.retrieve` gives back. */
import { bytesPerSample, rateHz, type WireFormat } from "./codec.ts";
import { EventError } from "./errors.ts";

/** Oldest items are forgotten beyond this, as a provider's context window forgets. */
const MAX_ITEMS = 500;
/** Audio kept for `retrieve`; the oldest is dropped first. */
const MAX_AUDIO_BYTES = 64 * 1024 * 1024;

export interface ItemAudio {
  readonly format: WireFormat;
  /** Wire bytes. */
  bytes: Uint8Array;
  /** Cut by `conversation.item.truncate`: nothing more is added. */
  truncated: boolean;
}

export type ContentType = "input_text" | "input_audio" | "input_image" | "output_text" | "output_audio";

export interface Content {
  readonly type: ContentType;
  text?: string;
  transcript?: string | null;
  image_url?: string;
  detail?: string | undefined;
  audio?: ItemAudio;
}

export interface MessageItem {
  readonly id: string;
  readonly type: "message";
  readonly role: "system" | "user" | "assistant";
  status: "in_progress" | "completed" | "incomplete";
  content: Content[];
}

export interface CallItem {
  readonly id: string;
  readonly type: "function_call";
  status: "in_progress" | "completed" | "incomplete";
  readonly name: string;
  readonly call_id: string;
  arguments: string;
}

export interface CallOutputItem {
  readonly id: string;
  readonly type: "function_call_output";
  status: "completed";
  readonly call_id: string;
  readonly output: string;
}

/** MCP items: this provider has no MCP and only keeps them. */
export interface OtherItem {
  readonly id: string;
  readonly type: "other";
  readonly fields: Readonly<Record<string, unknown>>;
}

export type Item = MessageItem | CallItem | CallOutputItem | OtherItem;

/** The item as events show it. Audio bytes are left out everywhere but in `conversation.item.retrieved`. */
export function itemResource(item: Item, withAudio = false): Record<string, unknown> {
  if (item.type === "other") return { ...item.fields, id: item.id, object: "realtime.item" };
  if (item.type !== "message") return { object: "realtime.item", ...item };
  const { id, type, status, role } = item;
  const content = item.content.map(({ audio, ...part }) =>
    withAudio && audio !== undefined ? { ...part, audio: audio.bytes.toBase64() } : part,
  );
  return { id, object: "realtime.item", type, status, role, content };
}

/** Length of a part's audio in milliseconds; 0 without audio. */
export function audioMs(audio: ItemAudio | undefined): number {
  if (audio === undefined) return 0;
  return (audio.bytes.byteLength / bytesPerSample(audio.format) / rateHz(audio.format)) * 1000;
}

/**
 * Keeps the first `audioEndMs` of an assistant's speech, finished or not.
 * @throws EventError when there is no such speech or it is shorter.
 */
export function truncateItem(item: Item, contentIndex: number, audioEndMs: number): void {
  if (item.type !== "message" || item.role !== "assistant") {
    throw new EventError("invalid_value", "Only model output audio messages can be truncated", "item_id");
  }
  const part = item.content[contentIndex];
  if (part?.type !== "output_audio" || part.audio === undefined) {
    const message = `Item '${item.id}' has no audio at content_index ${contentIndex}.`;
    throw new EventError("invalid_value", message, "content_index");
  }
  const { audio } = part;
  const lengthMs = Math.ceil(audioMs(audio));
  if (audioEndMs > lengthMs) {
    const message = `Audio content of ${lengthMs}ms is already shorter than ${audioEndMs}ms`;
    throw new EventError("invalid_value", message, "audio_end_ms");
  }
  const samples = Math.round((audioEndMs * rateHz(audio.format)) / 1000);
  audio.bytes = audio.bytes.slice(0, samples * bytesPerSample(audio.format));
  audio.truncated = true;
  // The whole transcript goes: nobody knows which words were heard (openai type definitions).
  delete part.transcript;
}

export class Conversation {
  readonly id: string;
  #items: Item[] = [];

  constructor(id: string) {
    this.id = id;
  }

  get items(): readonly Item[] {
    return this.#items;
  }

  get lastId(): string | null {
    return this.#items.at(-1)?.id ?? null;
  }

  find(id: string): Item | undefined {
    return this.#items.find((item) => item.id === id);
  }

  /**
   * Adds after `previousId` (null: at the end; `root`: at the front) and returns the id it then follows.
   * @throws EventError for an unknown `previousId` or an `id` already there.
   */
  add(item: Item, previousId: string | null = null): string | null {
    if (this.find(item.id) !== undefined) {
      throw new EventError(
        "item_create_duplicate_item_id",
        `Error adding item: an item with ID '${item.id}' already exists in this conversation.`,
        "item.id",
      );
    }
    const index = this.#indexAfter(previousId);
    const before = this.#items[index - 1]?.id ?? null;
    this.#items.splice(index, 0, item);
    this.#forget();
    return before;
  }

  delete(id: string): boolean {
    const before = this.#items.length;
    this.#items = this.#items.filter((item) => item.id !== id);
    return this.#items.length < before;
  }

  #indexAfter(previousId: string | null): number {
    if (previousId === null) return this.#items.length;
    if (previousId === "root") return 0;
    const index = this.#items.findIndex((item) => item.id === previousId);
    if (index >= 0) return index + 1;
    throw new EventError(
      "item_create_invalid_previous_item_id",
      `Error adding item: the previous item with ID '${previousId}' does not exist.`,
      "previous_item_id",
    );
  }

  #forget(): void {
    if (this.#items.length > MAX_ITEMS) this.#items.shift();
    let kept = 0;
    for (const item of this.#items.toReversed()) {
      if (item.type !== "message") continue;
      for (const part of item.content) {
        kept += part.audio?.bytes.byteLength ?? 0;
        if (part.audio !== undefined && kept > MAX_AUDIO_BYTES) delete part.audio;
      }
    }
  }
}
