/**
 * Splits sound into the bands in which a voice carries its melody and its vowels, about a third of an octave each: what
 * two voices at once have in common is loudness, but hardly ever the same bands at the same moment.
 */

/** Edges in hertz. The highest lies below half of the lowest sample rate, 8 kHz. */
const EDGES_HZ = [180, 300, 420, 570, 760, 1000, 1320, 1740, 2300, 2900, 3600];
export const BANDS = EDGES_HZ.length - 1;
/** Two resonators in a row per band: their skirts fall by 24 dB per octave and more. */
const STAGES = 2;
/** Two delays of each resonator. */
const STATE = BANDS * STAGES * 2;
/** Below this a delay is silence: denormals are slow, and a silent filter would fall into them. */
const DENORMAL = 1e-12;

interface Coefficients {
  readonly b0: Float64Array;
  readonly a1: Float64Array;
  readonly a2: Float64Array;
}

/** RBJ Audio EQ Cookbook, band-pass of constant 0 dB peak. */
function design(rateHz: number): Coefficients {
  const b0 = new Float64Array(BANDS);
  const a1 = new Float64Array(BANDS);
  const a2 = new Float64Array(BANDS);
  for (let band = 0; band < BANDS; band += 1) {
    const low = EDGES_HZ[band] ?? 0;
    const high = EDGES_HZ[band + 1] ?? 0;
    const w = (2 * Math.PI * Math.sqrt(low * high)) / rateHz;
    const alpha = (Math.sin(w) * (high - low)) / (2 * Math.sqrt(low * high));
    b0[band] = alpha / (1 + alpha);
    a1[band] = (-2 * Math.cos(w)) / (1 + alpha);
    a2[band] = (1 - alpha) / (1 + alpha);
  }
  return { b0, a1, a2 };
}

export class FilterBank {
  readonly #state = new Float64Array(STATE);
  #rateHz = 0;
  #coefficients: Coefficients = design(16_000);

  /** Adds the energy of these samples in each band to `energy`, from index `at` on. Full scale is one. */
  add(samples: Int16Array, from: number, to: number, rateHz: number, energy: Float64Array, at: number): void {
    if (rateHz !== this.#rateHz) {
      this.#rateHz = rateHz;
      this.#coefficients = design(rateHz);
      this.#state.fill(0);
    }
    for (let band = 0; band < BANDS; band += 1) {
      energy[at + band] = (energy[at + band] ?? 0) + this.#filter(band, samples, from, to);
    }
  }

  /** Both stages of one band, transposed direct form II. */
  #filter(band: number, samples: Int16Array, from: number, to: number): number {
    const b0 = this.#coefficients.b0[band] ?? 0;
    const a1 = this.#coefficients.a1[band] ?? 0;
    const a2 = this.#coefficients.a2[band] ?? 0;
    const state = this.#state;
    const place = band * STAGES * 2;
    let p1 = state[place] ?? 0;
    let p2 = state[place + 1] ?? 0;
    let q1 = state[place + 2] ?? 0;
    let q2 = state[place + 3] ?? 0;
    let energy = 0;
    for (let index = from; index < to; index += 1) {
      const x = (samples[index] ?? 0) / 32_768;
      const y = b0 * x + p1;
      p1 = p2 - a1 * y;
      p2 = -b0 * x - a2 * y;
      const z = b0 * y + q1;
      q1 = q2 - a1 * z;
      q2 = -b0 * y - a2 * z;
      energy += z * z;
    }
    state[place] = Math.abs(p1) < DENORMAL ? 0 : p1;
    state[place + 1] = Math.abs(p2) < DENORMAL ? 0 : p2;
    state[place + 2] = Math.abs(q1) < DENORMAL ? 0 : q1;
    state[place + 3] = Math.abs(q2) < DENORMAL ? 0 : q2;
    return energy;
  }

  snapshot(): FilterBankSnapshot {
    return { rateHz: this.#rateHz, state: this.#state.slice() };
  }

  restore(snapshot: FilterBankSnapshot): void {
    this.#rateHz = snapshot.rateHz;
    if (snapshot.rateHz > 0) this.#coefficients = design(snapshot.rateHz);
    this.#state.set(snapshot.state);
  }
}

export interface FilterBankSnapshot {
  readonly rateHz: number;
  readonly state: Float64Array;
}
