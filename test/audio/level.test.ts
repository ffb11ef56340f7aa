import { describe, expect, test } from "vitest";
import { isDigitalSilence, peak, rmsDbfs, SILENCE_DBFS } from "../../src/audio/level.ts";
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
