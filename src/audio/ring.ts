/** The last samples of a stream, addressed by their absolute index since the stream began. */
import { ByteBlocks, type BlocksSnapshot } from "./blocks.ts";
import { bytesOf } from "./pcm.ts";

/** Structured-clonable: the samples still held, in s16le bytes. */
export interface RingSnapshot {
  readonly held: number;
  readonly audio: BlocksSnapshot;
}

const SAMPLE_BYTES = 2;

export class SampleRing {
  #capacity: number;
  readonly #bytes = new ByteBlocks();
  #held = 0;

  /** @throws RangeError unless `capacitySamples` is a positive integer. */
  constructor(capacitySamples: number) {
    if (!Number.isSafeInteger(capacitySamples) || capacitySamples < 1) {
      throw new RangeError(`a ring holds at least one sample, not ${capacitySamples}`);
    }
    this.#capacity = capacitySamples;
  }

  get capacity(): number {
    return this.#capacity;
  }

  /** From now on at most so many samples are held. */
  set capacity(samples: number) {
    this.#capacity = samples;
    this.#hold(this.#held);
  }

  /** Bytes of memory that it takes. */
  get bytes(): number {
    return this.#bytes.bytes;
  }

  /** Absolute index of the oldest sample held. */
  get start(): number {
    return this.end - this.#held;
  }

  /** Absolute index after the newest sample: how many were ever written. */
  get end(): number {
    return this.#bytes.end / SAMPLE_BYTES;
  }

  /** Appends; the oldest samples beyond the capacity are forgotten. */
  write(samples: Int16Array): void {
    this.#bytes.append(bytesOf(samples));
    this.#hold(this.#held + samples.length);
  }

  /** The samples before this index are not needed any more. */
  dropBefore(index: number): void {
    if (index > this.start) this.#hold(Math.max(0, this.end - index));
  }

  #hold(samples: number): void {
    this.#held = Math.min(samples, this.#capacity);
    this.#bytes.dropBefore(this.start * SAMPLE_BYTES);
  }

  /** A copy of samples `from` (inclusive) to `to` (exclusive), clamped to what is held; empty when nothing is. */
  read(from: number, to: number): Int16Array {
    const first = Math.max(from, this.start);
    return new Int16Array(this.#bytes.read(first * SAMPLE_BYTES, to * SAMPLE_BYTES).buffer);
  }

  snapshot(): RingSnapshot {
    return { held: this.#held, audio: this.#bytes.snapshot() };
  }

  /** Takes a snapshot of a ring of any capacity; keeps the newest that fit. */
  restore(snapshot: RingSnapshot): void {
    this.#bytes.restore(snapshot.audio);
    this.#hold(snapshot.held);
  }
}
