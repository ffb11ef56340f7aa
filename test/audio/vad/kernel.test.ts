import { beforeAll, describe, expect, test } from "vitest";
import { gzipSync } from "node:zlib";
import type { PcmRateHz } from "../../../src/audio/format.ts";
import { NO_KERNELS, type SileroKernel } from "../../../src/audio/kernels.ts";
import { createResampler } from "../../../src/audio/resampler.ts";
import { compileKernel } from "../../../tools/build/silero/compile.ts";
import { instantiateKernel } from "../../../tools/build/silero/instance.ts";
import { loadNetwork, type Network } from "../../../tools/build/silero/network.ts";
import { join, noise } from "../samples.ts";
import { newReferenceState, referenceProbability } from "./reference.ts";
import { conversation, scaled } from "./speech.ts";

let network: Network;
let int8: Uint8Array;
let float: SileroKernel;

beforeAll(async () => {
  network = await loadNetwork();
  int8 = await compileKernel(network, "int8");
  float = instantiateKernel(await compileKernel(network, "float"));
}, 60_000);

/** The windows of a stream, 64 samples of context before each 512. */
function* windows(pcm: Int16Array): Generator<Int16Array> {
  const padded = join([new Int16Array(64), pcm]);
  for (let at = 0; at + 576 <= padded.length; at += 512) yield padded.subarray(at, at + 576);
}

function byReference(pcm: Int16Array): number[] {
  const state = newReferenceState();
  return [...windows(pcm)].map((window) =>
    referenceProbability(
      network,
      Float64Array.from(window, (sample) => sample / 32768),
      state,
    ),
  );
}

function byKernel(kernel: SileroKernel, pcm: Int16Array, gain = 1): number[] {
  const samples = new Int16Array(kernel.memory.buffer, kernel.samplesAddress(), 576);
  new Float32Array(kernel.memory.buffer, kernel.stateAddress(), 256).fill(0);
  return [...windows(pcm)].map((window) => {
    samples.set(window);
    return kernel.run(gain, 0);
  });
}

function largestDifference(a: readonly number[], b: readonly number[]): number {
  expect(a.length).toBe(b.length);
  return Math.max(...a.map((value, i) => Math.abs(value - (b[i] ?? NaN))));
}

describe("the kernel", () => {
  const voices = { female: conversation("slt").pcm, male: conversation("rms").pcm };
  const streams: Record<string, Int16Array> = {
    ...voices,
    "the voice at -24 dB": scaled(voices.female, 0.063),
    "the voice clipped": scaled(voices.male, 8),
    noise: noise(32000, 32767, 3),
    silence: new Int16Array(16000),
  };

  test.each(Object.keys(streams))("[V1] in float is the reference network on %s", (name) => {
    const pcm = (streams[name] ?? new Int16Array()).subarray(0, 64000);
    expect(largestDifference(byKernel(float, pcm), byReference(pcm))).toBeLessThan(1e-4);
  });

  test.each<PcmRateHz>([8000, 24000, 48000])(
    "[V1] in float is the reference network on speech from %i Hz",
    (rate) => {
      const there = createResampler(16000, rate, NO_KERNELS)
        .process(voices.female.subarray(0, 48000))
        .slice();
      const back = createResampler(rate, 16000, NO_KERNELS).process(there).slice();
      expect(largestDifference(byKernel(float, back), byReference(back))).toBeLessThan(1e-4);
    },
  );

  test.each(Object.keys(voices))("[V2] in int8 stays with the reference on the %s voice", (name) => {
    const pcm = streams[name] ?? new Int16Array();
    const expected = byReference(pcm);
    const found = byKernel(instantiateKernel(int8), pcm);
    const mean = found.reduce((sum, p, i) => sum + Math.abs(p - (expected[i] ?? NaN)), 0) / found.length;
    expect(mean).toBeLessThan(0.02);
    expect(found.filter((p, i) => p >= 0.9 !== (expected[i] ?? NaN) >= 0.9).length).toBeLessThan(
      found.length / 50,
    );
  });

  test("[V1] a gain in the kernel is the same as louder samples", () => {
    const even = voices.female.map((sample) => sample & ~1);
    const halved = even.map((sample) => sample / 2);
    expect(largestDifference(byKernel(float, halved, 4), byKernel(float, even, 2))).toBeLessThan(1e-5);
  });

  test("[V3] with its weights takes at most 250 kB compressed and imports nothing", () => {
    expect(gzipSync(int8, { level: 9 }).byteLength).toBeLessThan(250_000);
    expect(instantiateKernel(int8).memory.buffer.byteLength).toBeLessThan(1_200_000);
  });
});
