/**
 * Cuts an agent's audio into messages of a carrier: none longer than a mark stands behind, none shorter than the carrier takes.
 * What would be too short waits for more of its item, and at the end of that is filled with silence.
 */
import { PIECE_BYTES } from "./playback.ts";

/** Where a part of a message comes from: the number of its frame, how much of that is before it, and its bytes. */
type Part = { readonly sequence: number; readonly offset: number; readonly bytes: number };

export interface Piece {
  readonly item: string;
  readonly audio: Uint8Array;
  /** Of several frames where one was too short. */
  readonly parts: readonly Part[];
}

/** G.711 µ-law. */
const SILENCE = 0xff;

export class Pieces {
  readonly #leastBytes: number;
  /** Too short to be sent. */
  #kept: Piece | null = null;

  constructor(leastBytes: number) {
    this.#leastBytes = leastBytes;
  }

  /** Whose the audio is that is kept; null: none is. */
  get item(): string | null {
    return this.#kept?.item ?? null;
  }

  /** Where what is kept begins; null: nothing is. */
  get place(): { readonly from: number; readonly offset: number } | null {
    const first = this.#kept?.parts[0];
    return first === undefined ? null : { from: first.sequence, offset: first.offset };
  }

  /** @param offset where in its frame the audio begins. @returns what can be sent of it. */
  cut(item: string, sequence: number, offset: number, audio: Uint8Array): readonly Piece[] {
    const pieces: Piece[] = [];
    for (let at = 0; at < audio.byteLength;) {
      const before = this.#kept?.audio ?? new Uint8Array();
      const next = audio.subarray(at, at + PIECE_BYTES - before.byteLength);
      const part = { sequence, offset: offset + at, bytes: next.byteLength };
      const piece = { item, audio: joined(before, next), parts: [...(this.#kept?.parts ?? []), part] };
      const short = piece.audio.byteLength < this.#leastBytes;
      // What is handed in is valid during the call only.
      this.#kept = short ? { ...piece, audio: piece.audio.slice() } : null;
      if (!short) pieces.push(piece);
      at += next.byteLength;
    }
    return pieces;
  }

  /** Nothing more of the item comes for now. */
  rest(): Piece | null {
    const kept = this.#kept;
    this.#kept = null;
    if (kept === null) return null;
    const silence = new Uint8Array(this.#leastBytes - kept.audio.byteLength).fill(SILENCE);
    return { ...kept, audio: joined(kept.audio, silence) };
  }

  drop(): void {
    this.#kept = null;
  }

  snapshot() {
    return this.#kept && { ...this.#kept, audio: this.#kept.audio.toBase64(), parts: [...this.#kept.parts] };
  }

  restore(kept: PiecesSnapshot): void {
    this.#kept = kept && { ...kept, audio: Uint8Array.fromBase64(kept.audio) };
  }
}

export type PiecesSnapshot = ReturnType<Pieces["snapshot"]>;

/** A view where there is nothing to join. */
function joined(before: Uint8Array, after: Uint8Array): Uint8Array {
  if (before.byteLength === 0) return after;
  const both = new Uint8Array(before.byteLength + after.byteLength);
  both.set(before);
  both.set(after, before.byteLength);
  return both;
}
