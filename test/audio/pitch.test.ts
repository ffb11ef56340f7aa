import { describe, expect, test } from "vitest";

import { melodyOf } from "../../src/audio/pitch.ts";
import { seeded, sung } from "../support/signal.ts";

const semitones = (hz: number, of: number) => 12 * Math.log2(hz / of);

describe("pitch", () => {
  test.each([
    [75, 16_000],
    [110, 16_000],
    [180, 16_000],
    [250, 16_000],
    [380, 16_000],
    [110, 8000],
    [250, 8000],
  ])("[A20] finds a voice at %i Hz in samples at %i Hz within a third of a semitone", (hz, rateHz) => {
    const found = melodyOf(sung(600, hz, hz, rateHz), rateHz);
    expect(found.length).toBeGreaterThan(50);
    for (const one of found) expect(Math.abs(semitones(one, hz))).toBeLessThan(1 / 3);
  });

  test("[A20] follows a voice that falls", () => {
    const found = melodyOf(sung(1000, 200, 100, 16_000), 16_000);
    const middles = found.map((_, frame) => 200 - (frame * 0.01 + 0.025) * 100);
    for (const [frame, one] of found.entries()) {
      expect(Math.abs(semitones(one, middles[frame] ?? 0))).toBeLessThan(1);
    }
  });

  test("[A20] noise, silence and too little have no pitch", () => {
    const random = seeded(5);
    const noise = Int16Array.from({ length: 16_000 }, () => (random() - 0.5) * 20_000);
    const voiced = melodyOf(noise, 16_000).filter((hz) => hz > 0);
    expect(voiced.length).toBeLessThan(3);
    expect(melodyOf(new Int16Array(16_000), 16_000).every((hz) => hz === 0)).toBe(true);
    expect(melodyOf(new Int16Array(100), 16_000)).toEqual([]);
    expect(melodyOf(new Int16Array(0), 16_000)).toEqual([]);
  });
});
