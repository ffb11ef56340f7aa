/**
 * Any rate to any other one, for browsers that refuse to capture a microphone into an AudioContext of another
 * rate (Firefox: bugzilla 1674892). A headset by Bluetooth has 8 or 16 kHz while its microphone is on. Streaming windowed-sinc interpolation; Kaiser window with beta 8 for about
 * 80 dB of stop band, over 24 zero crossings on either side.
 */
const ZERO_CROSSINGS = 24;
const KAISER_BETA = 8;
/** Table points per zero crossing; values between them are interpolated linearly. */
const TABLE_DENSITY = 256;
/** Passband edge below the lower Nyquist frequency of both, so that the roll-off ends where aliases would begin. */
const ROLL_OFF = 0.9;

export class Resampler {
  readonly #step: number;
  readonly #cutoff: number;
  readonly #reach: number;
  readonly #table: Float64Array;
  #history = new Float32Array(0);
  /** Position of the next output sample, in input samples from the start of `#history`. */
  #position: number;

  /** @throws RangeError unless both are above 0. */
  constructor(sourceRateHz: number, targetRateHz: number) {
    if (!(targetRateHz > 0 && sourceRateHz > 0)) {
      throw new RangeError(`cannot resample ${sourceRateHz} Hz to ${targetRateHz} Hz`);
    }
    this.#step = sourceRateHz / targetRateHz;
    this.#cutoff = ROLL_OFF / Math.max(1, this.#step);
    this.#reach = Math.ceil(ZERO_CROSSINGS / this.#cutoff);
    this.#table = kaiserSinc();
    this.#history = new Float32Array(this.#reach);
    this.#position = this.#reach;
  }

  /** The output samples that `input` completes; the filter delays by about 1 ms. */
  process(input: Float32Array): Float32Array {
    const joined = new Float32Array(this.#history.length + input.length);
    joined.set(this.#history);
    joined.set(input, this.#history.length);
    const last = joined.length - this.#reach - 1;
    const count = Math.max(0, Math.floor((last - this.#position) / this.#step) + 1);
    const output = new Float32Array(count);
    for (let i = 0; i < count; i++) output[i] = this.#at(joined, this.#position + i * this.#step);
    this.#position += count * this.#step;
    const drop = Math.max(0, Math.floor(this.#position) - this.#reach);
    this.#history = joined.slice(drop);
    this.#position -= drop;
    return output;
  }

  #at(samples: Float32Array, position: number): number {
    const first = Math.max(0, Math.ceil(position - this.#reach));
    const end = Math.floor(position + this.#reach);
    let sum = 0;
    for (let k = first; k <= end; k++) {
      const x = Math.abs(k - position) * this.#cutoff * TABLE_DENSITY;
      const at = Math.floor(x);
      const low = this.#table[at] ?? 0;
      const high = this.#table[at + 1] ?? 0;
      sum += (samples[k] ?? 0) * (low + (high - low) * (x - at));
    }
    return sum * this.#cutoff;
  }
}

function kaiserSinc(): Float64Array {
  const table = new Float64Array(ZERO_CROSSINGS * TABLE_DENSITY + 1);
  for (let i = 0; i < table.length; i++) {
    const x = i / TABLE_DENSITY;
    const sinc = x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
    const edge = x / ZERO_CROSSINGS;
    table[i] = (sinc * bessel0(KAISER_BETA * Math.sqrt(1 - edge * edge))) / bessel0(KAISER_BETA);
  }
  return table;
}

/** Modified Bessel function of the first kind, order 0, by its power series. */
function bessel0(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-12; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}
