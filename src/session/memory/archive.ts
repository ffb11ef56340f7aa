/**
 * Audio of recent items, for `conversation.item.retrieve` and for replay. Bounded; the oldest item goes first, and what an
 * agent said before anything that the caller did: that may have to be heard by another upstream.
 */
import { BLOCK_BYTES, ByteBlocks, type BlocksSnapshot } from "../../audio/blocks.ts";
import { durationMs, formatKey, type AudioFormat } from "../../audio/format.ts";
import { NO_KERNELS } from "../../audio/kernels.ts";
import { OutputPath, type OutputPathSnapshot } from "../output/output-path.ts";

interface Recording {
  /** The first that it was given in, and the only one that it is kept in. */
  readonly format: AudioFormat;
  /** From another format that came since to that one. In TypeScript: nobody changes formats often. */
  path: OutputPath | null;
  /** Begins after its first byte when the budget was smaller than this one item. */
  readonly audio: ByteBlocks;
  readonly callers: boolean;
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
  #limitBytes: number;
  #recordings = new Map<string, Recording>();
  /** All that there are. */
  #blocks = 0;

  /** @param limitBytes of less than two blocks nothing is kept but the newest item's end. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
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
      recording = { format, path: null, audio: new ByteBlocks(), callers };
      this.#recordings.set(itemId, recording);
    }
    if (format !== recording.format && formatKey(format) !== formatKey(recording.format))
      recording.path ??= new OutputPath(format, recording.format, NO_KERNELS);
    const before = recording.audio.count;
    recording.audio.append(this.#keepable(recording, recording.path?.push(bytes, format) ?? bytes));
    this.#blocks += recording.audio.count - before;
    this.#trim(recording);
  }

  /** Of a recording that begins longer than may be kept of it, what would be kept: minutes are not copied to be dropped. */
  #keepable({ audio }: Recording, bytes: Uint8Array): Uint8Array {
    const over = Math.floor((bytes.byteLength - this.#limitBytes) / BLOCK_BYTES);
    if (audio.end > 0 || over <= 0) return bytes;
    audio.begin(over);
    return bytes.subarray(over * BLOCK_BYTES);
  }

  #trim(current: Recording | null): void {
    while (this.#blocks * BLOCK_BYTES > this.#limitBytes && this.#dropOldest(current));
  }

  /** Never the block that is being filled. */
  #dropOldest(current: Recording | null): boolean {
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
    this.#blocks -= this.#recordings.get(itemId)?.audio.count ?? 0;
    this.#recordings.delete(itemId);
  }

  snapshot(): ArchiveSnapshot {
    return Array.from(this.#recordings, ([id, { format, path, audio, callers }]) => ({
      id,
      format,
      path: path?.snapshot() ?? null,
      audio: audio.snapshot(),
      callers,
    }));
  }

  restore(snapshot: ArchiveSnapshot): void {
    this.#recordings = new Map();
    this.#blocks = 0;
    for (const { id, format, path, audio: kept, callers } of snapshot) {
      const audio = new ByteBlocks();
      audio.restore(kept);
      const way = path ? OutputPath.restore(path, NO_KERNELS) : null;
      this.#recordings.set(id, { format, path: way, audio, callers });
      this.#blocks += audio.count;
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
}[];
