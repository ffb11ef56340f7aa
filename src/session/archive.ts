/** Audio of recent items, for `conversation.item.retrieve` and for replay. Bounded; the oldest item goes first. */
import type { AudioFormat } from "../audio/format.ts";

interface Recording {
  readonly format: AudioFormat;
  readonly pieces: Uint8Array[];
  bytes: number;
  /** The front is missing: the budget was smaller than this one item. */
  cut: boolean;
}

export class AudioArchive {
  readonly #budget: number;
  #recordings = new Map<string, Recording>();
  #bytes = 0;

  constructor(budgetBytes: number) {
    this.#budget = budgetBytes;
  }

  /** Appends a copy of `bytes` to the item's recording. */
  append(itemId: string, format: AudioFormat, bytes: Uint8Array): void {
    let recording = this.#recordings.get(itemId);
    if (!recording) {
      recording = { format, pieces: [], bytes: 0, cut: false };
      this.#recordings.set(itemId, recording);
    }
    recording.pieces.push(bytes.slice());
    recording.bytes += bytes.byteLength;
    this.#bytes += bytes.byteLength;
    while (this.#bytes > this.#budget) this.#dropOldest();
  }

  #dropOldest(): void {
    const [oldest] = this.#recordings;
    if (!oldest) return;
    const [itemId, recording] = oldest;
    const piece = this.#recordings.size === 1 ? recording.pieces.shift() : undefined;
    if (piece) {
      recording.cut = true;
      recording.bytes -= piece.byteLength;
      this.#bytes -= piece.byteLength;
    } else {
      this.delete(itemId);
    }
  }

  /** All that is kept of the item, or null. `complete` is false when its front was dropped. */
  read(
    itemId: string,
  ): { readonly format: AudioFormat; readonly bytes: Uint8Array; readonly complete: boolean } | null {
    const recording = this.#recordings.get(itemId);
    if (!recording) return null;
    const bytes = new Uint8Array(recording.bytes);
    let at = 0;
    for (const piece of recording.pieces) {
      bytes.set(piece, at);
      at += piece.byteLength;
    }
    return { format: recording.format, bytes, complete: !recording.cut };
  }

  /** Keeps the first `byteLength` bytes: the rest was not heard. */
  truncate(itemId: string, byteLength: number): void {
    const kept = this.read(itemId);
    if (!kept || !kept.complete || kept.bytes.byteLength <= byteLength) return;
    this.delete(itemId);
    this.append(itemId, kept.format, kept.bytes.subarray(0, byteLength));
  }

  delete(itemId: string): void {
    this.#bytes -= this.#recordings.get(itemId)?.bytes ?? 0;
    this.#recordings.delete(itemId);
  }

  snapshot(): ArchiveSnapshot {
    return [...this.#recordings].map(([id, recording]) => {
      const kept = this.read(id);
      return { id, format: recording.format, bytes: kept?.bytes ?? new Uint8Array(0), cut: recording.cut };
    });
  }

  restore(snapshot: ArchiveSnapshot): void {
    this.#recordings = new Map();
    this.#bytes = 0;
    for (const { id, format, bytes, cut } of snapshot) {
      this.append(id, format, bytes);
      const recording = this.#recordings.get(id);
      if (recording) recording.cut = cut;
    }
  }
}

export type ArchiveSnapshot = readonly {
  readonly id: string;
  readonly format: AudioFormat;
  readonly bytes: Uint8Array;
  readonly cut: boolean;
}[];
