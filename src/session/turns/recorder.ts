import type { AudioFormat } from "../../audio/format.ts";
import type { AudioChunk } from "../../upstreams/upstream.ts";
import type { AudioTap } from "./audio-input.ts";
import type { Conversation } from "../memory/conversation.ts";

/** The caller's own words, kept in the client's format for retrieval and replay. */
export class Recorder implements AudioTap {
  cursor = 0;
  format: AudioFormat;
  itemId: string | null = null;
  readonly #conversation: Conversation;

  constructor(conversation: Conversation, format: AudioFormat) {
    this.#conversation = conversation;
    this.format = format;
  }

  deliver(chunk: AudioChunk): void {
    if (this.itemId !== null) this.#conversation.audio.append(this.itemId, this.format, chunk.bytes, true);
  }
}
