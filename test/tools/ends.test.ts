import { describe, expect, test } from "vitest";
import speakers from "../../bench/ends/speakers.json" with { type: "json" };
import { cadenceOf, CADENCE_SAMPLES } from "../../src/session/turn-end/cadence.ts";
import { WEIGHTS, UNITS } from "../../src/session/turn-end/cadence-weights.ts";

describe("speakers of the ends of turns", () => {
  test("who trains, who tunes and who is reported are other people", () => {
    const lists = Object.values(speakers);
    expect(Object.keys(speakers)).toEqual(["report", "tuning", "training"]);
    const everybody = lists.flat();
    expect(new Set(everybody).size).toBe(everybody.length);
    for (const list of lists) expect(list.length).toBeGreaterThan(15);
  });
});

describe("the cadence network", () => {
  test("has the weights that its shape needs, in 8 bits", () => {
    const inputs = 13;
    const expected = 3 * UNITS * inputs + 3 * UNITS * UNITS + 6 * UNITS + UNITS + 1;
    expect(Buffer.from(WEIGHTS, "base64").byteLength).toBe(expected);
    expect(expected).toBeLessThan(250_000);
  });

  test("says something finite of silence, a click, noise at full scale and half a second of it", () => {
    let state = 1;
    const noise = Int16Array.from({ length: CADENCE_SAMPLES }, () => {
      state = Math.imul(state, 1_103_515_245) + 12_345;
      return state >> 16;
    });
    const click = new Int16Array(CADENCE_SAMPLES);
    click[CADENCE_SAMPLES >> 1] = 32_767;
    for (const samples of [
      new Int16Array(CADENCE_SAMPLES),
      click,
      noise,
      noise.subarray(0, 8000),
      new Int16Array(),
    ])
      expect(Number.isFinite(cadenceOf(samples))).toBe(true);
  });
});
