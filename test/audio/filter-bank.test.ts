import { describe, expect, test } from "vitest";
import { BANDS, FilterBank } from "../../src/audio/filter-bank.ts";
import { loadKernels } from "../support/kernels.ts";
import { seeded } from "../support/signal.ts";

/** Noise that comes and goes, with digital silence in between and peaks at full scale. */
function sound(length: number, seed: number): Int16Array {
  const random = seeded(seed);
  let loud = 0;
  return Int16Array.from({ length }, (_, at) => {
    if (at % 3000 === 0) loud = random() < 0.3 ? 0 : 32_768 * random() ** 3;
    return Math.max(-32_768, Math.min(32_767, Math.round((2 * random() - 1) * 2 * loud)));
  });
}

describe("the filter bank", () => {
  test.each([8000, 16_000, 24_000, 48_000, 96_000])(
    "[A17] its kernel and TypeScript agree in every bit, and one goes on where the other stopped, at %i Hz",
    (rateHz) => {
      const kernel = loadKernels().bands;
      if (kernel === null) throw new Error("not built: npm run build");
      const samples = sound(rateHz, 7);
      const random = seeded(9);
      const [script, wasm] = [new FilterBank(null), new FilterBank(kernel)];
      let mixed = new FilterBank(kernel);
      const other = new FilterBank(kernel);
      const energies = [0, 1, 2].map(() => new Float64Array(BANDS + 1));
      const [first = energies[0], second = first, third = first] = energies;
      for (let at = 0; at < samples.length;) {
        const to = Math.min(samples.length, at + 1 + Math.floor(random() ** 2 * rateHz * 0.016));
        if (first) script.add(samples, at, to, rateHz, first, 1);
        if (second) wasm.add(samples, at, to, rateHz, second, 1);
        if (third) mixed.add(samples, at, to, rateHz, third, 1);
        // Another call's sound runs through the same instance in between.
        other.add(samples, samples.length - to, samples.length - at, rateHz, new Float64Array(BANDS), 0);
        expect(wasm.snapshot()).toStrictEqual(script.snapshot());
        const next = new FilterBank(random() < 0.5 ? null : kernel);
        next.restore(structuredClone(mixed.snapshot()));
        mixed = next;
        at = to;
      }
      expect(Math.min(...(first?.slice(1) ?? []))).toBeGreaterThan(0);
      expect(second).toStrictEqual(first);
      expect(third).toStrictEqual(first);
    },
  );

  test("[A17] the state of a release that kept other delays is silence", () => {
    const bank = new FilterBank(null);
    bank.restore({ rateHz: 16_000, state: new Float64Array(40).fill(0.5) });
    expect(bank.snapshot().state.every((delay) => delay === 0)).toBe(true);
  });
});
