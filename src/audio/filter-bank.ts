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

function heard(delay: number): number {
  return Math.abs(delay) < DENORMAL ? 0 : delay;
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
    for (let band = 0; band < BANDS; band += 2) this.#filter(band, samples, from, to, energy, at + band);
  }

  /**
   * Two bands, both stages of each, transposed direct form II. A resonator waits for its own last sample; with two bands in one
   * loop the processor has something to do meanwhile.
   */
  #filter(
    band: number,
    samples: Int16Array,
    from: number,
    to: number,
    energy: Float64Array,
    at: number,
  ): void {
    const { b0, a1, a2 } = this.#coefficients;
    const b0L = b0[band] ?? 0;
    const a1L = a1[band] ?? 0;
    const a2L = a2[band] ?? 0;
    const b0H = b0[band + 1] ?? 0;
    const a1H = a1[band + 1] ?? 0;
    const a2H = a2[band + 1] ?? 0;
    const state = this.#state;
    const place = band * STAGES * 2;
    let p1L = state[place] ?? 0;
    let p2L = state[place + 1] ?? 0;
    let q1L = state[place + 2] ?? 0;
    let q2L = state[place + 3] ?? 0;
    let p1H = state[place + 4] ?? 0;
    let p2H = state[place + 5] ?? 0;
    let q1H = state[place + 6] ?? 0;
    let q2H = state[place + 7] ?? 0;
    let low = 0;
    let high = 0;
    for (let index = from; index < to; index += 1) {
      const x = (samples[index] ?? 0) / 32_768;
      const yL = b0L * x + p1L;
      const yH = b0H * x + p1H;
      p1L = p2L - a1L * yL;
      p1H = p2H - a1H * yH;
      p2L = -b0L * x - a2L * yL;
      p2H = -b0H * x - a2H * yH;
      const zL = b0L * yL + q1L;
      const zH = b0H * yH + q1H;
      q1L = q2L - a1L * zL;
      q1H = q2H - a1H * zH;
      q2L = -b0L * yL - a2L * zL;
      q2H = -b0H * yH - a2H * zH;
      low += zL * zL;
      high += zH * zH;
    }
    energy[at] = (energy[at] ?? 0) + low;
    energy[at + 1] = (energy[at + 1] ?? 0) + high;
    state[place] = heard(p1L);
    state[place + 1] = heard(p2L);
    state[place + 2] = heard(q1L);
    state[place + 3] = heard(q2L);
    state[place + 4] = heard(p1H);
    state[place + 5] = heard(p2H);
    state[place + 6] = heard(q1H);
    state[place + 7] = heard(q2H);
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
