/** Sample streams for the audio tests: seeded, so that every run hears the same. */
import * as fc from "fast-check";

export function tone(frequencyHz: number, rateHz: number, length: number, amplitude: number): Int16Array {
  const turn = (2 * Math.PI * frequencyHz) / rateHz;
  return Int16Array.from({ length }, (_, n) => Math.round(amplitude * Math.sin(turn * n + 0.3)));
}

/** White noise, uniform in ± amplitude, from a 32-bit linear congruential generator. */
export function noise(length: number, amplitude: number, seed: number): Int16Array {
  let state = seed | 0;
  return Int16Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return Math.round((state / 2 ** 31) * amplitude);
  });
}

export function join(parts: readonly Int16Array[]): Int16Array {
  const joined = new Int16Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Any samples, often at the limits of their range. */
export function samples(maxLength: number): fc.Arbitrary<Int16Array> {
  return fc.int16Array({ maxLength, size: "max" });
}

/** Cuts something of `length` into pieces: the ends of all but the last, ascending, doubles allowed. */
export function cuts(maxCuts = 8): fc.Arbitrary<(length: number) => number[]> {
  return fc
    .array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: maxCuts })
    .map((shares) => (length) => shares.map((share) => Math.floor(share * length)).sort((a, b) => a - b));
}

/** The pieces of `whole` between the cuts. */
export function pieces<T extends Int16Array | Uint8Array>(whole: T, at: readonly number[]): T[] {
  return [0, ...at].map((from, index) => whole.subarray(from, at[index] ?? whole.length) as T);
}
