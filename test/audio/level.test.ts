import { describe, expect, test } from "vitest";
import { encode } from "../../src/audio/codec.ts";
import { isDigitalSilence, isInaudible, peak, rmsDbfs, SILENCE_DBFS } from "../../src/audio/level.ts";
import { tone } from "./samples.ts";

describe("[A12] levels are relative to a full-scale square wave", () => {
  test("[A12] a square wave at full scale has 0 dBFS, a sine 3.01 dB less", () => {
    expect(rmsDbfs(new Int16Array(100).fill(-32768))).toBeCloseTo(0, 6);
    expect(rmsDbfs(tone(1000, 16000, 1600, 32767))).toBeCloseTo(-3.01, 2);
    expect(rmsDbfs(tone(1000, 16000, 1600, 3276.7))).toBeCloseTo(-23.01, 2);
  });

  test("[A12] silence and nothing at all have the lowest level, a finite one", () => {
    expect(rmsDbfs(new Int16Array(100))).toBe(SILENCE_DBFS);
    expect(rmsDbfs(new Int16Array(0))).toBe(SILENCE_DBFS);
  });

  test("[A12] the peak of the most negative sample is 32768", () => {
    expect(peak(Int16Array.of(3, -32768, 32767))).toBe(32768);
    expect(peak(new Int16Array(0))).toBe(0);
  });

  test.each([
    ["zeros", [0, 0, 0], true],
    ["dither", [0, 1, -1, 0], true],
    ["A-law's idle code", [8, 8, 8], true],
    ["nothing", [], true],
    ["the quietest sound", [0, 2, -1], false],
  ])("[A12] %s: digital silence %o is %o", (_, values, silent) => {
    expect(isDigitalSilence(Int16Array.from(values))).toBe(silent);
  });
});

describe("[A12] inaudible audio", () => {
  test.each([
    ["zeros", 0, true],
    ["−61 dBFS", 29, true],
    ["−59 dBFS", 37, false],
    ["speech", 3000, false],
  ])("[A12] %s in every format", (_, level, inaudible) => {
    const samples = Int16Array.from({ length: 480 }, (_each, at) => (at % 2 === 0 ? level : -level));
    expect(
      isInaudible({ type: "audio/pcm", rate: 24_000 }, encode({ type: "audio/pcm", rate: 24_000 }, samples)),
    ).toBe(inaudible);
    // G.711 is coarse near zero: only what is far from the bound has one answer.
    if (level === 37) return;
    for (const type of ["audio/pcmu", "audio/pcma"] as const) {
      expect(isInaudible({ type }, encode({ type }, samples))).toBe(inaudible);
    }
  });
});
