/** What upstreams may speak: any whole rate from 8 to 96 kHz, also where the ratio has thousands of phases. */
import * as fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { durationMs, isRateHz, PCM_RATES_HZ } from "../../src/audio/format.ts";
import { type AudioKernels, NO_KERNELS } from "../../src/audio/kernels.ts";
import { createResampler } from "../../src/audio/resampler.ts";
import { polyphaseFilter } from "../../src/audio/resampler-filter.ts";
import { ScriptRunner, WasmRunner } from "../../src/audio/resampler-kernel.ts";
import { build } from "../../tools/build/kernels.ts";
import { loadKernels } from "../support/kernels.ts";
import { convert, measure, pitchHz, tones } from "./resampling.ts";
import { cuts, join, noise, pieces, samples } from "./samples.ts";

const RATES = [11_025, 12_000, 22_050, 32_000, 37_800, 44_100, 64_000, 88_200, 96_000];
/** Neighbours of common rates and primes: the ratios have as many phases as there can be. */
const ODD_RATES = [8017, 22_051, 44_101, 95_999];
const IN = [...RATES, ...ODD_RATES].flatMap((from) => PCM_RATES_HZ.map((to) => [from, to] as const));
const OUT = RATES.flatMap((to) => PCM_RATES_HZ.map((from) => [from, to] as const));
const PAIRS = [...IN, ...OUT];
const anyRate = fc.oneof(fc.constantFrom(...RATES, ...PCM_RATES_HZ), fc.integer({ min: 8000, max: 96_000 }));

let wasm: AudioKernels;
beforeAll(async () => {
  await build();
  wasm = { ...NO_KERNELS, resampler: loadKernels().resampler };
  expect(wasm.resampler).not.toBeNull();
});

describe("quality", () => {
  test.each(PAIRS)("[A40] %i to %i Hz: aliases and images are at least 60 dB down", (from, to) => {
    for (const frequency of tones(from, to)) {
      const { restDb } = measure(from, to, frequency, wasm);
      if (!(restDb <= -60)) expect.fail(`${frequency} Hz leaves ${restDb.toFixed(1)} dB`);
    }
  });

  test.each(PAIRS)(
    "[A40] %i to %i Hz: flat within 0.05 dB up to 0.9 of the lower Nyquist frequency",
    (from, to) => {
      for (const frequency of tones(from, to).filter((hz) => hz <= 0.9 * (Math.min(from, to) / 2))) {
        expect(Math.abs(measure(from, to, frequency, wasm).gainDb), `${frequency} Hz`).toBeLessThan(0.05);
      }
    },
  );

  test.each(PAIRS)("[A40] %i to %i Hz: a constant stays that constant", (from, to) => {
    const output = createResampler(from, to, wasm).process(new Int16Array(Math.round(from / 10)).fill(-9876));
    expect(new Set(output.subarray(Math.round(to / 50)))).toEqual(new Set([-9876]));
  });
});

/** Sines below 0.85 of the lower Nyquist frequency: their sum is known at any instant, whatever the rate. */
function voices(lowerHz: number, seed: number) {
  const random = noise(18, 1000, seed);
  const parts = Array.from({ length: 6 }, (_, index) => ({
    hz: 60 + (Math.abs(random[3 * index] ?? 0) / 1000) * (0.425 * lowerHz - 60),
    amplitude: 1000 + 3 * Math.abs(random[3 * index + 1] ?? 0),
    phase: (random[3 * index + 2] ?? 0) / 100,
  }));
  return (seconds: number) =>
    parts.reduce(
      (sum, { hz, amplitude, phase }) => sum + amplitude * Math.sin(2 * Math.PI * hz * seconds + phase),
      0,
    );
}

describe("time", () => {
  test.each(PAIRS)("[A41] %i to %i Hz: output k is the input's instant k·from/to", (from, to) => {
    const signal = voices(Math.min(from, to), from + to);
    const stream = Int16Array.from({ length: Math.round(from / 4) }, (_, n) => Math.round(signal(n / from)));
    const output = convert(createResampler(from, to, wasm), stream);
    let squares = 0;
    let errors = 0;
    for (let k = Math.round(to / 50); k < to / 5; k++) {
      const expected = signal(k / to);
      squares += expected ** 2;
      errors += ((output[k] ?? NaN) - expected) ** 2;
    }
    expect(10 * Math.log10(errors / squares)).toBeLessThan(-50);
  });

  test.each(IN)("[A41] 440 Hz at %i Hz are 440 Hz at %i Hz", (from, to) => {
    const stream = Int16Array.from({ length: from }, (_, n) =>
      Math.round(12_000 * Math.sin((2 * Math.PI * 440 * n) / from)),
    );
    const output = convert(createResampler(from, to, wasm), stream);
    expect(output.length).toBe(to);
    expect(Math.abs(pitchHz(output.subarray(to / 50, to - to / 50), to) - 440)).toBeLessThan(0.1);
  });

  test.each(PAIRS)(
    "[A41] %i to %i Hz: output is owed for no more than 40 samples of the lower rate",
    (from, to) => {
      const output = createResampler(from, to, wasm).process(new Int16Array(from));
      expect(((to - output.length) / to) * Math.min(from, to)).toBeLessThanOrEqual(40);
    },
  );

  test("[A41] a flushed stream has round(input · to / from) samples, and the next one starts afresh", () => {
    fc.assert(
      fc.property(anyRate, anyRate, samples(3000), (from, to, stream) => {
        const resampler = createResampler(from, to, wasm);
        const output = convert(resampler, stream);
        expect(output.length).toBe(Math.round((stream.length * to) / from));
        expect(convert(resampler, stream)).toEqual(output);
      }),
    );
  });

  test("[A41] the length of audio at such a rate is a fraction of a millisecond, not a whole one", () => {
    expect(durationMs({ type: "audio/pcm", rate: 22_050 }, 2 * 441)).toBe(20);
    expect(durationMs({ type: "audio/pcm", rate: 44_100 }, 2 * 1024)).toBeCloseTo(23.22, 2);
  });
});

describe("state", () => {
  test("[A42] chunks do not matter, nor whether TypeScript or WASM filters, nor a snapshot between, in any bit", () => {
    fc.assert(
      fc.property(anyRate, anyRate, samples(3000), cuts(4), (from, to, stream, cut) => {
        const whole = convert(createResampler(from, to, NO_KERNELS), stream);
        expect(convert(createResampler(from, to, wasm), stream, cut(stream.length))).toEqual(whole);
        let resampler = createResampler(from, to, wasm);
        const parts = pieces(stream, cut(stream.length)).map((piece, index) => {
          const part = resampler.process(piece).slice();
          const snapshot = structuredClone(resampler.snapshot());
          expect(snapshot.carried.byteLength).toBeLessThan(2048);
          resampler = createResampler(from, to, index % 2 === 0 ? NO_KERNELS : wasm);
          resampler.process(noise(500, 9000, 3));
          resampler.restore(snapshot);
          return part;
        });
        expect(join([...parts, resampler.flush().slice()])).toEqual(whole);
      }),
    );
  });

  test.each(IN)(
    "[A42] %i to %i Hz: the worst input there is overflows neither implementation",
    (from, to) => {
      const divisor = [from, to].reduce(function common(a, b): number {
        return b === 0 ? a : common(b, a % b);
      });
      const filter = polyphaseFilter(to / divisor, from / divisor);
      const { phases, table } = filter;
      const kernel = wasm.resampler;
      if (kernel === null) return expect.unreachable();
      const tried = [...new Set([0, 1, phases >> 1, phases - 1].filter((phase) => phase < phases))];
      for (const phase of tried) {
        // Full scale with the signs of the row before: every product of it is positive, every lane's sum at its largest.
        const row = Math.floor((phase * table.rows) / phases);
        const coefficients = table.coefficients.subarray(row * table.taps, (row + 1) * table.taps);
        const worst = coefficients.map((coefficient) => (coefficient < 0 ? -32_768 : 32_767));
        const opposite = worst.map((sample) => ~sample);
        const outs = [new ScriptRunner(filter), new WasmRunner(kernel, filter)].map((runner) => {
          const out = new Int16Array(2);
          runner.run(new Int16Array(0), worst, phase, 1, out, 0);
          runner.run(new Int16Array(0), opposite, phase, 1, out, 1);
          return [...out];
        });
        expect(outs).toEqual([
          [32_767, -32_768],
          [32_767, -32_768],
        ]);
      }
      return undefined;
    },
  );

  test("[A43] the filter of no ratio takes more than 13.5 KiB, and more ratios than the kernel has room for take turns", () => {
    fc.assert(
      fc.property(anyRate, anyRate, (from, to) => {
        if (from === to) return;
        expect(polyphaseFilter(to, from).table.coefficients.byteLength).toBeLessThanOrEqual(13.5 * 1024);
      }),
    );
    // Falls by prime ratios: every one has a table of its own.
    const rates = [
      9001, 11_003, 13_001, 17_011, 19_001, 21_001, 26_003, 29_009, 35_023, 41_011, 51_001, 62_003,
    ];
    const stream = noise(4000, 20_000, 7);
    const both = rates.map((rate) => ({
      wasm: createResampler(rate, 8000, wasm),
      script: createResampler(rate, 8000, NO_KERNELS),
    }));
    for (let at = 0; at < stream.length; at += 500) {
      for (const { wasm: fast, script } of both) {
        const piece = stream.subarray(at, at + 500);
        expect(fast.process(piece)).toEqual(script.process(piece));
      }
    }
  });

  test("[A44] a rate that cannot be resampled is refused", () => {
    for (const rate of [0, -8000, 7999, 96_001, 22_050.5, NaN, Infinity]) {
      expect(() => createResampler(rate, 24_000, wasm)).toThrow(RangeError);
      expect(() => createResampler(24_000, rate, wasm)).toThrow(RangeError);
      expect(isRateHz(rate)).toBe(false);
    }
    for (const rate of ["22050", null, undefined, {}]) expect(isRateHz(rate)).toBe(false);
    for (const rate of [8000, 22_050, 96_000]) expect(isRateHz(rate)).toBe(true);
  });
});
