/**
 * The conversation: items in order, in OpenAI's shape, with what the relay alone knows of them (which upstream made
 * them, whether they are still growing). Items are retrievable and truncatable from their first moment.
 */
import { ClientError } from "../../protocol/client-error.ts";
import { isJsonObject, jsonSize, type Json } from "../../protocol/json.ts";
import type { Item } from "../../upstreams/upstream.ts";
import { AudioArchive, type ArchiveSnapshot } from "./archive.ts";
import type { Limits } from "../limits.ts";
import {
  asPlayed,
  bytesOf,
  hasSound,
  isPicture,
  mapParts,
  saidIn,
  saidMs,
  transcriptOf,
  withoutTranscript,
  type Entry,
} from "./entry.ts";
import { heardWords } from "./words.ts";

export class Conversation {
  readonly audio: AudioArchive;
  readonly #limits: Limits;
  #entries: Entry[] = [];
  /** The same by their names: a connection that is told a thousand items asks for each again and again. */
  #byId = new Map<string, Entry>();

  constructor(limits: Limits) {
    this.#limits = limits;
    this.audio = new AudioArchive(limits.archiveBytes);
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  /** Characters of JSON in all items, about. */
  get size(): number {
    let size = 0;
    for (const { item } of this.#entries) size += jsonSize(item);
    return size;
  }

  get lastItemId(): string | null {
    return this.#entries.at(-1)?.item.id ?? null;
  }

  /** A name that no item has: a client may have guessed the next one, and given it to an item of its own. */
  unused(draw: () => string): string {
    for (;;) {
      const id = draw();
      if (!this.find(id)) return id;
    }
  }

  /** Id of the item before this one, or null. */
  previousOf(itemId: string): string | null {
    const at = this.#entries.findIndex((entry) => entry.item.id === itemId);
    return this.#entries[at - 1]?.item.id ?? null;
  }

  find(itemId: string): Entry | undefined {
    return this.#byId.get(itemId);
  }

  /** One of the caller's sound, of which there may be words to tell: another may bear the name of one that was deleted. */
  spoken(itemId: string): Entry | undefined {
    const entry = this.find(itemId);
    return entry && hasSound(entry.item) ? entry : undefined;
  }

  /**
   * Inserts after `previousItemId` (absent: at the end, `"root"`: at the front).
   * @returns the id of the item it now follows, or null at the front.
   * @throws ClientError when the id is taken or the previous one unknown.
   */
  insert(entry: Entry, previousItemId: string | null = null): string | null {
    const at = this.requirePlace(entry.item.id, previousItemId);
    const previous = this.#entries[at - 1]?.item.id ?? null;
    this.#entries.splice(at, 0, entry);
    this.#byId.set(entry.item.id, entry);
    this.audio.close(entry.item.id);
    this.#forgetOldest(entry);
    return previous;
  }

  /** Where an item of this name would stand. @throws ClientError as `insert`. */
  requirePlace(itemId: string, previousItemId: string | null): number {
    if (this.find(itemId)) {
      throw new ClientError(
        "item_create_duplicate_item_id",
        `An item with id '${itemId}' already exists.`,
        "item.id",
      );
    }
    return this.#position(previousItemId);
  }

  #position(previousItemId: string | null): number {
    if (previousItemId === null) return this.#entries.length;
    if (previousItemId === "root") return 0;
    const at = this.#entries.findIndex((entry) => entry.item.id === previousItemId);
    if (at < 0) {
      throw new ClientError(
        "item_create_invalid_previous_item_id",
        `Previous item '${previousItemId.slice(0, 128)}' does not exist in the conversation.`,
        "previous_item_id",
      );
    }
    return at + 1;
  }

  /**
   * Beyond the number of items, or the size of all, the oldest go: of a camera's pictures first, a few of which are as large
   * as all that is said in a call. `added` stays, wherever it stands: it is the newest.
   */
  #forgetOldest(added: Entry): void {
    let surplus = this.size - this.#limits.conversationSize;
    while (this.#entries.length > this.#limits.items || surplus > 0) {
      const at = this.#oldest((entry) => !entry.growing && entry !== added);
      // Of those that grow each is bounded, and so is their number.
      if (at < 0) return;
      const [gone] = this.#entries.splice(at, 1);
      if (!gone) return;
      this.#byId.delete(gone.item.id);
      surplus -= jsonSize(gone.item);
      this.audio.delete(gone.item.id);
    }
  }

  /** Of these; -1: there is none. */
  #oldest(of: (entry: Entry) => boolean): number {
    const picture = this.#entries.findIndex((entry) => isPicture(entry.item) && of(entry));
    return picture >= 0 ? picture : this.#entries.findIndex(of);
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
    this.#byId.delete(itemId);
    this.audio.delete(itemId);
  }

  /** The same without it: an answer that was cut says what can have been heard. */
  withoutSound(entry: Entry): Item {
    return asPlayed(entry);
  }

  /**
   * The item with its audio, as `conversation.item.retrieved` alone shows it. Audio of which a part is no longer kept is
   * left out: no client could tell it from the whole.
   */
  withAudio(entry: Entry): Item {
    const item = asPlayed(entry);
    const content = item["content"];
    const kept = this.audio.whole(item.id, entry.truncatedMs ?? entry.audioMs);
    if (!kept || !Array.isArray(content)) return item;
    const heard =
      entry.playedMs === undefined
        ? kept.bytes
        : kept.bytes.subarray(0, bytesOf(kept.format, entry.playedMs));
    let at = 0;
    const parts = content.map((part: Json, index) => {
      if (!isJsonObject(part) || (part["type"] !== "input_audio" && part["type"] !== "output_audio"))
        return part;
      const ms = entry.audioParts?.find((one) => one.index === index)?.ms;
      const end = ms === undefined ? heard.length : at + bytesOf(kept.format, ms);
      const audio = heard.subarray(at, end).toBase64();
      at = end;
      return { ...part, audio };
    });
    return { ...item, content: parts };
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
    delete entry.claimed;
    if (transcript.trim() !== "") this.audio.worded(entry.item.id);
  }

  /**
   * Its response writes the item on. Of a truncated one only the words that were heard may change, when they come after
   * their audio: nothing unheard comes back.
   */
  grew(entry: Entry, item: Item): void {
    if (entry.truncatedMs === null) {
      entry.item = item;
      return;
    }
    entry.heardText = heardWords(saidIn(item, entry), entry.truncatedMs, saidMs(entry));
    entry.item = { ...entry.item, status: item["status"] ?? null };
  }

  /** Only `audioEndMs` of the item was heard: its transcript, which says more, goes (OpenAI does the same). */
  truncate(entry: Entry, audioEndMs: number): void {
    const cutBefore = entry.truncatedMs !== null;
    const said = cutBefore ? (entry.heardText ?? "") : saidIn(entry.item, entry);
    entry.heardText = heardWords(said, audioEndMs, entry.truncatedMs ?? saidMs(entry));
    entry.truncatedMs = audioEndMs;
    entry.item = { ...entry.item, content: mapParts(entry.item, (part) => withoutTranscript(part)) };
    const kept = this.audio.read(entry.item.id);
    if (!kept) return;
    this.audio.truncate(entry.item.id, bytesOf(kept.format, audioEndMs));
  }

  snapshot(): ConversationSnapshot {
    return { entries: this.#entries.map((entry) => ({ ...entry })), audio: this.audio.snapshot() };
  }

  restore(snapshot: ConversationSnapshot): void {
    this.#entries = snapshot.entries.map((entry) => ({ ...entry }));
    this.#byId = new Map(this.#entries.map((entry) => [entry.item.id, entry]));
    this.audio.restore(snapshot.audio);
  }
}

export interface ConversationSnapshot {
  readonly entries: readonly Readonly<Entry>[];
  readonly audio: ArchiveSnapshot;
}
