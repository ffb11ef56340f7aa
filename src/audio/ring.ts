/** The last samples of a stream, addressed by their absolute index since the stream began. */

/** Structured-clonable: the samples still held and the absolute index after the last of them. */
export interface RingSnapshot {
  readonly end: number;
  readonly samples: Int16Array;
}

/** Memory grows by doubling up to the capacity: most sessions never need all of a long pre-roll. */
const INITIAL_SAMPLES = 4096;

export class SampleRing {
  readonly capacity: number;
  #buffer: Int16Array;
  #end = 0;
  #held = 0;

  /** @throws RangeError unless `capacitySamples` is a positive integer. */
  constructor(capacitySamples: number) {
    if (!Number.isSafeInteger(capacitySamples) || capacitySamples < 1) {
      throw new RangeError(`a ring holds at least one sample, not ${capacitySamples}`);
    }
    this.capacity = capacitySamples;
    this.#buffer = new Int16Array(Math.min(capacitySamples, INITIAL_SAMPLES));
  }

  /** Absolute index of the oldest sample held. */
  get start(): number {
    return this.#end - this.#held;
  }

  /** Absolute index after the newest sample: how many were ever written. */
  get end(): number {
    return this.#end;
  }

  /** Appends; the oldest samples beyond the capacity are forgotten. */
  write(samples: Int16Array): void {
    const kept = samples.length > this.capacity ? samples.subarray(samples.length - this.capacity) : samples;
    this.#reserve(Math.min(this.#held + kept.length, this.capacity));
    this.#end += samples.length;
    this.#held = Math.min(this.#held + samples.length, this.capacity);
    this.#place(this.#end - kept.length, kept);
  }

  /** A copy of samples `from` (inclusive) to `to` (exclusive), clamped to what is held; empty when nothing is. */
  read(from: number, to: number): Int16Array {
    const first = Math.max(from, this.start);
    const last = Math.min(to, this.#end);
    if (last <= first) return new Int16Array(0);
    const copy = new Int16Array(last - first);
    const at = first % this.#buffer.length;
    const head = this.#buffer.subarray(at, Math.min(at + copy.length, this.#buffer.length));
    copy.set(head);
    copy.set(this.#buffer.subarray(0, copy.length - head.length), head.length);
    return copy;
  }

  snapshot(): RingSnapshot {
    return { end: this.#end, samples: this.read(this.start, this.#end) };
  }

  /** Takes a snapshot of a ring of any capacity; keeps the newest that fit. */
  restore(snapshot: RingSnapshot): void {
    this.#held = 0;
    this.#end = snapshot.end - snapshot.samples.length;
    this.write(snapshot.samples);
  }

  #place(index: number, samples: Int16Array): void {
    const at = index % this.#buffer.length;
    const head = samples.subarray(0, this.#buffer.length - at);
    this.#buffer.set(head, at);
    this.#buffer.set(samples.subarray(head.length), 0);
  }

  #reserve(length: number): void {
    if (length <= this.#buffer.length) return;
    const held = this.read(this.start, this.#end);
    this.#buffer = new Int16Array(Math.min(Math.max(length, this.#buffer.length * 2), this.capacity));
    this.#place(this.#end - held.length, held);
  }
}
