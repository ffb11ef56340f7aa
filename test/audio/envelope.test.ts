import { describe, expect, test } from "vitest";
import { EchoSearch } from "../../src/audio/echo-search.ts";
import { Envelope, ENVELOPE_FRAME_MS } from "../../src/audio/envelope.ts";
import { BANDS } from "../../src/audio/filter-bank.ts";
import { concat, seeded, silence } from "../support/signal.ts";
import { tone } from "./samples.ts";

const RATE = 16_000;
/** Centre of each band, in hertz. */
const CENTRES = [232, 355, 489, 658, 872, 1149, 1515, 2000, 2583, 3231];

/** Level of every band in every frame. */
function bands(envelope: Envelope): number[] {
  return Array.from({ length: (envelope.newestFrame + 1) * BANDS }, (_, at) =>
    envelope.bandDb(Math.floor(at / BANDS), at % BANDS),
  );
}

/** Noise through resonances that change every 90 ms: loud here, then there, as vowels are. */
function babble(ms: number, seed: number): Int16Array {
  const random = seeded(seed);
  const out = new Int16Array((ms * RATE) / 1000);
  let [one, two, radius, a, loud] = [0, 0, 0, 0, 0];
  for (let at = 0; at < out.length; at += 1) {
    if (at % 1440 === 0) {
      const hz = 250 * 12 ** random();
      radius = Math.exp((-Math.PI * 150) / RATE);
      a = 2 * radius * Math.cos((2 * Math.PI * hz) / RATE);
      loud = random() < 0.2 ? 0 : 30 + 170 * random();
    }
    const value = (2 * random() - 1) * loud + a * one - radius * radius * two;
    two = one;
    one = value;
    out[at] = Math.max(-32_768, Math.min(32_767, value));
  }
  return out;
}

describe("the loudness envelope", () => {
  test.each([8000, 16_000, 24_000, 48_000])("[A14] a tone shows in its band, at %i Hz", (rateHz) => {
    for (const [band, hz] of CENTRES.entries()) {
      const envelope = new Envelope(null);
      envelope.add(tone(hz, rateHz, rateHz / 4, 3000), rateHz, 0);
      const levels = Array.from({ length: BANDS }, (_, other) => envelope.bandDb(10, other));
      const others = levels.filter((_, other) => Math.abs(other - band) > 1);
      expect(levels[band]).toBeCloseTo(envelope.levelDb(10), 0);
      expect(Math.max(...others)).toBeLessThan((levels[band] ?? 0) - 15);
    }
  });

  test.each([8000, 16_000, 24_000, 48_000])(
    "[A14] the cut does not matter, and a snapshot goes on, at %i Hz",
    (rateHz) => {
      const sound = babble(700, 3);
      const whole = new Envelope(null);
      whole.add(sound, rateHz, 100);
      let cut = new Envelope(null);
      const random = seeded(5);
      for (let at = 0; at < sound.length;) {
        // Often only a few samples: a frame ends within a call as well as between two.
        const length = 1 + Math.floor(random() ** 3 * 900);
        cut.add(sound.subarray(at, at + length), rateHz, 100 + (at * 1000) / rateHz);
        at += length;
        const next = new Envelope(null);
        next.restore(structuredClone(cut.snapshot()));
        cut = next;
      }
      expect(cut.newestFrame).toBe(whole.newestFrame);
      const expected = bands(whole);
      expect(Math.max(...expected)).toBeGreaterThan(-50);
      for (const [at, level] of bands(cut).entries()) expect(level).toBeCloseTo(expected[at] ?? 0, 6);
    },
  );

  test("[A15] what is held back sounds later, and what the player may have buffered counts twice", () => {
    const envelope = new Envelope(null);
    envelope.add(tone(1000, RATE, RATE * 0.8, 3000), RATE, 0);
    envelope.hold(320);
    expect(envelope.levelDb(18)).toBeGreaterThan(-40);
    expect(envelope.levelDb(22)).toBe(-75);
    envelope.delay(320, 320, 96);
    const sounding = Array.from({ length: 70 }, (_, frame) => envelope.levelDb(frame) > -40);
    expect(sounding.indexOf(false)).toBe(20);
    expect(sounding.indexOf(true, 20)).toBe((320 + 320 - 96) / ENVELOPE_FRAME_MS);
    expect(sounding.lastIndexOf(true)).toBe((800 + 320) / ENVELOPE_FRAME_MS - 1);
  });

  test("[A15] however long it was held back costs no more than what is kept", () => {
    const now = 1_795_000_000_000;
    const envelope = new Envelope(null);
    envelope.add(tone(1000, RATE, RATE * 0.8, 3000), RATE, now);
    const begun = process.cpuUsage().user;
    for (const [from, by] of [
      [now, now],
      [0, 10 * now],
      [2 * now, 400],
    ] as const)
      envelope.delay(from, by, 100);
    expect(process.cpuUsage().user - begun).toBeLessThan(1_000_000);
  });
});

describe("the search for an echo", () => {
  const OPTIONS = { windowFrames: 20, fromLag: -4, toLag: 50 };
  const LATE_MS = 160;
  const said = babble(1600, 11);

  /** What the search finds half a second after the agent began, and after. */
  function findings(microphone: Int16Array) {
    const [heard, played] = [new Envelope(null), new Envelope(null)];
    const search = new EchoSearch(OPTIONS);
    heard.add(microphone, RATE, 0);
    played.add(said, RATE, 0);
    return [45, 60, 75, 90].map((end) => structuredClone(search.find(heard, played, end)));
  }

  function echoOf(sound: Int16Array, gain: number, most: number): Int16Array {
    const late = concat(new Int16Array((LATE_MS * RATE) / 1000), sound).subarray(0, sound.length);
    const room = silence(1600, RATE);
    return late.map((value, at) => gain * Math.max(-most, Math.min(most, value)) + (room[at] ?? 0));
  }

  test.each([
    ["a linear loudspeaker", 32_767],
    ["one that clips", 2500],
  ])("[A16] an echo is found at its lag, from %s", (_, most) => {
    for (const found of findings(echoOf(said, 0.2, most))) {
      expect(Math.abs((found?.lag ?? 0) * ENVELOPE_FRAME_MS - LATE_MS)).toBeLessThanOrEqual(
        ENVELOPE_FRAME_MS,
      );
      expect(found?.correlation).toBeGreaterThan(0.82);
      expect(found?.spreadDb).toBeLessThan(3.3);
    }
  });

  test("[A16] with the gain of the path, within 5 dB, in the bands that sounded", () => {
    const gains = findings(echoOf(said, 0.2, 32_767)).flatMap((found) => [...(found?.gainsDb ?? [])]);
    const known = gains.filter((gain) => !Number.isNaN(gain));
    expect(known.length).toBeGreaterThan(12);
    for (const gain of known) expect(Math.abs(gain + 14)).toBeLessThan(5);
  });

  test("[A16] another voice is none", () => {
    for (let seed = 20; seed < 40; seed += 1) {
      for (const found of findings(babble(1600, seed))) {
        expect(found !== null && found.correlation > 0.82 && found.spreadDb < 3.3).toBe(false);
      }
    }
  });
});
