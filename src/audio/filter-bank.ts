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
    if (this.#silent(samples, from, to)) return;
    for (let band = 0; band < BANDS; band += 2) this.#filter(band, samples, from, to, energy, at);
  }

  /** Nothing rings, and nothing sounds: digital zero, as a muted microphone gives. */
  #silent(samples: Int16Array, from: number, to: number): boolean {
    for (let index = from; index < to; index += 1) if (samples[index] !== 0) return false;
    return this.#state.every((delay) => delay === 0);
  }

  /**
   * Both stages of a band and of the next one, transposed direct form II. Each value waits for the one before: two bands in
   * one loop take hardly more time than one.
   */
  #filter(
    band: number,
    samples: Int16Array,
    from: number,
    to: number,
    energies: Float64Array,
    at: number,
  ): void {
    const coefficients = this.#coefficients;
    const b0 = coefficients.b0[band] ?? 0;
    const a1 = coefficients.a1[band] ?? 0;
    const a2 = coefficients.a2[band] ?? 0;
    const d0 = coefficients.b0[band + 1] ?? 0;
    const c1 = coefficients.a1[band + 1] ?? 0;
    const c2 = coefficients.a2[band + 1] ?? 0;
    const state = this.#state;
    const place = band * STAGES * 2;
    let p1 = state[place] ?? 0;
    let p2 = state[place + 1] ?? 0;
    let q1 = state[place + 2] ?? 0;
    let q2 = state[place + 3] ?? 0;
    let r1 = state[place + 4] ?? 0;
    let r2 = state[place + 5] ?? 0;
    let s1 = state[place + 6] ?? 0;
    let s2 = state[place + 7] ?? 0;
    let energy = 0;
    let next = 0;
    for (let index = from; index < to; index += 1) {
      const x = (samples[index] ?? 0) / 32_768;
      const y = b0 * x + p1;
      const v = d0 * x + r1;
      p1 = p2 - a1 * y;
      r1 = r2 - c1 * v;
      p2 = -b0 * x - a2 * y;
      r2 = -d0 * x - c2 * v;
      const z = b0 * y + q1;
      const w = d0 * v + s1;
      q1 = q2 - a1 * z;
      s1 = s2 - c1 * w;
      q2 = -b0 * y - a2 * z;
      s2 = -d0 * v - c2 * w;
      energy += z * z;
      next += w * w;
    }
    state[place] = audible(p1);
    state[place + 1] = audible(p2);
    state[place + 2] = audible(q1);
    state[place + 3] = audible(q2);
    state[place + 4] = audible(r1);
    state[place + 5] = audible(r2);
    state[place + 6] = audible(s1);
    state[place + 7] = audible(s2);
    energies[at + band] = (energies[at + band] ?? 0) + energy;
    energies[at + band + 1] = (energies[at + band + 1] ?? 0) + next;
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

function audible(delay: number): number {
  return Math.abs(delay) < DENORMAL ? 0 : delay;
}

export interface FilterBankSnapshot {
  readonly rateHz: number;
  readonly state: Float64Array;
}
