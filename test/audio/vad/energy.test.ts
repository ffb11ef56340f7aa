import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createEnergyDetector } from "../../../src/audio/vad/energy.ts";
import { Endpointer } from "../../../src/audio/endpointer.ts";
import { rmsDbfs } from "../../../src/audio/level.ts";
import { cuts, noise, pieces, tone } from "../samples.ts";

const RATE_HZ = 16000;
const HOPS_PER_SECOND = 50;

function probabilities(stream: Int16Array, detector = createEnergyDetector()): number[] {
  const values: number[] = [];
  detector.push(stream, (probability) => values.push(probability));
  return values;
}

function add(...streams: readonly Int16Array[]): Int16Array {
  return Int16Array.from({ length: streams[0]?.length ?? 0 }, (_, n) =>
    Math.max(
      -32768,
      Math.min(
        32767,
        streams.reduce((sum, stream) => sum + (stream[n] ?? 0), 0),
      ),
    ),
  );
}

/** A glottal pulse train at 120 Hz through three formants, in syllables of 160 ms with 80 ms gaps. */
function speechLike(seconds: number, amplitude: number): Int16Array {
  const formants = [600, 1200, 2500].map((hz) => 2 * Math.PI * (hz / RATE_HZ));
  return Int16Array.from({ length: seconds * RATE_HZ }, (_, n) => {
    const sinceSyllable = n % (RATE_HZ * 0.24);
    if (sinceSyllable > RATE_HZ * 0.16) return 0;
    const sincePulse = n % Math.round(RATE_HZ / 120);
    const ring = formants.reduce((sum, w) => sum + Math.sin(w * sincePulse) * Math.exp(-sincePulse / 40), 0);
    return Math.round(amplitude * Math.sin((Math.PI * sinceSyllable) / (RATE_HZ * 0.16)) * ring);
  });
}

/** What the endpointer makes of it with the detector's own thresholds and 240 ms of hangover, from second 2 on. */
function endpoints(stream: Int16Array): { type: string; atSecond: number }[] {
  const { hopSamples, thresholds } = createEnergyDetector();
  const options = { ...thresholds, prefixPaddingMs: 0, minSpeechMs: 0, hangoverMs: 240 };
  const endpointer = new Endpointer(RATE_HZ, hopSamples, options);
  return probabilities(stream).flatMap((probability, hop) => {
    const event = endpointer.push(probability, (hop + 1) * hopSamples);
    const atSecond = (event?.atSample ?? 0) / RATE_HZ;
    return event === null || atSecond < 2 ? [] : [{ type: event.type, atSecond }];
  });
}

/** Share of the hops at or above the threshold. */
function shareAbove(values: readonly number[], threshold: number, fromSecond = 0): number {
  const counted = values.slice(fromSecond * HOPS_PER_SECOND);
  return counted.filter((value) => value >= threshold).length / counted.length;
}

const { start, stop } = createEnergyDetector().thresholds;
const steadyNoise = (seconds: number, amplitude = 300) => noise(seconds * RATE_HZ, amplitude, 5);

function inSecondsOf(seconds: number, at: number, part: Int16Array): Int16Array {
  const whole = new Int16Array(seconds * RATE_HZ);
  whole.set(part, at * RATE_HZ);
  return whole;
}

describe("[A13] loudness over the noise floor is speech", () => {
  test.each([100, 1000, 3000])(
    "[A13] speech 15 dB above noise of amplitude %d is one speech, once the floor is found",
    (amplitude) => {
      const room = noise(9 * RATE_HZ, amplitude, 5);
      const voice = speechLike(2, 1000);
      const gain = 10 ** ((rmsDbfs(room) + 15 - rmsDbfs(voice)) / 20);
      const events = endpoints(
        add(
          inSecondsOf(
            9,
            5,
            voice.map((sample) => Math.round(sample * gain)),
          ),
          room,
        ),
      );
      expect(events.map(({ type }) => type)).toEqual(["started", "stopped"]);
      expect(Math.abs((events[0]?.atSecond ?? NaN) - 5)).toBeLessThanOrEqual(0.04);
      // The last syllable ends 80 ms before the two seconds are over.
      expect(Math.abs((events[1]?.atSecond ?? NaN) - 6.96)).toBeLessThanOrEqual(0.12);
    },
  );

  test("[A13] speech from the first hop on is not taken for the room's noise", () => {
    expect(shareAbove(probabilities(speechLike(2, 4000)), start)).toBeGreaterThan(0.5);
  });

  test.each([
    ["white noise", noise(8 * RATE_HZ, 2000, 9)],
    ["a direct current", new Int16Array(8 * RATE_HZ).fill(9000)],
    ["mains hum", tone(50, RATE_HZ, 8 * RATE_HZ, 8000)],
    [
      "hum and noise on a direct current",
      add(
        tone(60, RATE_HZ, 8 * RATE_HZ, 6000),
        steadyNoise(8).map((x) => x + 5000),
      ),
    ],
  ])("[A13] %s is no speech once the floor has found it", (_, stream) => {
    expect(shareAbove(probabilities(stream), stop, 1.2)).toBe(0);
  });

  test("[A13] noise that sets in is taken for speech for 3.4 s at most", () => {
    const later = inSecondsOf(9, 4, noise(5 * RATE_HZ, 3000, 6));
    expect(shareAbove(probabilities(add(later, steadyNoise(9, 100))), stop, 4 + 3.4)).toBe(0);
  });

  test("[A13] digital silence is no speech and leaves the floor alone", () => {
    expect(shareAbove(probabilities(new Int16Array(RATE_HZ)), 1e-9)).toBe(0);
    const muted = add(steadyNoise(10));
    muted.fill(0, 5 * RATE_HZ, 8 * RATE_HZ);
    expect(shareAbove(probabilities(muted).slice(5 * HOPS_PER_SECOND), start)).toBe(0);
    // Cut in the middle of hops: most of each is silence, and the whole quieter than the room ever is.
    const blinking = add(steadyNoise(10, 40));
    for (let at = 5 * RATE_HZ + 20; at < 8 * RATE_HZ; at += 640) blinking.fill(0, at, at + 600);
    expect(shareAbove(probabilities(blinking).slice(8 * HOPS_PER_SECOND), stop)).toBe(0);
  });

  test("[A13] after digital silence the room is none, though a voice was the last that was heard", () => {
    const room = steadyNoise(8, 60);
    const call = add(inSecondsOf(8, 2, speechLike(2, 4000)), room);
    call.fill(0, 3 * RATE_HZ, 5 * RATE_HZ);
    expect(shareAbove(probabilities(call), stop, 2)).toBeGreaterThan(0.1);
    expect(shareAbove(probabilities(call), stop, 5)).toBe(0);
    // A louder one is, no longer than without the silence before it.
    const louder = add(call, inSecondsOf(8, 5, noise(3 * RATE_HZ, 600, 6)));
    expect(shareAbove(probabilities(louder), stop, 5.2)).toBe(0);
  });

  test("[A13] what is far below any speech is none, however quiet the room", () => {
    const faint = inSecondsOf(4, 2, noise(RATE_HZ, 8, 3));
    expect(shareAbove(probabilities(add(faint, noise(4 * RATE_HZ, 2.4, 4))), start)).toBe(0);
  });

  test("[A13] hum under speech does not hide it", () => {
    const voice = inSecondsOf(8, 5, speechLike(2, 4000));
    const events = endpoints(add(voice, tone(50, RATE_HZ, 8 * RATE_HZ, 1500), steadyNoise(8, 100)));
    expect(events.map(({ type }) => type)).toEqual(["started", "stopped"]);
  });
});

describe("state", () => {
  const stream = add(inSecondsOf(2, 1, speechLike(1, 5000)), steadyNoise(2));
  const expected = probabilities(stream);

  test("one probability per hop of 20 ms, in [0, 1]", () => {
    expect(expected.length).toBe(2 * HOPS_PER_SECOND);
    expect(expected.every((value) => value >= 0 && value <= 1)).toBe(true);
  });

  test("[A11] neither chunks nor a move to another detector change a probability", () => {
    fc.assert(
      fc.property(cuts(), (cut) => {
        const values: number[] = [];
        let detector = createEnergyDetector();
        for (const piece of pieces(stream, cut(stream.length))) {
          detector.push(piece, (probability) => values.push(probability));
          const moved = createEnergyDetector();
          moved.restore(structuredClone(detector.snapshot()));
          detector = moved;
        }
        expect(values).toEqual(expected);
      }),
      { numRuns: 20 },
    );
  });

  test("a reset forgets the room", () => {
    const detector = createEnergyDetector();
    probabilities(noise(RATE_HZ, 9000, 8), detector);
    detector.reset();
    expect(probabilities(stream, detector)).toEqual(expected);
  });

  test("another detector's snapshot is refused", () => {
    const other = { detector: "silero-v6", state: {} };
    expect(() => createEnergyDetector().restore(other)).toThrow("a snapshot of silero-v6 does not fit");
  });
});
