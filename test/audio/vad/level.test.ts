import { describe, expect, test } from "vitest";
import { SpeechLevel } from "../../../src/audio/vad/level.ts";

/** Mean square of a signal at this level. */
function power(dbfs: number): number {
  return 32768 ** 2 * 10 ** (dbfs / 10);
}

function gainDb(level: SpeechLevel): number {
  return 20 * Math.log10(level.gain);
}

/** `seconds` of hops of one probability and level. */
function feed(level: SpeechLevel, probability: number, dbfs: number, seconds: number): void {
  for (let hop = 0; hop < seconds * 31.25; hop++) level.update(probability, power(dbfs));
}

describe("the level of speech", () => {
  test("[V8] a quiet speaker is brought to the usual level, slowly", () => {
    const level = new SpeechLevel(31.25);
    feed(level, 0.9, -38, 1);
    expect(gainDb(level)).toBeGreaterThan(1);
    expect(gainDb(level)).toBeLessThan(4);
    feed(level, 0.9, -38, 20);
    expect(gainDb(level)).toBeCloseTo(11, 0);
  });

  test("[V8] the gain ends at 15 dB, and loud speech is left as it is", () => {
    const level = new SpeechLevel(31.25);
    feed(level, 0.9, -60, 60);
    expect(gainDb(level)).toBeCloseTo(15, 5);
    feed(level, 0.9, -10, 60);
    expect(gainDb(level)).toBe(0);
  });

  test("[V8] noise, silence and what is too quiet to be speech never move it", () => {
    const level = new SpeechLevel(31.25);
    feed(level, 0.49, -45, 60);
    feed(level, 0.99, -75, 60);
    level.update(1, 0);
    expect(level.gain).toBe(1);
  });

  test("[V8] one loud click is not a level", () => {
    const level = new SpeechLevel(31.25);
    feed(level, 0.9, -39, 20);
    const before = gainDb(level);
    level.update(0.9, power(0));
    expect(gainDb(level)).toBeGreaterThan(before - 0.2);
  });

  test("refuses what is not a level", () => {
    for (const dbfs of [NaN, Infinity, 40, -500])
      expect(() => new SpeechLevel(31.25).restore(dbfs)).toThrow(RangeError);
  });
});
