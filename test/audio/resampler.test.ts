import * as fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { PCM_RATES_HZ } from "../../src/audio/format.ts";
import { type AudioKernels, NO_KERNELS } from "../../src/audio/kernels.ts";
import { createResampler } from "../../src/audio/resampler.ts";
import { polyphaseFilter } from "../../src/audio/resampler-filter.ts";
import { ScriptRunner, WasmRunner } from "../../src/audio/resampler-kernel.ts";
import { build } from "../../tools/build/kernels.ts";
import { loadKernels } from "../support/kernels.ts";
import { convert, measure, tones } from "./resampling.ts";
import { cuts, join, noise, pieces, samples, tone } from "./samples.ts";

const PAIRS = PCM_RATES_HZ.flatMap((from) =>
  PCM_RATES_HZ.filter((to) => to !== from).map((to) => [from, to] as const),
);
const anyPair = fc.constantFrom(...PAIRS);

let wasm: AudioKernels;
beforeAll(async () => {
  await build();
  wasm = { ...NO_KERNELS, resampler: loadKernels().resampler };
  expect(wasm.resampler).not.toBeNull();
});

describe("quality", () => {
  test.each(PAIRS)("[A3] %i to %i Hz: aliases and images are at least 60 dB down", (from, to) => {
    for (const frequency of tones(from, to)) {
      const { restDb } = measure(from, to, frequency, wasm);
      if (!(restDb <= -60)) expect.fail(`${frequency} Hz leaves ${restDb.toFixed(1)} dB`);
    }
  });

  test.each(PAIRS)(
    "[A4] %i to %i Hz: flat within 0.05 dB up to 0.9 of the lower Nyquist frequency",
    (from, to) => {
      for (const frequency of tones(from, to).filter((hz) => hz <= 0.9 * (Math.min(from, to) / 2))) {
        expect(Math.abs(measure(from, to, frequency, wasm).gainDb), `${frequency} Hz`).toBeLessThan(0.05);
      }
    },
  );

  test.each(PAIRS)("[A4] %i to %i Hz: a constant stays that constant", (from, to) => {
    const output = createResampler(from, to, wasm).process(new Int16Array(from / 10).fill(12345));
    expect(new Set(output.subarray(to / 50))).toEqual(new Set([12345]));
  });

  test("[A4] full scale is clipped, never wrapped", () => {
    // A square wave at full scale overshoots its band-limited self by a tenth and more.
    const square = Int16Array.from({ length: 4800 }, (_, n) => (n % 100 < 50 ? 32767 : -32768));
    for (const kernels of [NO_KERNELS, wasm]) {
      const output = convert(createResampler(24000, 48000, kernels), square);
      output.forEach((value, n) => {
        const middleOfHalfPeriod = n % 100 === 49;
        if (middleOfHalfPeriod) expect(Math.sign(value)).toBe(n % 200 < 100 ? 1 : -1);
      });
      expect(Math.max(...output)).toBe(32767);
      expect(Math.min(...output)).toBe(-32768);
    }
  });
});

describe("time", () => {
  test.each(PAIRS)("[A5] %i to %i Hz: output k is the input's instant k·from/to", (from, to) => {
    const output = convert(createResampler(from, to, wasm), tone(440, from, from / 10, 20000));
    const expected = tone(440, to, to / 10, 20000);
    for (let k = to / 50; k < to / 12; k++) {
      expect(Math.abs((output[k] ?? NaN) - (expected[k] ?? NaN))).toBeLessThan(40);
    }
  });

  test.each(PAIRS)(
    "[A5] %i to %i Hz: output is owed for no more than 40 samples of the lower rate",
    (from, to) => {
      const output = createResampler(from, to, wasm).process(new Int16Array(from));
      expect(((to - output.length) / to) * Math.min(from, to)).toBeLessThanOrEqual(40);
    },
  );

  test("[A5] a flushed stream has round(input · to / from) samples, and the next one starts afresh", () => {
    fc.assert(
      fc.property(anyPair, samples(3000), ([from, to], stream) => {
        const resampler = createResampler(from, to, wasm);
        const output = convert(resampler, stream);
        expect(output.length).toBe(Math.round((stream.length * to) / from));
        expect(convert(resampler, stream)).toEqual(output);
      }),
    );
  });
});

describe("state", () => {
  test("[A6] chunks do not matter, nor whether TypeScript or WASM filters, in any bit", () => {
    fc.assert(
      fc.property(anyPair, samples(3000), cuts(), ([from, to], stream, cut) => {
        const whole = convert(createResampler(from, to, NO_KERNELS), stream);
        expect(convert(createResampler(from, to, wasm), stream, cut(stream.length))).toEqual(whole);
        expect(convert(createResampler(from, to, NO_KERNELS), stream, cut(stream.length))).toEqual(whole);
      }),
    );
  });

  test.each(PAIRS)(
    "[A6] %i to %i Hz: the worst input there is overflows neither implementation",
    (from, to) => {
      const divisor = Math.max(...[8000, 16000, 24000].filter((hz) => from % hz === 0 && to % hz === 0));
      const filter = polyphaseFilter(to / divisor, from / divisor);
      const { taps, coefficients } = filter.table;
      const kernel = wasm.resampler;
      if (kernel === null) return expect.unreachable();
      for (let phase = 0; phase < filter.phases; phase++) {
        // Full scale with the signs of the coefficients: every product is positive, every lane's sum at its largest.
        const row = coefficients.subarray(phase * taps, (phase + 1) * taps);
        const worst = row.map((coefficient) => (coefficient < 0 ? -32768 : 32767));
        const opposite = worst.map((sample) => ~sample);
        for (const runner of [new ScriptRunner(filter), new WasmRunner(kernel, filter)]) {
          const out = new Int16Array(2);
          runner.run(new Int16Array(0), worst, phase, 1, out, 0);
          runner.run(new Int16Array(0), opposite, phase, 1, out, 1);
          expect([...out]).toEqual([32767, -32768]);
        }
      }
      return undefined;
    },
  );

  test("[A6] a snapshot goes on elsewhere as if nothing had happened", () => {
    fc.assert(
      fc.property(anyPair, samples(2000), cuts(2), fc.boolean(), ([from, to], stream, cut, swap) => {
        const expected = convert(createResampler(from, to, NO_KERNELS), stream);
        let resampler = createResampler(from, to, swap ? NO_KERNELS : wasm);
        const parts: Int16Array[] = [];
        for (const piece of pieces(stream, cut(stream.length))) {
          parts.push(resampler.process(piece).slice());
          const snapshot = structuredClone(resampler.snapshot());
          resampler = createResampler(from, to, swap ? wasm : NO_KERNELS);
          resampler.process(noise(500, 9000, 3));
          resampler.restore(snapshot);
        }
        expect(join([...parts, resampler.flush().slice()])).toEqual(expected);
      }),
    );
  });

  test("[A6] sessions that share one kernel do not hear each other", () => {
    const first = noise(4000, 20000, 1);
    const second = noise(4000, 20000, 2);
    const a = createResampler(24000, 16000, wasm);
    const b = createResampler(8000, 24000, wasm);
    const outputs: Int16Array[][] = [[], []];
    for (let at = 0; at < 4000; at += 160) {
      outputs[0]?.push(a.process(first.subarray(at, at + 160)).slice());
      outputs[1]?.push(b.process(second.subarray(at, at + 160)).slice());
    }
    outputs[0]?.push(a.flush().slice());
    outputs[1]?.push(b.flush().slice());
    expect(join(outputs[0] ?? [])).toEqual(convert(createResampler(24000, 16000, NO_KERNELS), first));
    expect(join(outputs[1] ?? [])).toEqual(convert(createResampler(8000, 24000, NO_KERNELS), second));
  });

  test("a snapshot of other rates is refused and small", () => {
    const snapshot = createResampler(48000, 8000, wasm).snapshot();
    expect(() => createResampler(48000, 16000, wasm).restore(snapshot)).toThrow(
      "a snapshot of 48000 to 8000 Hz does not fit 48000 to 16000 Hz",
    );
    expect(snapshot.carried.byteLength).toBeLessThanOrEqual(1024);
  });

  test("equal rates pass samples through untouched", () => {
    const resampler = createResampler(24000, 24000, wasm);
    const stream = noise(100, 1000, 1);
    expect(resampler.process(stream)).toBe(stream);
    expect(resampler.flush().length).toBe(0);
    resampler.restore(structuredClone(resampler.snapshot()));
    resampler.reset();
    expect(resampler.process(stream)).toBe(stream);
  });
});
