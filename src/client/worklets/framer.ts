/** Cuts a stream of float samples into Int16 frames of equal length. */
export class Framer {
  readonly #length: number;
  #frame: Int16Array<ArrayBuffer>;
  #filled = 0;

  constructor(samplesPerFrame: number) {
    this.#length = samplesPerFrame;
    this.#frame = new Int16Array(samplesPerFrame);
  }

  /** Calls `emit` with every completed frame, which then belongs to the callee. Clips to full scale. */
  push(samples: Float32Array, emit: (frame: Int16Array<ArrayBuffer>) => void): void {
    for (const sample of samples) {
      this.#frame[this.#filled++] = Math.round(Math.max(-1, Math.min(1, sample)) * 32767);
      if (this.#filled === this.#length) {
        const frame = this.#frame;
        this.#frame = new Int16Array(this.#length);
        this.#filled = 0;
        emit(frame);
      }
    }
  }
}
