/**
 * The melody of a voice: fundamental frequency per 10 ms, by normalised autocorrelation at 4 kHz. Asked once per
 * silence about the second before it, not per hop, so it costs nothing while somebody speaks.
 */

const RATE_HZ = 4000;
const LEAST_HZ = 65;
const MOST_HZ = 400;
const FIRST_LAG = Math.floor(RATE_HZ / MOST_HZ);
const LAST_LAG = Math.ceil(RATE_HZ / LEAST_HZ);
/** 32 ms: two periods of the lowest voice. */
const WINDOW = 128;
const STEP = RATE_HZ / 100;
/** Below this correlation with itself one period on, a frame is breath or noise and has no pitch. */
const VOICED = 0.6;
/** A shorter lag nearly as good as the best one is the period, and the best one a multiple of it. */
const OCTAVE = 0.9;
/** Frames this much below the loudest are the room. */
const AUDIBLE_DB = 30;
/** Quieter than this nothing is judged, so that nothing is divided by nothing. */
const LEAST_DB = -60;
const SILENT = 1e-9;

/** Hertz per 10 ms, 0 where there is no pitch; the last frame ends with the samples. `rateHz`: a multiple of 4 kHz. */
export function melodyOf(samples: Int16Array, rateHz: number): number[] {
  const low = lowered(samples, rateHz / RATE_HZ);
  const span = WINDOW + LAST_LAG;
  const count = Math.max(0, Math.floor((low.length - span) / STEP) + 1);
  const first = low.length - span - (count - 1) * STEP;
  const levels = Float64Array.from({ length: count }, (_, frame) => levelDb(low, first + frame * STEP, span));
  const least = Math.max(LEAST_DB, Math.max(...levels) - AUDIBLE_DB);
  return Array.from(levels, (level, frame) => (level < least ? 0 : pitchAt(low, first + frame * STEP)));
}

/** 4 kHz, through a triangle as wide as two of its samples: enough for what is below 400 Hz. */
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

function levelDb(low: Float32Array, from: number, length: number): number {
  let energy = 1e-12;
  for (let at = from; at < from + length; at += 1) energy += (low[at] ?? 0) ** 2;
  return 10 * Math.log10(energy / length);
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

function pitchAt(low: Float32Array, from: number): number {
  const curve = correlations(low, from);
  const best = curve.subarray(FIRST_LAG).reduce((most, value) => Math.max(most, value), 0);
  if (best < VOICED) return 0;
  for (let lag = FIRST_LAG; lag < LAST_LAG; lag += 1) {
    const [left, middle, right] = [curve[lag - 1] ?? 0, curve[lag] ?? 0, curve[lag + 1] ?? 0];
    if (middle < best * OCTAVE || middle < left || middle < right) continue;
    const bend = left - 2 * middle + right;
    return RATE_HZ / (lag + (bend === 0 ? 0 : (0.5 * (left - right)) / bend));
  }
  return 0;
}
