/** Audio of recent items, for `conversation.item.retrieve` and for replay. Bounded; the oldest item goes first. */
import type { AudioFormat } from "../audio/format.ts";

interface Recording {
  readonly format: AudioFormat;
  /** Full ones but for the last, which is filled to `filled`. */
  readonly blocks: Uint8Array[];
  filled: number;
  /** The front is missing: the budget was smaller than this one item. */
  cut: boolean;
}

/** Frames are small and many: they are gathered into blocks, so that a frame costs a copy and no allocation. */
const BLOCK_BYTES = 32_768;

export class AudioArchive {
  readonly #budget: number;
  #recordings = new Map<string, Recording>();
  /** Bytes of all blocks. */
  #bytes = 0;

  /** A budget smaller than two blocks keeps nothing but the newest item's end. */
  constructor(budgetBytes: number) {
    this.#budget = budgetBytes;
  }

  /** Appends a copy of `bytes` to the item's recording. */
  append(itemId: string, format: AudioFormat, bytes: Uint8Array): void {
    let recording = this.#recordings.get(itemId);
    if (!recording) {
      recording = { format, blocks: [], filled: BLOCK_BYTES, cut: false };
      this.#recordings.set(itemId, recording);
    }
    for (let at = 0; at < bytes.byteLength;) {
      const taken = Math.min(BLOCK_BYTES - recording.filled, bytes.byteLength - at);
      if (taken === 0) {
        this.#grow(recording);
        continue;
      }
      recording.blocks.at(-1)?.set(bytes.subarray(at, at + taken), recording.filled);
      recording.filled += taken;
      at += taken;
    }
  }

  #grow(recording: Recording): void {
    recording.blocks.push(new Uint8Array(BLOCK_BYTES));
    recording.filled = 0;
    this.#bytes += BLOCK_BYTES;
    while (this.#bytes > this.#budget && this.#dropOldest(recording));
  }

  /** Never the block that is being filled. */
  #dropOldest(current: Recording): boolean {
    const [oldest] = this.#recordings;
    if (!oldest) return false;
    const [itemId, recording] = oldest;
    if (recording !== current) {
      this.delete(itemId);
      return true;
    }
    if (recording.blocks.length < 2) return false;
    recording.blocks.shift();
    recording.cut = true;
    this.#bytes -= BLOCK_BYTES;
    return true;
  }

  /** All that is kept of the item, or null. `complete` is false when its front was dropped. */
  read(
    itemId: string,
  ): { readonly format: AudioFormat; readonly bytes: Uint8Array; readonly complete: boolean } | null {
    const recording = this.#recordings.get(itemId);
    if (!recording) return null;
    const { blocks, filled } = recording;
    const bytes = new Uint8Array(
      Math.max(0, blocks.length - 1) * BLOCK_BYTES + (blocks.length > 0 ? filled : 0),
    );
    for (const [index, block] of blocks.entries()) {
      const at = index * BLOCK_BYTES;
      bytes.set(block.subarray(0, Math.min(BLOCK_BYTES, bytes.byteLength - at)), at);
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

  /** The item goes by another name from now on. */
  rename(itemId: string, to: string): void {
    const recording = this.#recordings.get(itemId);
    if (!recording) return;
    this.#recordings.delete(itemId);
    this.#recordings.set(to, recording);
  }

  delete(itemId: string): void {
    this.#bytes -= (this.#recordings.get(itemId)?.blocks.length ?? 0) * BLOCK_BYTES;
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
