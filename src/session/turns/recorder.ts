import { formatKey, type AudioFormat } from "../../audio/format.ts";
import type { AudioChunk } from "../../upstreams/upstream.ts";
import type { AudioTap } from "../state/audio-tap.ts";
import type { Conversation } from "../memory/conversation.ts";

/**
 * The caller's own words, kept for retrieval and replay in the format that the client had when the item began: a change
 * in mid-turn must not leave one recording in two formats.
 */
export class Recorder implements AudioTap {
  cursor = 0;
  readonly #conversation: Conversation;
  #format: AudioFormat;
  /** Of the next item. */
  #wanted: AudioFormat;
  #itemId: string | null = null;
  /** Something of the item is recorded. */
  #begun = false;

  constructor(conversation: Conversation, format: AudioFormat) {
    this.#conversation = conversation;
    this.#format = format;
    this.#wanted = format;
  }

  get format(): AudioFormat {
    return this.#format;
  }

  /** The client's format is another one from now on. */
  change(format: AudioFormat): void {
    this.#wanted = format;
    if (!this.#begun) this.#format = format;
  }

  /** What is recorded from now on belongs to this item. @returns whether its format is another one. */
  begin(itemId: string): boolean {
    const before = this.#format;
    this.#itemId = itemId;
    this.#begun = false;
    this.#format = this.#wanted;
    return formatKey(before) !== formatKey(this.#format);
  }

  /** The item that is being recorded goes by another name. */
  rename(itemId: string): void {
    if (this.#itemId !== null) this.#conversation.audio.rename(this.#itemId, itemId);
    this.#itemId = itemId;
  }

  deliver(chunk: AudioChunk): void {
    if (this.#itemId === null) return;
    this.#begun = true;
    this.#conversation.audio.append(this.#itemId, this.#format, chunk.bytes, true);
  }

  snapshot(): RecorderSnapshot {
    return {
      cursor: this.cursor,
      format: this.#format,
      wanted: this.#wanted,
      itemId: this.#itemId,
      begun: this.#begun,
    };
  }

  restore(snapshot: RecorderSnapshot): void {
    this.cursor = snapshot.cursor;
    this.#format = snapshot.format;
    this.#wanted = snapshot.wanted;
    this.#itemId = snapshot.itemId;
    this.#begun = snapshot.begun;
  }
}

export interface RecorderSnapshot {
  readonly cursor: number;
  readonly format: AudioFormat;
  readonly wanted: AudioFormat;
  readonly itemId: string | null;
  readonly begun: boolean;
}
