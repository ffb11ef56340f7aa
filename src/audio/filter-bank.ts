/**
 * Splits sound into the bands in which a voice carries its melody and its vowels, about a third of an octave each: what
 * two voices at once have in common is loudness, but hardly ever the same bands at the same moment. Two ways to run it, in
 * TypeScript here and with WASM-SIMD in `wasm/bands.ts`, add the same doubles in the same order: they agree in every bit.
 */
import type { BandsKernel } from "./kernels.ts";

/** Edges in hertz. The highest lies below half of the lowest sample rate, 8 kHz. */
const EDGES_HZ = [180, 300, 420, 570, 760, 1000, 1320, 1740, 2300, 2900, 3600];
export const BANDS = EDGES_HZ.length - 1;
/** The last two samples; of each band two delays of each of two resonators in a row, whose skirts fall by 24 dB per octave and more. */
const STATE = 2 + 4 * BANDS;
/** Softer than this (of 32768) a delay is silence: denormals are slow, and a silent filter would fall into them. */
const SILENT = 1e-7;

interface Coefficients {
  /** Of the recursion: each band's a1, then each band's a2. */
  readonly recursion: Float64Array;
  /** Makes an energy of one whose peak is at 0 dB, full scale being one. */
  readonly gain: Float64Array;
}

/** RBJ Audio EQ Cookbook, band-pass of constant 0 dB peak. Its `b0 (1 − z⁻²)` is split: the factor waits for the energy. */
function design(rateHz: number): Coefficients {
  const recursion = new Float64Array(2 * BANDS);
  const gain = new Float64Array(BANDS);
  for (let band = 0; band < BANDS; band += 1) {
    const low = EDGES_HZ[band] ?? 0;
    const high = EDGES_HZ[band + 1] ?? 0;
    const w = (2 * Math.PI * Math.sqrt(low * high)) / rateHz;
    const alpha = (Math.sin(w) * (high - low)) / (2 * Math.sqrt(low * high));
    recursion[band] = (-2 * Math.cos(w)) / (1 + alpha);
    recursion[BANDS + band] = (1 - alpha) / (1 + alpha);
    gain[band] = ((alpha / (1 + alpha)) ** 2 / 32_768) ** 2;
  }
  return { recursion, gain };
}

/** By rate: several sounds of an isolate have the same. */
const designs = new Map<number, Coefficients>();

function designFor(rateHz: number): Coefficients {
  const known = designs.get(rateHz);
  if (known) return known;
  const coefficients = design(rateHz);
  designs.set(rateHz, coefficients);
  return coefficients;
}

/** As a muted microphone gives. */
function isZero(samples: Int16Array, from: number, to: number): boolean {
  for (let index = from; index < to; index += 1) if (samples[index] !== 0) return false;
  return true;
}

export class FilterBank {
  readonly #kernel: BandsKernel | null;
  readonly #state = new Float64Array(STATE);
  readonly #energies = new Float64Array(BANDS);
  /** Some delay is not silent. */
  #rings = false;
  #rateHz = 0;
  #coefficients: Coefficients = designFor(16_000);

  /** Without a kernel the same in TypeScript, to the bit. */
  constructor(kernel: BandsKernel | null) {
    this.#kernel = kernel;
  }

  /** Adds the energy of these samples in each band to `energy`, from index `at` on. Full scale is one. */
  add(samples: Int16Array, from: number, to: number, rateHz: number, energy: Float64Array, at: number): void {
    if (rateHz !== this.#rateHz) {
      this.#rateHz = rateHz;
      this.#coefficients = designFor(rateHz);
      this.#state.fill(0);
      this.#rings = false;
    }
    if (!this.#rings && isZero(samples, from, to)) return;
    const { recursion, gain } = this.#coefficients;
    if (this.#kernel === null) this.#filterAll(samples, from, to, recursion);
    else runKernel(this.#kernel, samples, from, to, recursion, this.#state, this.#energies);
    this.#settle();
    for (let band = 0; band < BANDS; band += 1) {
      const heard = (this.#energies[band] ?? 0) * (gain[band] ?? 0);
      energy[at + band] = (energy[at + band] ?? 0) + heard;
    }
  }

  #settle(): void {
    const state = this.#state;
    let rings = false;
    for (let at = 0; at < STATE; at += 1) {
      if (Math.abs(state[at] ?? 0) < SILENT) state[at] = 0;
      else rings = true;
    }
    this.#rings = rings;
  }

  #filterAll(samples: Int16Array, from: number, to: number, recursion: Float64Array): void {
    for (let band = 0; band < BANDS; band += 1) this.#filter(band, samples, from, to, recursion);
    const state = this.#state;
    state[1] = to - from > 1 ? (samples[to - 2] ?? 0) : (state[0] ?? 0);
    state[0] = samples[to - 1] ?? 0;
  }

  /** Both resonators of a band. */
  #filter(band: number, samples: Int16Array, from: number, to: number, recursion: Float64Array): void {
    const a1 = recursion[band] ?? 0;
    const a2 = recursion[BANDS + band] ?? 0;
    const state = this.#state;
    const place = 2 + 4 * band;
    let [x1 = 0, x2 = 0] = state;
    let y1 = state[place] ?? 0;
    let y2 = state[place + 1] ?? 0;
    let z1 = state[place + 2] ?? 0;
    let z2 = state[place + 3] ?? 0;
    let energy = 0;
    for (let index = from; index < to; index += 1) {
      const x = samples[index] ?? 0;
      const y = x - x2 - a2 * y2 - a1 * y1;
      const z = y - y2 - a2 * z2 - a1 * z1;
      x2 = x1;
      x1 = x;
      y2 = y1;
      y1 = y;
      z2 = z1;
      z1 = z;
      energy += z * z;
    }
    state[place] = y1;
    state[place + 1] = y2;
    state[place + 2] = z1;
    state[place + 3] = z2;
    this.#energies[band] = energy;
  }

  snapshot(): FilterBankSnapshot {
    return { rateHz: this.#rateHz, state: this.#state.slice() };
  }

  restore(snapshot: FilterBankSnapshot): void {
    this.#rateHz = snapshot.rateHz;
    if (snapshot.rateHz > 0) this.#coefficients = designFor(snapshot.rateHz);
    // A release before kept other delays: it begins with silence then, which is over in a frame or two.
    if (snapshot.state.length === STATE) this.#state.set(snapshot.state);
    this.#rings = this.#state.some((delay) => delay !== 0);
  }
}

interface KernelMemory {
  readonly samples: Int16Array;
  readonly coefficients: Float64Array;
  readonly state: Float64Array;
  readonly energies: Float64Array;
}

const memories = new WeakMap<BandsKernel, KernelMemory>();

function memoryOf(kernel: BandsKernel): KernelMemory {
  const known = memories.get(kernel);
  if (known) return known;
  const { buffer } = kernel.memory;
  const memory = {
    samples: new Int16Array(buffer, kernel.samplesAddress(), kernel.samples()),
    coefficients: new Float64Array(buffer, kernel.coefficientsAddress(), 2 * BANDS),
    state: new Float64Array(buffer, kernel.stateAddress(), STATE),
    energies: new Float64Array(buffer, kernel.energiesAddress(), BANDS),
  };
  memories.set(kernel, memory);
  return memory;
}

function runKernel(
  kernel: BandsKernel,
  samples: Int16Array,
  from: number,
  to: number,
  recursion: Float64Array,
  state: Float64Array,
  energies: Float64Array,
): void {
  const memory = memoryOf(kernel);
  memory.samples.set(samples.subarray(from, to));
  memory.coefficients.set(recursion);
  memory.state.set(state);
  kernel.run(to - from);
  state.set(memory.state);
  energies.set(memory.energies);
}

export interface FilterBankSnapshot {
  readonly rateHz: number;
  readonly state: Float64Array;
}
