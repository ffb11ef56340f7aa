import { describe, expect, test } from "vitest";
import { Resampler } from "../../src/client/worklets/resampler.ts";
import { Framer } from "../../src/client/worklets/framer.ts";

function tone(rateHz: number, hz: number, samples: number): Float32Array {
  return Float32Array.from({ length: samples }, (_, i) => Math.sin((2 * Math.PI * hz * i) / rateHz));
}

/** Runs `input` through in pieces of 128, as a worklet does. */
function resample(fromHz: number, toHz: number, input: Float32Array, piece = 128): number[] {
  const resampler = new Resampler(fromHz, toHz);
  const output: number[] = [];
  for (let i = 0; i < input.length; i += piece)
    output.push(...resampler.process(input.subarray(i, i + piece)));
  return output;
}

function rmsDb(samples: readonly number[]): number {
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  return 10 * Math.log10(power * 2);
}

describe("frames of the microphone", () => {
  test("[C7] are 20 ms of PCM16, in order, whatever the device's block is", () => {
    const input = Float32Array.from({ length: 1000 }, (_, i) => i / 32767);
    const frames: Int16Array[] = [];
    const framer = new Framer(480);
    for (let i = 0; i < input.length; i += 128)
      framer.push(input.subarray(i, i + 128), (frame) => frames.push(frame));
    expect(frames.map((frame) => frame.length)).toEqual([480, 480]);
    expect(frames.flatMap((frame) => [...frame])).toEqual(Array.from({ length: 960 }, (_, i) => i));
  });

  test("[C7] are clipped at full scale", () => {
    const frames: Int16Array[] = [];
    new Framer(4).push(Float32Array.of(2, -2, 1, -1), (frame) => frames.push(frame));
    expect([...(frames[0] ?? [])]).toEqual([32767, -32767, 32767, -32767]);
  });
});

describe("[C8] a device of another rate", () => {
  test.each([
    [48_000, 24_000],
    [44_100, 24_000],
    [44_100, 16_000],
    [96_000, 8_000],
  ])("%i Hz becomes %i Hz: speech stays, aliases are 60 dB down", (fromHz, toHz) => {
    const pass = resample(fromHz, toHz, tone(fromHz, 1000, fromHz));
    expect(Math.abs(pass.length - toHz)).toBeLessThan(toHz / 100);
    const ideal = tone(toHz, 1000, pass.length);
    const middle = pass.slice(500, -500).map((sample, i) => sample - (ideal[i + 500] ?? 0));
    expect(rmsDb(middle)).toBeLessThan(-60);
    const alias = resample(fromHz, toHz, tone(fromHz, toHz * 0.55, fromHz));
    expect(rmsDb(alias.slice(500, -500))).toBeLessThan(-60);
  });

  test("gives the same samples for any block size", () => {
    const input = tone(44_100, 440, 5000);
    const pcm = (piece: number): number[] =>
      resample(44_100, 24_000, input, piece).map((sample) => Math.trunc(sample * 32_767 + 0.25));
    expect(pcm(1)).toEqual(pcm(5000));
    expect(pcm(333)).toEqual(pcm(5000));
  });

  test.each([
    [16_000, 24_000],
    [8_000, 24_000],
    [44_100, 48_000],
  ])("[C110] %i Hz becomes %i Hz: a headset by Bluetooth is slower than the wire", (fromHz, toHz) => {
    const pass = resample(fromHz, toHz, tone(fromHz, 1000, fromHz));
    expect(Math.abs(pass.length - toHz)).toBeLessThan(toHz / 100);
    const ideal = tone(toHz, 1000, pass.length);
    const middle = pass.slice(500, -500).map((sample, i) => sample - (ideal[i + 500] ?? 0));
    expect(rmsDb(middle)).toBeLessThan(-60);
  });

  test("is a rate", () => {
    expect(() => new Resampler(48_000, 0)).toThrow(RangeError);
    expect(() => new Resampler(0, 48_000)).toThrow(RangeError);
  });
});
