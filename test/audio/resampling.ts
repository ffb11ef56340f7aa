/** What a resampler makes of tones, and of whole streams however they are cut. */
import { expect } from "vitest";
import type { AudioKernels } from "../../src/audio/kernels.ts";
import { createResampler, type Resampler } from "../../src/audio/resampler.ts";
import { join, pieces, tone } from "./samples.ts";

/** The whole output for a whole stream, cut at the given places. */
export function convert(resampler: Resampler, stream: Int16Array, at: readonly number[] = []): Int16Array {
  const parts = pieces(stream, at).map((piece) => resampler.process(piece).slice());
  return join([...parts, resampler.flush().slice()]);
}

/** Frequencies to try, as shares of the lower rate's Nyquist frequency, finest where the filter bends. */
const SHARES = [
  0.02, 0.1, 0.25, 0.4, 0.55, 0.7, 0.8, 0.86, 0.9, 0.94, 0.97, 1, 1.01, 1.03, 1.06, 1.1, 1.2, 1.4, 1.55,
];
const FURTHER = [1.7, 1.9, 2.1, 2.4, 2.75, 3, 3.3, 3.7, 4, 4.3, 4.8, 5.2, 5.7, 6.5, 7.7, 9.1, 10.6, 11.8];
const AMPLITUDE = 24000;

/** Output examined is a whole turn of this: every tone on this grid makes whole turns in it. */
function gridHz(to: number): number {
  return to % 10 === 0 ? 10 : 25;
}

interface Response {
  /** The tone's share of the output: decibels against the input. */
  readonly gainDb: number;
  /** Everything else in the output: decibels against the input. */
  readonly restDb: number;
}

/** A tone from the rate `from` to `to`, both whole multiples of 25 Hz or `to` of 10 Hz. */
export function measure(from: number, to: number, frequencyHz: number, kernels: AudioKernels): Response {
  const settled = Math.round(to / 50);
  const length = to / gridHz(to);
  const seconds = 1 / gridHz(to) + 0.04;
  const output = createResampler(from, to, kernels)
    .process(tone(frequencyHz, from, Math.round(from * seconds), AMPLITUDE))
    .subarray(settled, settled + length);
  expect(output.length).toBe(length);
  let total = 0;
  let real = 0;
  let imaginary = 0;
  output.forEach((value, n) => {
    const angle = (2 * Math.PI * frequencyHz * n) / to;
    total += value * value;
    real += value * Math.cos(angle);
    imaginary += value * Math.sin(angle);
  });
  const input = (AMPLITUDE ** 2 / 2) * length;
  const fits = frequencyHz < to / 2;
  const kept = fits ? (2 * (real ** 2 + imaginary ** 2)) / length : 0;
  return {
    gainDb: 10 * Math.log10(kept / input),
    restDb: 10 * Math.log10(Math.max(total - kept, 1e-9) / input),
  };
}

export function tones(from: number, to: number): number[] {
  const nyquist = Math.min(from, to) / 2;
  const grid = gridHz(to);
  return [...SHARES, ...FURTHER]
    .map((share) => Math.round((share * nyquist) / grid) * grid)
    .filter((frequency) => frequency < from / 2);
}

/** Turns of a tone per second, from the first to the last of its zero crossings upwards. */
export function pitchHz(stream: Int16Array, rateHz: number): number {
  const crossings: number[] = [];
  for (let n = 1; n < stream.length; n++) {
    const [before, after] = [stream[n - 1] ?? 0, stream[n] ?? 0];
    if (before < 0 && after >= 0) crossings.push(n - after / (after - before));
  }
  return ((crossings.length - 1) * rateHz) / ((crossings.at(-1) ?? NaN) - (crossings[0] ?? NaN));
}
