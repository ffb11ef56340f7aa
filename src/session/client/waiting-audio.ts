/** Audio of a message that has to wait, read when it comes: it is judged then, and waits without its base64. */
import { type Base64Decoder, scanAppend } from "../../protocol/append.ts";
import { FRAME_AUDIO, FRAME_HEADER_BYTES, readFrameHeader } from "../../protocol/frame.ts";
import type { WireMessage } from "../../upstreams/upstream.ts";
import type { WaitingAudio } from "./budget-steps.ts";

/** Memory of its own costs a small piece more than its bytes: many are kept in one block. */
const BLOCK_BYTES = 32_768;
const SMALL_BYTES = 4096;

type Heard = Omit<WaitingAudio, "ms">;

export class WaitingAudios {
  readonly #base64: Base64Decoder;
  #block = new Uint8Array(0);
  /** Of the block, bytes that are taken. */
  #taken = 0;

  constructor(base64: Base64Decoder) {
    this.#base64 = base64;
  }

  /**
   * What a usual append or a frame says, kept for as long as it waits; null: it is none, or there is something to say of it.
   * @param extended frames were negotiated.
   */
  read(data: WireMessage, extended: boolean): Heard | null {
    if (typeof data !== "string") return extended ? this.#ofFrame(data) : null;
    const append = scanAppend(data);
    const audio = append && this.#base64.decode(data.slice(append.from, append.to));
    return audio && { audio: this.#base64.lent(audio) ? this.#kept(audio) : audio, sequence: null };
  }

  #ofFrame(frame: Uint8Array): Heard | null {
    const header = readFrameHeader(frame);
    if (header?.kind !== FRAME_AUDIO || header.stream !== 0) return null;
    return { audio: this.#kept(frame.subarray(FRAME_HEADER_BYTES)), sequence: header.sequence };
  }

  #kept(bytes: Uint8Array): Uint8Array {
    if (bytes.byteLength > SMALL_BYTES) return bytes.slice();
    const room = this.#block.byteLength - this.#taken;
    if (bytes.byteLength > room) {
      this.#block = new Uint8Array(BLOCK_BYTES);
      this.#taken = 0;
    }
    this.#block.set(bytes, this.#taken);
    const kept = this.#block.subarray(this.#taken, this.#taken + bytes.byteLength);
    this.#taken += bytes.byteLength;
    return kept;
  }
}
