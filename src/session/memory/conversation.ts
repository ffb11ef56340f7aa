/**
 * The conversation: items in order, in OpenAI's shape, with what the relay alone knows of them (which upstream made
 * them, whether they are still growing). Items are retrievable and truncatable from their first moment.
 */
import { bytesPerSample, sampleRateHz } from "../../audio/format.ts";
import { ClientError } from "../../protocol/client-error.ts";
import { isJsonObject, type Json, type JsonObject } from "../../protocol/json.ts";
import type { Item } from "../../upstreams/upstream.ts";
import { AudioArchive, type ArchiveSnapshot } from "./archive.ts";
import { withPieces } from "./item-audio.ts";
import type { Limits } from "../limits.ts";

export interface Entry {
  item: Item;
  /** Index of the upstream that produced it; null: the user's. */
  readonly origin: number | null;
  /** A response is still writing it. */
  growing: boolean;
  /** Assistant audio: milliseconds that remain of it; null: not cut. */
  truncatedMs: number | null;
  /** Milliseconds of audio in it. */
  audioMs: number;
  /** Milliseconds more that the upstream had said and that were cut before they were sent. */
  unsentMs?: number;
  /** Of an item that the client created with audio: bytes of each audio part, in the recording one after the other. */
  readonly pieces?: readonly number[];
  /** Of a tool's result: the item of the call that it answers, where that is known. */
  readonly answers?: string;
  /** Of a truncated item: the words that were heard, for an upstream that has to be told of it. */
  heardText?: string;
}

/** Nobody speaks faster: a transcript that runs ahead of its audio does not count as heard. */
const MOST_CHARS_PER_MS = 0.022;

/** The words of a transcript that fit into its first `heardMs`, in proportion, cut between words. */
function heardWords(transcript: string, heardMs: number, audioMs: number): string {
  const share = audioMs > 0 ? Math.min(1, heardMs / audioMs) : 0;
  const most = Math.floor(Math.min(transcript.length * share, heardMs * MOST_CHARS_PER_MS));
  if (most >= transcript.length) return transcript;
  const space = transcript.lastIndexOf(" ", most);
  return space > 0 ? transcript.slice(0, space) : "";
}

export class Conversation {
  readonly audio: AudioArchive;
  readonly #limits: Limits;
  #entries: Entry[] = [];

  constructor(limits: Limits) {
    this.#limits = limits;
    this.audio = new AudioArchive(limits.archiveBytes);
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  get lastItemId(): string | null {
    return this.#entries.at(-1)?.item.id ?? null;
  }

  /** Id of the item before this one, or null. */
  previousOf(itemId: string): string | null {
    const at = this.#entries.findIndex((entry) => entry.item.id === itemId);
    return this.#entries[at - 1]?.item.id ?? null;
  }

  find(itemId: string): Entry | undefined {
    // Nearly always one of the newest.
    return this.#entries.findLast((entry) => entry.item.id === itemId);
  }

  /**
   * Inserts after `previousItemId` (absent: at the end, `"root"`: at the front).
   * @returns the id of the item it now follows, or null at the front.
   * @throws ClientError when the id is taken or the previous one unknown.
   */
  insert(entry: Entry, previousItemId: string | null = null): string | null {
    if (this.find(entry.item.id)) {
      throw new ClientError(
        "item_create_duplicate_id",
        `An item with id '${entry.item.id}' already exists.`,
        "item.id",
      );
    }
    const at = this.#position(previousItemId);
    const previous = this.#entries[at - 1]?.item.id ?? null;
    this.#entries.splice(at, 0, entry);
    this.#forgetOldest(entry);
    return previous;
  }

  #position(previousItemId: string | null): number {
    if (previousItemId === null) return this.#entries.length;
    if (previousItemId === "root") return 0;
    const at = this.#entries.findIndex((entry) => entry.item.id === previousItemId);
    if (at < 0) {
      throw new ClientError(
        "item_create_invalid_previous_item_id",
        `Previous item '${previousItemId}' does not exist in the conversation.`,
        "previous_item_id",
      );
    }
    return at + 1;
  }

  /** `added` stays, wherever it stands: it is the newest. */
  #forgetOldest(added: Entry): void {
    if (this.#entries.length <= this.#limits.items) return;
    const at = this.#entries.findIndex((entry) => !entry.growing && entry !== added);
    const [gone] = this.#entries.splice(Math.max(at, 0), 1);
    if (gone) this.audio.delete(gone.item.id);
  }

  /** @throws ClientError with a code of its own per `verb`, as OpenAI has. */
  require(itemId: string, verb: "delete" | "retrieve" | "truncate"): Entry {
    const entry = this.find(itemId);
    if (entry) return entry;
    throw new ClientError(
      `item_${verb}_invalid_item_id`,
      `Error: could not ${verb} item: no item with id '${itemId}' exists in the conversation.`,
      "item_id",
    );
  }

  remove(itemId: string): void {
    this.#entries = this.#entries.filter((entry) => entry.item.id !== itemId);
    this.audio.delete(itemId);
  }

  /** The item with its audio, as `conversation.item.retrieved` alone shows it. */
  withAudio(entry: Entry): Item {
    const content = entry.item["content"];
    const kept = this.audio.read(entry.item.id);
    if (!kept || !Array.isArray(content)) return entry.item;
    if (entry.pieces) return withPieces(entry.item, kept.bytes, entry.pieces);
    const parts = content.map((part: Json) =>
      isJsonObject(part) && (part["type"] === "input_audio" || part["type"] === "output_audio")
        ? { ...part, audio: kept.bytes.toBase64() }
        : part,
    );
    return { ...entry.item, content: parts };
  }

  /** The words of an item's audio, as far as they are known. */
  transcriptOf(entry: Entry): string {
    return transcriptOf(entry.item).trim();
  }

  /** These are the words of the caller's audio. */
  transcribed(entry: Entry, transcript: string): void {
    const content = mapParts(entry.item, (part) =>
      part["type"] === "input_audio" ? { ...part, transcript } : part,
    );
    entry.item = { ...entry.item, content };
  }

  /** Only `audioEndMs` of the item was heard: its transcript, which says more, goes (OpenAI does the same). */
  truncate(entry: Entry, audioEndMs: number): void {
    const wholeMs = entry.truncatedMs ?? entry.audioMs + (entry.unsentMs ?? 0);
    entry.heardText = heardWords(entry.heardText ?? transcriptOf(entry.item), audioEndMs, wholeMs);
    entry.truncatedMs = audioEndMs;
    entry.item = { ...entry.item, content: mapParts(entry.item, (part) => withoutTranscript(part)) };
    const kept = this.audio.read(entry.item.id);
    if (!kept) return;
    const samples = Math.round((audioEndMs * sampleRateHz(kept.format)) / 1000);
    this.audio.truncate(entry.item.id, samples * bytesPerSample(kept.format));
  }

  snapshot(): ConversationSnapshot {
    return { entries: this.#entries.map((entry) => ({ ...entry })), audio: this.audio.snapshot() };
  }

  restore(snapshot: ConversationSnapshot): void {
    this.#entries = snapshot.entries.map((entry) => ({ ...entry }));
    this.audio.restore(snapshot.audio);
  }
}

function mapParts(item: Item, change: (part: JsonObject) => JsonObject): Json {
  const content = item["content"];
  return Array.isArray(content)
    ? content.map((part: Json) => (isJsonObject(part) ? change(part) : part))
    : [];
}

function transcriptOf(item: Item): string {
  const content = item["content"];
  const parts = Array.isArray(content) ? content.filter((part: Json) => isJsonObject(part)) : [];
  return parts.map((part) => (typeof part["transcript"] === "string" ? part["transcript"] : "")).join(" ");
}

function withoutTranscript(part: JsonObject): JsonObject {
  return part["type"] === "output_audio" ? { ...part, transcript: "" } : part;
}

/** The item as every event but `retrieved` shows it: audio bytes omitted. */
export function withoutAudio(item: Item): Item {
  const content = item["content"];
  if (!Array.isArray(content)) return item;
  return {
    ...item,
    content: mapParts(item, (part) => {
      if (!("audio" in part)) return part;
      const { audio: _, ...rest } = part;
      return rest;
    }),
  };
}

export interface ConversationSnapshot {
  readonly entries: readonly Readonly<Entry>[];
  readonly audio: ArchiveSnapshot;
}
