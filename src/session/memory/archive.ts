/**
 * Audio of items, for `conversation.item.retrieve` and for replay. What can be told in words, or need not be told at all, is
 * kept within a small bound: what an agent said goes first, then what the caller did, the oldest of each. What the caller
 * said of which nobody knows the words is all that another upstream could be told of it: it is kept beyond that bound,
 * within a larger one, and only there the oldest goes, by name.
 */
import { BLOCK_BYTES, ByteBlocks, type BlocksSnapshot } from "../../audio/blocks.ts";
import { durationMs, formatKey, type AudioFormat } from "../../audio/format.ts";
import { NO_KERNELS } from "../../audio/kernels.ts";
import { OutputPath, type OutputPathSnapshot } from "../../audio/output-path.ts";

interface Recording {
  /** The first that it was given in, and the only one that it is kept in. */
  readonly format: AudioFormat;
  /** From another format that came since to that one. In TypeScript: nobody changes formats often. */
  path: OutputPath | null;
  /** Begins after its first byte when the budget was smaller than this one item. */
  readonly audio: ByteBlocks;
  readonly callers: boolean;
  /** Its words are known. */
  worded: boolean;
}

/** What an archive may keep of what the caller said and nobody knows the words of. */
export interface ArchiveHost {
  /** Bytes of all audio that is kept, the history's with it. Asked for when there is more than the small bound. */
  room(): number;
  /** Such audio had to go, all or its beginning. */
  onForgotten(itemId: string): void;
}

/** What is kept of an item's audio. */
export interface KeptAudio {
  readonly format: AudioFormat;
  readonly bytes: Uint8Array;
  /** From its beginning. */
  readonly complete: boolean;
}

/** A recording ends a hop sooner or later than its turn. */
const SLACK_MS = 100;

export class AudioArchive {
  readonly #wholeBytes: number;
  #limitBytes: number;
  #recordings = new Map<string, Recording>();
  /** Of memory, in all. */
  #bytes = 0;
  /** Null: nobody could be told of it by its sound, and it is kept as everything else is. */
  host: ArchiveHost | null = null;
  /** Bytes and bound when it was last looked at what may go: with neither changed nothing more may. */
  #settled = { bytes: 0, limit: 0 };

  /** @param limitBytes of less than two blocks nothing is kept but the newest item's end. */
  constructor(limitBytes: number) {
    this.#wholeBytes = limitBytes;
    this.#limitBytes = limitBytes;
  }

  /** Of memory that the recordings take, and what the history takes of the small bound. */
  get bytes(): number {
    return this.#bytes + this.#wholeBytes - this.#limitBytes;
  }

  /** From now on so much is kept at most. */
  limit(bytes: number): void {
    this.#limitBytes = bytes;
    this.#trim(null);
  }

  /**
   * Appends a copy of `bytes` to the item's recording, converted where it began in another format. `callers`: the
   * caller's own words.
   */
  append(itemId: string, format: AudioFormat, bytes: Uint8Array, callers: boolean): void {
    let recording = this.#recordings.get(itemId);
    if (!recording) {
      recording = { format, path: null, audio: new ByteBlocks(), callers, worded: false };
      this.#recordings.set(itemId, recording);
    }
    if (format !== recording.format && formatKey(format) !== formatKey(recording.format))
      recording.path ??= new OutputPath(format, recording.format, NO_KERNELS);
    const { audio, path } = recording;
    const kept = this.#keepable(audio, path?.push(bytes, format) ?? bytes);
    this.#measured(audio, () => audio.append(kept));
    this.#trim(recording);
  }

  /** Of a recording that begins longer than may be kept of it, what would be kept: minutes are not copied to be dropped. */
  #keepable(audio: ByteBlocks, bytes: Uint8Array): Uint8Array {
    if (audio.end > 0 || bytes.byteLength <= this.#limitBytes) return bytes;
    const most = Math.max(this.#limitBytes, this.host?.room() ?? 0);
    const over = Math.floor((bytes.byteLength - most) / BLOCK_BYTES);
    if (over <= 0) return bytes;
    audio.begin(over);
    return bytes.subarray(over * BLOCK_BYTES);
  }

  #measured(audio: ByteBlocks, change: () => void): void {
    const before = audio.bytes;
    change();
    this.#bytes += audio.bytes - before;
  }

  /** The item is whole, as far as anybody knows: it takes no more memory than it has. */
  close(itemId: string): void {
    const audio = this.#recordings.get(itemId)?.audio;
    if (audio) this.#measured(audio, () => audio.compact());
  }

  /** The words of the item are known. */
  worded(itemId: string): void {
    const recording = this.#recordings.get(itemId);
    if (!recording || recording.worded) return;
    recording.worded = true;
    this.#settled = { bytes: 0, limit: 0 };
    this.#trim(null);
  }

  #trim(current: Recording | null): void {
    const { bytes, limit } = this.#settled;
    if (this.#bytes <= this.#limitBytes || (this.#bytes === bytes && this.#limitBytes >= limit)) return;
    while (this.#bytes > this.#limitBytes && this.#dropSpare(current));
    if (this.#bytes > this.#limitBytes) {
      const historyBytes = this.#wholeBytes - this.#limitBytes;
      const most = Math.max(this.#limitBytes, (this.host?.room() ?? 0) - historyBytes);
      while (this.#bytes > most && this.#dropOldest(current));
    }
    this.#settled = { bytes: this.#bytes, limit: this.#limitBytes };
  }

  /** Can be told in words, or need not be told. */
  #isSpare({ callers, worded }: Recording): boolean {
    return !callers || worded || this.host === null;
  }

  #dropSpare(current: Recording | null): boolean {
    let caller: string | null = null;
    for (const [itemId, each] of this.#recordings) {
      if (!this.#isSpare(each) || (each === current && each.audio.count <= 1)) continue;
      if (!each.callers) return this.#drop(itemId, each, current);
      caller ??= itemId;
    }
    const recording = caller === null ? undefined : this.#recordings.get(caller);
    return recording !== undefined && this.#drop(caller ?? "", recording, current);
  }

  #dropOldest(current: Recording | null): boolean {
    for (const [itemId, each] of this.#recordings) {
      if (each === current && each.audio.count <= 1) continue;
      if (this.#isSpare(each)) return this.#drop(itemId, each, current);
      const known = each === current && each.audio.start > 0;
      this.#drop(itemId, each, current);
      if (!known) this.host?.onForgotten(itemId);
      return true;
    }
    return false;
  }

  /** All of it; of what is being recorded its beginning, never the block that is being filled. */
  #drop(itemId: string, recording: Recording, current: Recording | null): true {
    const { audio } = recording;
    if (recording === current) this.#measured(audio, () => audio.dropBefore(audio.start + BLOCK_BYTES));
    else this.delete(itemId);
    return true;
  }

  /** Its bytes as they were said, in pieces that are not written to any more; null: none are kept as they were said. */
  pieces(itemId: string): { readonly format: AudioFormat; readonly pieces: readonly Uint8Array[] } | null {
    const recording = this.#recordings.get(itemId);
    if (!recording || recording.path) return null;
    return { format: recording.format, pieces: recording.audio.pieces() };
  }

  /** Something of the item is kept. */
  has(itemId: string): boolean {
    return this.#recordings.has(itemId);
  }

  /** All that is kept of the item, or null. `complete` is false when its front was dropped. */
  read(itemId: string): KeptAudio | null {
    const recording = this.#recordings.get(itemId);
    if (!recording) return null;
    const { format, audio, path } = recording;
    const bytes = audio.read(audio.start, audio.end);
    return { format, bytes: path ? withTail(bytes, path) : bytes, complete: audio.start === 0 };
  }

  /** The item's audio if it is all there, `audioMs` of it; null when any of it was dropped or never recorded. */
  whole(itemId: string, audioMs: number): KeptAudio | null {
    const kept = this.read(itemId);
    if (!kept?.complete || durationMs(kept.format, kept.bytes.byteLength) < audioMs - SLACK_MS) return null;
    return kept;
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
    this.#bytes -= this.#recordings.get(itemId)?.audio.bytes ?? 0;
    this.#recordings.delete(itemId);
  }

  snapshot(): ArchiveSnapshot {
    return Array.from(this.#recordings, ([id, { format, path, audio, callers, worded }]) => ({
      id,
      format,
      path: path?.snapshot() ?? null,
      audio: audio.snapshot(),
      callers,
      ...(worded && { worded }),
    }));
  }

  restore(snapshot: ArchiveSnapshot): void {
    this.#recordings = new Map();
    this.#settled = { bytes: 0, limit: 0 };
    this.#bytes = 0;
    for (const { id, format, path, audio: kept, callers, worded = false } of snapshot) {
      const audio = new ByteBlocks();
      audio.restore(kept);
      const way = path ? OutputPath.restore(path, NO_KERNELS) : null;
      this.#recordings.set(id, { format, path: way, audio, callers, worded });
      this.#bytes += audio.bytes;
    }
  }
}

/** The recording with what is still inside its path, which goes on. */
function withTail(bytes: Uint8Array, path: OutputPath): Uint8Array {
  const tail = OutputPath.restore(path.snapshot(), NO_KERNELS).flush();
  const all = new Uint8Array(bytes.byteLength + tail.byteLength);
  all.set(bytes);
  all.set(tail, bytes.byteLength);
  return all;
}

export type ArchiveSnapshot = readonly {
  readonly id: string;
  readonly format: AudioFormat;
  readonly path: OutputPathSnapshot | null;
  readonly audio: BlocksSnapshot;
  readonly callers: boolean;
  readonly worded?: boolean;
}[];
