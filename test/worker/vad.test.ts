import { describe, expect, test } from "vitest";
import { loadKernels } from "../../durable-objects/kernels.ts";
import { createDetector } from "../../src/audio/vad/index.ts";

/** A second of something like a vowel (pulses at 120 Hz through two resonances) after half a second of faint noise. */
function vowel(): Int16Array {
  let seed = 9;
  const state = [0, 0, 0, 0];
  return Int16Array.from({ length: 24_576 }, (_, i) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
    const pulse = i > 8000 && i % 133 === 0 ? 9000 : 0;
    const [a = 0, b = 0, c = 0, d = 0] = state;
    const first = pulse + 1.84 * a - 0.93 * b;
    const second = 0.3 * first + 1.6 * c - 0.9 * d;
    state.splice(0, 4, first, a, second, c);
    return Math.max(-32768, Math.min(32767, Math.round(0.2 * second + (seed >> 25))));
  });
}

/**
 * Measured in Node 26; WASM arithmetic is the same everywhere, so every digit counts. A change of the kernel or of
 * its weights changes them: the failing test shows the new ones.
 */
const IN_NODE = new Map([
  [10, 0.013849209062755108],
  [33, 0.9463830590248108],
  [41, 0.43613478541374207],
  [51, 0.14447802305221558],
  [61, 0.05401154235005379],
  [95, 0.004326889757066965],
]);

describe("the detector in workerd", () => {
  test("[V13] gives the probabilities it gives in Node", () => {
    const { detector, fallback } = createDetector(loadKernels(), "auto");
    expect(fallback).toBeNull();
    const found: number[] = [];
    detector.push(vowel(), (probability) => found.push(probability));
    expect(found.length).toBe(96);
    expect([...IN_NODE.keys()].map((hop) => found[hop])).toEqual([...IN_NODE.values()]);
  });

  test("[V13] shares one kernel between the sessions of an isolate", () => {
    expect(loadKernels().silero).toBe(loadKernels().silero);
    const { detector } = createDetector(loadKernels(), "auto");
    const { detector: other } = createDetector(loadKernels(), "auto");
    const found: number[] = [];
    const alone: number[] = [];
    const pcm = vowel();
    other.push(pcm, (probability) => alone.push(probability));
    for (let at = 0; at < pcm.length; at += 320) {
      detector.push(pcm.subarray(at, at + 320), (probability) => found.push(probability));
      other.push(pcm.subarray(0, 100), () => {});
    }
    expect(found).toEqual(alone);
  });
});
