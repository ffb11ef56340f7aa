/**
 * What a voice does, in frames of 20 ms: its level in ten bands, its pitch, and how periodic it is. Asked once per silence
 * about the moment before it, not per hop, so it costs nothing while somebody speaks.
 */

/** The samples' rate; bands are taken at a half of it and pitch at a quarter. */
export const FRAMES_RATE_HZ = 16_000;
const STEP_MS = 20;

/** A Fourier transform of 32 ms at 8 kHz. */
const POINTS = 256;
/** First bins of the bands, of 31 Hz each, and the end of the last: 190 Hz to 3.6 kHz, what a telephone carries. */
const EDGES = [6, 9, 13, 18, 24, 32, 42, 55, 70, 90, 116];
export const FRAME_BANDS = EDGES.length - 1;
/** Added to every band's power, so that nothing is the logarithm of nothing. */
const LEAST_POWER = 1e-9;

const PITCH_RATE_HZ = 4000;
const LEAST_HZ = 65;
const MOST_HZ = 400;
const FIRST_LAG = Math.floor(PITCH_RATE_HZ / MOST_HZ);
const LAST_LAG = Math.ceil(PITCH_RATE_HZ / LEAST_HZ);
/** 32 ms: two periods of the lowest voice. */
const WINDOW = 128;
/** Below this correlation with itself one period on, a frame is breath or noise and has no pitch. */
const VOICED = 0.6;
/** A shorter lag nearly as good as the best one is the period, and the best one a multiple of it. */
const OCTAVE = 0.9;
/** Quieter than this nothing has a pitch. */
const LEAST_DB = -60;
const SILENT = 1e-9;

/** Samples that a frame needs, and samples between two frames, at 16 kHz. */
const FRAME_SAMPLES = ((WINDOW + LAST_LAG) * FRAMES_RATE_HZ) / PITCH_RATE_HZ;
const STEP_SAMPLES = (STEP_MS * FRAMES_RATE_HZ) / 1000;

export interface VoiceFrame {
  /** Decibels per band; full scale is about 0. */
  readonly bandsDb: Float64Array;
  /** Hertz; 0: no pitch. */
  readonly pitchHz: number;
  /** Greatest correlation with itself a period on, from -1 to 1. */
  readonly periodicity: number;
}

/** Samples for so many frames. */
export function samplesOfFrames(count: number): number {
  return FRAME_SAMPLES + (count - 1) * STEP_SAMPLES + 4;
}

/** `samples` at 16 kHz; the last frame ends with them. */
export function voiceFrames(samples: Int16Array): VoiceFrame[] {
  const half = lowered(samples, 2);
  const quarter = lowered(samples, 4);
  const span = WINDOW + LAST_LAG;
  const step = STEP_SAMPLES / 4;
  const count = Math.max(0, Math.floor((quarter.length - span) / step) + 1);
  const first = quarter.length - span - (count - 1) * step;
  return Array.from({ length: count }, (_, frame) => {
    const at = first + frame * step;
    return { bandsDb: bandLevels(half, at * 2), ...pitchAt(quarter, at) };
  });
}

/** Through a triangle as wide as two of the new samples. */
function lowered(samples: Int16Array, factor: number): Float32Array {
  const length = Math.max(0, Math.floor(samples.length / factor) - 1);
  const low = new Float32Array(length);
  for (let at = 0; at < length; at += 1) {
    let sum = 0;
    for (let tap = 0; tap < 2 * factor; tap += 1) {
      const weight = tap < factor ? tap + 0.5 : 2 * factor - tap - 0.5;
      sum += (samples[at * factor + tap] ?? 0) * weight;
    }
    low[at] = sum / (factor * factor * 32_768);
  }
  return low;
}

const HANN = Float64Array.from(
  { length: POINTS },
  (_, at) => 0.5 - 0.5 * Math.cos((2 * Math.PI * at) / POINTS),
);
const COSINES = Float64Array.from({ length: POINTS }, (_, at) => Math.cos((2 * Math.PI * at) / POINTS));
const SINES = Float64Array.from({ length: POINTS }, (_, at) => Math.sin((2 * Math.PI * at) / POINTS));

function bandLevels(half: Float32Array, from: number): Float64Array {
  const real = Float64Array.from(HANN, (weight, at) => weight * (half[from + at] ?? 0));
  const imaginary = new Float64Array(POINTS);
  transform(real, imaginary);
  return Float64Array.from({ length: FRAME_BANDS }, (_, band) => {
    let power = 0;
    for (let bin = EDGES[band] ?? 0; bin < (EDGES[band + 1] ?? 0); bin += 1)
      power += (real[bin] ?? 0) ** 2 + (imaginary[bin] ?? 0) ** 2;
    return 10 * Math.log10(power / POINTS + LEAST_POWER);
  });
}

/** Fast Fourier transform in place (Cooley and Tukey, radix 2, decimation in frequency), then sorted by reversed bits. */
function transform(real: Float64Array, imaginary: Float64Array): void {
  for (let size = POINTS / 2; size >= 1; size /= 2) {
    for (let block = 0; block < POINTS; block += 2 * size) {
      for (let at = block; at < block + size; at += 1) {
        const turn = ((at - block) * POINTS) / (2 * size);
        butterfly(real, imaginary, at, at + size, turn);
      }
    }
  }
  for (let at = 0, reversed = 0; at < POINTS; at += 1) {
    if (reversed > at) {
      swap(real, at, reversed);
      swap(imaginary, at, reversed);
    }
    let bit = POINTS / 2;
    for (; (reversed & bit) !== 0; bit /= 2) reversed -= bit;
    reversed += bit;
  }
}

function butterfly(
  real: Float64Array,
  imaginary: Float64Array,
  one: number,
  other: number,
  turn: number,
): void {
  const a = real[one] ?? 0;
  const b = imaginary[one] ?? 0;
  const c = real[other] ?? 0;
  const d = imaginary[other] ?? 0;
  const cosine = COSINES[turn] ?? 0;
  const sine = SINES[turn] ?? 0;
  real[one] = a + c;
  imaginary[one] = b + d;
  real[other] = (a - c) * cosine + (b - d) * sine;
  imaginary[other] = (b - d) * cosine - (a - c) * sine;
}

function swap(values: Float64Array, one: number, other: number): void {
  const kept = values[one] ?? 0;
  values[one] = values[other] ?? 0;
  values[other] = kept;
}

/** Correlation of the window with itself, by lag in samples. */
function correlations(low: Float32Array, from: number): Float64Array {
  const curve = new Float64Array(LAST_LAG + 1);
  const here = energyOf(low, from);
  let there = energyOf(low, from + FIRST_LAG - 1);
  for (let lag = FIRST_LAG - 1; lag <= LAST_LAG; lag += 1) {
    let product = 0;
    for (let at = from; at < from + WINDOW; at += 1) product += (low[at] ?? 0) * (low[at + lag] ?? 0);
    curve[lag] = product / Math.sqrt(here * there);
    there += (low[from + lag + WINDOW] ?? 0) ** 2 - (low[from + lag] ?? 0) ** 2;
    there = Math.max(there, SILENT);
  }
  return curve;
}

function energyOf(low: Float32Array, from: number): number {
  let energy = SILENT;
  for (let at = from; at < from + WINDOW; at += 1) energy += (low[at] ?? 0) ** 2;
  return energy;
}

function pitchAt(low: Float32Array, from: number): Pick<VoiceFrame, "pitchHz" | "periodicity"> {
  if (10 * Math.log10(energyOf(low, from) / WINDOW) < LEAST_DB) return { pitchHz: 0, periodicity: 0 };
  const curve = correlations(low, from);
  const periodicity = curve.subarray(FIRST_LAG).reduce((most, value) => Math.max(most, value), 0);
  if (periodicity < VOICED) return { pitchHz: 0, periodicity };
  for (let lag = FIRST_LAG; lag < LAST_LAG; lag += 1) {
    const [left, middle, right] = [curve[lag - 1] ?? 0, curve[lag] ?? 0, curve[lag + 1] ?? 0];
    if (middle < periodicity * OCTAVE || middle < left || middle < right) continue;
    const bend = left - 2 * middle + right;
    return { pitchHz: PITCH_RATE_HZ / (lag + (bend === 0 ? 0 : (0.5 * (left - right)) / bend)), periodicity };
  }
  return { pitchHz: 0, periodicity };
}
