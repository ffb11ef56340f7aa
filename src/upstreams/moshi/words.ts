/** The model's words as they come: a piece of its tokenizer's vocabulary in each message. */
import { utf8Text } from "../utf8.ts";

/** A letter that is in no piece of the vocabulary comes as the bytes of its UTF-8 (SentencePiece's byte fallback). */
const BYTE = /^<0x([0-9A-F]{2})>$/;

export class Words {
  /** The beginning of a letter. */
  #bytes: readonly number[];

  constructor(bytes: readonly number[] = []) {
    this.#bytes = bytes;
  }

  /** Beginnings of letters, for a snapshot: never more than three bytes. */
  get bytes(): readonly number[] {
    return this.#bytes;
  }

  /** @returns what can be told of it now; "" for nothing. */
  take(piece: string): string {
    const byte = BYTE.exec(piece)?.[1];
    const bytes = byte === undefined ? this.#bytes : [...this.#bytes, Number.parseInt(byte, 16)];
    const waits = byte !== undefined && bytes.length < lengthOf(bytes[0] ?? 0);
    this.#bytes = waits ? bytes : [];
    if (waits) return "";
    const text = utf8Text(Uint8Array.from(bytes));
    return byte === undefined ? text + piece : text;
  }
}

/** Bytes of the letter that begins so. */
function lengthOf(first: number): number {
  if (first >= 0xf0 && first < 0xf8) return 4;
  if (first >= 0xe0) return first < 0xf0 ? 3 : 1;
  return first >= 0xc0 ? 2 : 1;
}
