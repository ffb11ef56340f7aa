/**
 * Audio of recent items, for `conversation.item.retrieve` and for replay. Bounded; the oldest item goes first, and what an
 * agent said before anything that the caller did: that may have to be heard by another upstream.
 */
import { BLOCK_BYTES, ByteBlocks, type BlocksSnapshot } from "../../audio/blocks.ts";
import type { AudioFormat } from "../../audio/format.ts";

interface Recording {
  readonly format: AudioFormat;
  /** Begins after its first byte when the budget was smaller than this one item. */
  readonly audio: ByteBlocks;
  readonly callers: boolean;
}

export class AudioArchive {
  readonly #budget: number;
  #recordings = new Map<string, Recording>();
  /** All that there are. */
  #blocks = 0;

  /** A budget smaller than two blocks keeps nothing but the newest item's end. */
  constructor(budgetBytes: number) {
    this.#budget = budgetBytes;
  }

  /** Appends a copy of `bytes` to the item's recording. `callers`: the caller's own words. */
  append(itemId: string, format: AudioFormat, bytes: Uint8Array, callers: boolean): void {
    let recording = this.#recordings.get(itemId);
    if (!recording) {
      recording = { format, audio: new ByteBlocks(), callers };
      this.#recordings.set(itemId, recording);
    }
    const before = recording.audio.count;
    recording.audio.append(bytes);
    this.#blocks += recording.audio.count - before;
    while (this.#blocks * BLOCK_BYTES > this.#budget && this.#dropOldest(recording));
  }

  /** Never the block that is being filled. */
  #dropOldest(current: Recording): boolean {
    const all = [...this.#recordings].filter(([, each]) => each !== current || each.audio.count > 1);
    const oldest = all.find(([, { callers }]) => !callers) ?? all[0];
    if (!oldest) return false;
    const [itemId, recording] = oldest;
    if (recording !== current) {
      this.delete(itemId);
      return true;
    }
    recording.audio.dropBefore(recording.audio.start + BLOCK_BYTES);
    this.#blocks -= 1;
    return true;
  }

  /** All that is kept of the item, or null. `complete` is false when its front was dropped. */
  read(
    itemId: string,
  ): { readonly format: AudioFormat; readonly bytes: Uint8Array; readonly complete: boolean } | null {
    const recording = this.#recordings.get(itemId);
    if (!recording) return null;
    const { format, audio } = recording;
    return { format, bytes: audio.read(audio.start, audio.end), complete: audio.start === 0 };
  }

  /** Keeps the first `byteLength` bytes: the rest was not heard. */
  truncate(itemId: string, byteLength: number): void {
    const kept = this.read(itemId);
    if (!kept || !kept.complete || kept.bytes.byteLength <= byteLength) return;
    this.delete(itemId);
    this.append(itemId, kept.format, kept.bytes.subarray(0, byteLength), false);
  }

  /** The item goes by another name from now on. */
  rename(itemId: string, to: string): void {
    const recording = this.#recordings.get(itemId);
    if (!recording) return;
    this.#recordings.delete(itemId);
    this.#recordings.set(to, recording);
  }

  delete(itemId: string): void {
    this.#blocks -= this.#recordings.get(itemId)?.audio.count ?? 0;
    this.#recordings.delete(itemId);
  }

  snapshot(): ArchiveSnapshot {
    return Array.from(this.#recordings, ([id, { format, audio, callers }]) => ({
      id,
      format,
      audio: audio.snapshot(),
      callers,
    }));
  }

  restore(snapshot: ArchiveSnapshot): void {
    this.#recordings = new Map();
    this.#blocks = 0;
    for (const { id, format, audio: kept, callers } of snapshot) {
      const audio = new ByteBlocks();
      audio.restore(kept);
      this.#recordings.set(id, { format, audio, callers });
      this.#blocks += audio.count;
    }
  }
}

export type ArchiveSnapshot = readonly {
  readonly id: string;
  readonly format: AudioFormat;
  readonly audio: BlocksSnapshot;
  readonly callers: boolean;
}[];
