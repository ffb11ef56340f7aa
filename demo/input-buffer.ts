/** The input audio buffer: wire bytes by sample position since the session began, bounded. */
import { bytesPerSample, rateHz, type WireFormat } from "./codec.ts";

/** Ten minutes: longer than any turn, and 29 MB at 24 kHz. */
export const MAX_BUFFER_MS = 600_000;

export class InputBuffer {
  readonly #format: WireFormat;
  #bytes = new Uint8Array(64 * 1024);
  #length = 0;
  /** Position of the first byte held, in samples. */
  #start: number;

  /** `start`: position of the first sample to come. */
  constructor(format: WireFormat, start = 0) {
    this.#format = format;
    this.#start = start;
  }

  get format(): WireFormat {
    return this.#format;
  }

  /** Positions `[start, end)` are held. */
  get start(): number {
    return this.#start;
  }

  get end(): number {
    return this.#start + this.#length / bytesPerSample(this.#format);
  }

  milliseconds(samples: number): number {
    return Math.round((samples * 1000) / rateHz(this.#format));
  }

  /** False, and nothing taken, when it would hold more than `MAX_BUFFER_MS`. */
  append(bytes: Uint8Array): boolean {
    const length = this.#length + bytes.byteLength;
    if (length > (MAX_BUFFER_MS / 1000) * rateHz(this.#format) * bytesPerSample(this.#format)) return false;
    if (length > this.#bytes.byteLength) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#bytes.byteLength));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = length;
    return true;
  }

  /** A copy of `[from, to)`, cut to what is held. */
  slice(from: number, to: number): Uint8Array {
    const size = bytesPerSample(this.#format);
    const first = Math.max(0, from - this.#start) * size;
    return this.#bytes.slice(first, Math.max(first, Math.min(this.#length, (to - this.#start) * size)));
  }

  /** Forgets what lies before `position`. */
  dropBefore(position: number): void {
    const size = bytesPerSample(this.#format);
    const bytes = Math.min(this.#length, Math.max(0, position - this.#start) * size);
    this.#bytes.copyWithin(0, bytes, this.#length);
    this.#length -= bytes;
    this.#start += bytes / size;
  }
}
