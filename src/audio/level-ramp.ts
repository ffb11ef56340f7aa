/**
 * A level that changes without a click: along half a cosine, sample by sample, wherever the sound is cut into pieces. A
 * change of mind in the middle goes on from the level that was reached.
 */
export class LevelRamp {
  #from = 1;
  #to = 1;
  #ms = 0;
  /** Samples of the ramp that were played, at this rate. */
  #at = 0;
  #rateHz: number;

  constructor(rateHz: number) {
    this.#rateHz = rateHz;
  }

  /** From the next sample on: to this level, within so many milliseconds. */
  toward(level: number, ms: number): void {
    if (level === this.#to) return;
    this.#from = this.#level(this.#at);
    this.#to = level;
    this.#ms = ms;
    this.#at = 0;
  }

  /** At once: there is nothing before it that it had to go on from. */
  settle(): void {
    this.#at = this.#length;
  }

  /** Nothing is changed, now or by the samples to come. */
  get full(): boolean {
    return this.#to === 1 && this.#at >= this.#length;
  }

  get #length(): number {
    return Math.round((this.#ms * this.#rateHz) / 1000);
  }

  #level(at: number): number {
    const length = this.#length;
    if (at >= length) return this.#to;
    return this.#to + (this.#from - this.#to) * (0.5 + 0.5 * Math.cos((Math.PI * at) / length));
  }

  /** The next samples of a sound, at its rate, into `out`, which may be they themselves. */
  apply<Samples extends Int16Array | Float32Array>(samples: Samples, rateHz: number, out: Samples): void {
    if (rateHz !== this.#rateHz) {
      this.#at = Math.round((this.#at * rateHz) / this.#rateHz);
      this.#rateHz = rateHz;
    }
    const whole = samples instanceof Int16Array;
    const ramped = Math.min(samples.length, Math.max(0, this.#length - this.#at));
    for (let n = 0; n < samples.length; n += 1) {
      const level = n < ramped ? this.#level(this.#at + n + 1) : this.#to;
      const value = (samples[n] ?? 0) * level;
      out[n] = whole ? Math.round(value) : value;
    }
    this.#at += ramped;
  }

  snapshot(): LevelRampSnapshot {
    return { from: this.#from, to: this.#to, ms: this.#ms, at: this.#at, rateHz: this.#rateHz };
  }

  static restore({ from, to, ms, at, rateHz }: LevelRampSnapshot): LevelRamp {
    const ramp = new LevelRamp(rateHz);
    ramp.#from = from;
    ramp.#to = to;
    ramp.#ms = ms;
    ramp.#at = at;
    return ramp;
  }
}

export interface LevelRampSnapshot {
  readonly from: number;
  readonly to: number;
  readonly ms: number;
  readonly at: number;
  readonly rateHz: number;
}

/** Down at once, so that the caller is not spoken over; up so that a dismissed sound is hardly noticed. */
export const DUCK_DOWN_MS = 20;
export const DUCK_UP_MS = 60;

/** The factor of so many decibels down. */
export function levelOfDuck(db: number): number {
  return 10 ** (-db / 20);
}
