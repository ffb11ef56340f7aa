import { describe, expect, test } from "vitest";

import { FRAME_BANDS, samplesOfFrames, voiceFrames } from "../../src/audio/voice-frames.ts";
import { seeded, sung } from "../support/signal.ts";

const RATE_HZ = 16_000;
const semitones = (hz: number, of: number) => 12 * Math.log2(hz / of);

describe("frames of a voice", () => {
  test.each([75, 110, 180, 250, 380])("[A20] find a voice at %i Hz within a third of a semitone", (hz) => {
    const found = voiceFrames(sung(600, hz, hz, RATE_HZ));
    expect(found.length).toBeGreaterThan(25);
    for (const { pitchHz } of found) expect(Math.abs(semitones(pitchHz, hz))).toBeLessThan(1 / 3);
  });

  test("[A20] follow a voice that falls", () => {
    const found = voiceFrames(sung(1000, 200, 100, RATE_HZ));
    // The last frame ends with the samples; a frame is 47.5 ms.
    const middles = found.map((_, frame) => 100 + ((found.length - 1 - frame) * 0.02 + 0.024) * 100);
    for (const [frame, { pitchHz }] of found.entries())
      expect(Math.abs(semitones(pitchHz, middles[frame] ?? 0))).toBeLessThan(1);
  });

  test("[A20] noise, silence and too little have no pitch", () => {
    const random = seeded(5);
    const noise = Int16Array.from({ length: RATE_HZ }, () => (random() - 0.5) * 20_000);
    expect(voiceFrames(noise).filter(({ pitchHz }) => pitchHz > 0).length).toBeLessThan(3);
    expect(voiceFrames(new Int16Array(RATE_HZ)).every(({ pitchHz }) => pitchHz === 0)).toBe(true);
    expect(voiceFrames(new Int16Array(100))).toEqual([]);
    expect(voiceFrames(new Int16Array(samplesOfFrames(7))).length).toBe(7);
  });

  test("[A20] a tone is in its band and in no other", () => {
    // In the middle of each band, at 0.25 of full scale.
    const middles = [234, 344, 484, 656, 875, 1156, 1516, 1953, 2500, 2906];
    expect(middles.length).toBe(FRAME_BANDS);
    for (const [band, hz] of middles.entries()) {
      const tone = Int16Array.from(
        { length: RATE_HZ / 4 },
        (_, at) => 8192 * Math.sin((2 * Math.PI * hz * at) / RATE_HZ),
      );
      for (const { bandsDb } of voiceFrames(tone)) {
        const loudest = bandsDb.indexOf(Math.max(...bandsDb));
        expect(loudest).toBe(band);
        for (const [other, level] of bandsDb.entries())
          if (Math.abs(other - band) > 1) expect(level).toBeLessThan((bandsDb[band] ?? 0) - 30);
      }
    }
  });
});
