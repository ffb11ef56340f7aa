/** Cuts a stream of samples into frames of one size, however it arrives (upstreams that take fixed frames). */
export class Framer {
  readonly frameSamples: number;
  readonly #frame: Int16Array;
  #filled = 0;

  /** @throws RangeError unless `frameSamples` is a positive integer. */
  constructor(frameSamples: number) {
    if (!Number.isSafeInteger(frameSamples) || frameSamples < 1) {
      throw new RangeError(`a frame has at least one sample, not ${frameSamples}`);
    }
    this.frameSamples = frameSamples;
    this.#frame = new Int16Array(frameSamples);
  }

  /** Samples waiting for the rest of their frame: fewer than `frameSamples`. */
  get pending(): number {
    return this.#filled;
  }

  /**
   * Calls `onFrame` once per completed frame, in order, before it returns. A frame is a view, on `samples` where it
   * lies there whole, valid only during the call.
   */
  push(samples: Int16Array, onFrame: (frame: Int16Array) => void): void {
    let at = 0;
    if (this.#filled > 0) {
      at = Math.min(this.frameSamples - this.#filled, samples.length);
      this.#append(samples.subarray(0, at));
      if (this.#filled < this.frameSamples) return;
      this.#filled = 0;
      onFrame(this.#frame);
    }
    for (; at + this.frameSamples <= samples.length; at += this.frameSamples) {
      onFrame(samples.subarray(at, at + this.frameSamples));
    }
    this.#append(samples.subarray(at));
  }

  /** What is pending, as a view valid until the next `push`; nothing is pending afterwards. */
  flush(): Int16Array {
    const rest = this.#frame.subarray(0, this.#filled);
    this.#filled = 0;
    return rest;
  }

  reset(): void {
    this.#filled = 0;
  }

  /** A copy of what is pending. */
  snapshot(): Int16Array {
    return this.#frame.slice(0, this.#filled);
  }

  /** Takes what `snapshot` returned. @throws RangeError when that is not shorter than this framer's frame. */
  restore(pending: Int16Array): void {
    if (pending.length >= this.frameSamples) {
      throw new RangeError(`${pending.length} pending samples do not fit a frame of ${this.frameSamples}`);
    }
    this.#filled = 0;
    this.#append(pending);
  }

  #append(samples: Int16Array): void {
    this.#frame.set(samples, this.#filled);
    this.#filled += samples.length;
  }
}
