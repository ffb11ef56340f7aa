import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { SpeechDetector } from "../../../src/audio/vad/detector.ts";
import { createDetector, createSileroDetector } from "../../../src/audio/vad/index.ts";
import { NO_KERNELS, type SileroKernel } from "../../../src/audio/kernels.ts";
import { loadKernels } from "../../support/kernels.ts";
import { cuts, join, noise, pieces, samples, tone } from "../samples.ts";
import { conversation, heard, probabilities, scaled, type Labelled } from "./speech.ts";

const kernel = builtKernel();
const call = conversation();

function builtKernel(): SileroKernel {
  const { silero } = loadKernels();
  if (silero === null) throw new Error("wasm/build/silero.wasm is missing: npm run build");
  return silero;
}

function detector(): SpeechDetector {
  return createSileroDetector(kernel);
}

describe("the neural detector", () => {
  test("[V4] hears every utterance and nothing in the pauses", () => {
    const found = probabilities(detector(), call.pcm);
    const speech = found.map((_, hop) =>
      call.speech.some(([from, to]) => hop * 256 >= from - 512 && hop * 256 < to + 6400),
    );
    expect(heard(detector(), call)).toEqual([true, true, true]);
    expect(found.filter((p, hop) => !speech[hop] && p >= 0.5)).toEqual([]);
  });

  test("[V4] gives one probability per 16 ms, or per 32 ms without half steps", () => {
    const pcm = call.pcm.subarray(0, 48000);
    expect(probabilities(detector(), pcm).length).toBe(Math.floor(48000 / 256));
    const whole = probabilities(createSileroDetector(kernel, { halfSteps: false }), pcm);
    expect(whole.length).toBe(Math.floor(48000 / 512));
  });

  test("[V4] a look between the steps leaves the steps as they are", () => {
    const whole = probabilities(createSileroDetector(kernel, { halfSteps: false }), call.pcm);
    const half = probabilities(detector(), call.pcm);
    expect(whole).toEqual(half.filter((_, hop) => hop % 2 === 1));
  });

  test("[V5] chunks and other speakers on the same kernel change nothing", () => {
    const pcm = call.pcm.subarray(0, 40000);
    const expected = probabilities(detector(), pcm);
    fc.assert(
      fc.property(cuts(20), (cut) => {
        const one = detector();
        const other = detector();
        const found = pieces(pcm, cut(pcm.length)).flatMap((piece) => {
          probabilities(other, noise(700, 9000, piece.length));
          return probabilities(one, piece);
        });
        expect(found).toEqual(expected);
      }),
      { numRuns: 25 },
    );
  });

  test("[V6] goes on in another isolate from a snapshot, at any sample", () => {
    const pcm = call.pcm.subarray(0, 40000);
    const expected = probabilities(detector(), pcm);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: pcm.length }), (cut) => {
        const before = detector();
        const found = probabilities(before, pcm.subarray(0, cut));
        const after = detector();
        after.restore(structuredClone(before.snapshot()));
        expect([...found, ...probabilities(after, pcm.subarray(cut))]).toEqual(expected);
      }),
      { numRuns: 25 },
    );
  });

  test("[V6] keeps at most 4 kB per session", () => {
    const one = detector();
    probabilities(one, call.pcm.subarray(0, 20255));
    const bytes = Object.values(one.snapshot().state).map((value) =>
      typeof value === "number" ? 8 : value.byteLength,
    );
    expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThan(4096);
  });

  test("[V6] refuses a snapshot that is not its own", () => {
    const good = detector().snapshot();
    const bad = [
      { ...good, detector: "energy" },
      createSileroDetector(kernel, { halfSteps: false }).snapshot(),
      { ...good, state: { ...good.state, lstm: new Float32Array(255) } },
      { ...good, state: { ...good.state, lstm: new Float32Array(256).fill(NaN) } },
      { ...good, state: { ...good.state, window: new Int16Array(576) } },
      { ...good, state: { ...good.state, window: new Int16Array(3) } },
      { ...good, state: { ...good.state, levelDbfs: NaN } },
      { ...good, state: { ...good.state, mean: NaN } },
      { detector: "silero-v6", state: {} },
    ];
    for (const snapshot of bad) expect(() => detector().restore(snapshot)).toThrow(RangeError);
  });

  test("reset forgets everything", () => {
    const one = detector();
    probabilities(one, scaled(call.pcm, 0.1));
    one.reset();
    expect(probabilities(one, call.pcm)).toEqual(probabilities(detector(), call.pcm));
  });
});

describe("bad audio", () => {
  const length = 64000;
  const abuse: Record<string, Int16Array> = {
    "digital silence": new Int16Array(length),
    "full-scale noise": noise(length, 32767, 11),
    "a full-scale square wave": tone(440, 16000, length, 32767).map((sample) =>
      sample < 0 ? -32768 : 32767,
    ),
    "the lowest value": new Int16Array(length).fill(-32768),
    "50 Hz hum": tone(50, 16000, length, 12000),
    clicks: Int16Array.from({ length }, (_, i) => (i % 4001 === 0 ? 32767 : 0)),
    "one bit of noise": noise(length, 1.4, 3),
  };

  test.each(Object.keys(abuse))("[V7] %s leaves nothing stuck: the next utterances are heard", (name) => {
    const before = abuse[name] ?? new Int16Array();
    const one = detector();
    const found = probabilities(one, before);
    expect(found.every((p) => p >= 0 && p <= 1)).toBe(true);
    expect(found.slice(-60).every((p) => p < one.thresholds.start)).toBe(true);
    expect(heard(one, call)).toEqual([true, true, true]);
  });

  test("[V7] any samples at all give probabilities", () => {
    const one = detector();
    fc.assert(
      fc.property(samples(3000), (pcm) => {
        expect(probabilities(one, pcm).every((p) => p >= 0 && p <= 1)).toBe(true);
      }),
    );
  });

  const changed: Record<string, Labelled> = {
    "+6 dB": { ...call, pcm: scaled(call.pcm, 2) },
    "-12 dB": { ...call, pcm: scaled(call.pcm, 0.25) },
    "-18 dB": { ...call, pcm: scaled(call.pcm, 0.125) },
    "a DC offset": { ...call, pcm: scaled(call.pcm, 1, 2000) },
    clipping: { ...call, pcm: scaled(call.pcm, 10) },
    "50 Hz hum": { ...call, pcm: call.pcm.map((sample, i) => scaledHum(sample, i)) },
  };

  function scaledHum(sample: number, i: number): number {
    return Math.max(
      -32768,
      Math.min(32767, sample + Math.round(1500 * Math.sin((2 * Math.PI * 50 * i) / 16000))),
    );
  }

  test.each(Object.keys(changed))("[V8] utterances are heard with %s", (name) => {
    expect(heard(detector(), changed[name] ?? call)).toEqual([true, true, true]);
  });

  test("[V9] a microphone muted for two seconds costs nothing until it is opened", () => {
    let runs = 0;
    const counting: SileroKernel = {
      memory: kernel.memory,
      samplesAddress: () => kernel.samplesAddress(),
      stateAddress: () => kernel.stateAddress(),
      run: (gain, offset) => {
        runs++;
        return kernel.run(gain, offset);
      },
    };
    const one = createSileroDetector(counting);
    probabilities(one, join([call.pcm, new Int16Array(16000 * 3)]));
    const before = runs;
    expect(probabilities(one, new Int16Array(16000 * 60)).every((p) => p < 0.1)).toBe(true);
    expect(runs).toBe(before);
    expect(heard(one, call)).toEqual([true, true, true]);
  });
});

describe("the choice of a detector", () => {
  test("[V10] is the neural one where its kernel is loaded", () => {
    const { detector: chosen, fallback } = createDetector(loadKernels(), "auto");
    expect([chosen.name, fallback]).toEqual(["silero-v6", null]);
  });

  test("[V10] is the energy detector, and says why, where the kernel is missing or the plan asks for it", () => {
    const missing = createDetector(NO_KERNELS, "auto");
    expect([missing.detector.name, missing.fallback]).toEqual(["energy", "kernel_missing"]);
    const asked = createDetector(loadKernels(), "energy");
    expect([asked.detector.name, asked.fallback]).toEqual(["energy", "plan"]);
  });
});
