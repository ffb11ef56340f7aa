/** A file as a microphone: 20 ms frames, then silence for as long as the call lasts, and the file again if asked. */

export const RATE_HZ = 24_000;
export const FRAME_MS = 20;
const FRAME_SAMPLES = (RATE_HZ * FRAME_MS) / 1000;

/** A frame this far below the loudest one is not counted as the caller's words. */
const LOUD_RATIO = 0.03;

export class Microphone {
  readonly #samples: Int16Array;
  readonly #threshold: number;
  /** Where in the call each frame of words ended. */
  readonly #wordEndsMs: number[] = [];
  #at = 0;
  #frames = 0;

  /** `samples` at 24 kHz. */
  constructor(samples: Int16Array) {
    this.#samples = samples;
    let loudest = 0;
    for (let at = 0; at < samples.length; at += FRAME_SAMPLES) {
      loudest = Math.max(loudest, level(samples.subarray(at, at + FRAME_SAMPLES)));
    }
    this.#threshold = Math.max(30, loudest * LOUD_RATIO);
  }

  /** The next 20 ms. */
  frame(): Int16Array {
    const frame = new Int16Array(FRAME_SAMPLES);
    if (this.#at < this.#samples.length) {
      frame.set(this.#samples.subarray(this.#at, this.#at + FRAME_SAMPLES));
      this.#at += FRAME_SAMPLES;
    }
    this.#frames += 1;
    if (level(frame) >= this.#threshold) this.#wordEndsMs.push(this.sentMs);
    return frame;
  }

  rewind(): void {
    this.#at = 0;
  }

  get over(): boolean {
    return this.#at >= this.#samples.length;
  }

  get frames(): number {
    return this.#frames;
  }

  /** Length of everything sent: also the call's clock, because a frame is sent when it is spoken. */
  get sentMs(): number {
    return this.#frames * FRAME_MS;
  }

  get fileMs(): number {
    return (this.#samples.length * 1000) / RATE_HZ;
  }

  /** When the last of the caller's words before `nowMs` ended, or null when there were none. */
  lastWordEndMs(nowMs: number): number | null {
    return this.#wordEndsMs.findLast((end) => end <= nowMs) ?? null;
  }
}

function level(samples: Int16Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return Math.sqrt(sum / Math.max(1, samples.length));
}
