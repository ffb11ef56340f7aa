import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Playout, type TrackReport } from "../../src/client/worklets/playout.ts";

const OPTIONS = { prebufferSamples: 100, maxQueuedSamples: 10_000, maxTracks: 4, sampleRateHz: 24_000 };
const OPTIONS_LONG = { ...OPTIONS, maxQueuedSamples: 100_000 };
const QUANTUM = 128;

function ramp(from: number, length: number): Int16Array {
  return Int16Array.from({ length }, (_, i) => from + i);
}

function render(playout: Playout, quanta: number): number[] {
  const samples: number[] = [];
  const out = new Float32Array(QUANTUM);
  for (let i = 0; i < quanta; i++) {
    playout.render(out);
    for (const sample of out) samples.push(Math.round(sample * 32768));
  }
  return samples;
}

function heard(reports: readonly TrackReport[], key: string): number | undefined {
  return reports.find((report) => report.key === key)?.heardSamples;
}

describe("what is heard", () => {
  test("[C1] any split into messages is played without a gap, a loss or a repetition", () => {
    const chunks = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(chunks, (lengths) => {
        const playout = new Playout(OPTIONS);
        let total = 0;
        for (const length of lengths) {
          playout.push("a", 0, ramp(1 + total, length));
          total += length;
        }
        playout.end("a");
        const out = render(playout, Math.ceil(total / QUANTUM) + 1);
        expect(out.slice(0, total)).toEqual([...ramp(1, total)]);
        expect(out.slice(total).every((sample) => sample === 0)).toBe(true);
        expect(playout.reports(0)).toEqual([
          { key: "a", heardSamples: total, finished: true, flushed: false },
        ]);
        expect(playout.idle).toBe(true);
      }),
    );
  });

  test("[C1] items of one stream follow each other within one quantum", () => {
    const playout = new Playout(OPTIONS);
    playout.push("a", 0, ramp(1, 200));
    playout.end("a");
    playout.push("b", 0, ramp(1001, 200));
    expect(render(playout, 4).slice(0, 400)).toEqual([...ramp(1, 200), ...ramp(1001, 200)]);
  });

  test("[C2] streams are mixed and clipped, each with its own position", () => {
    const playout = new Playout(OPTIONS);
    playout.push("a", 0, new Int16Array(256).fill(20_000));
    playout.push("b", 1, new Int16Array(128).fill(20_000));
    const out = render(playout, 2);
    expect(out[0]).toBe(32_768);
    expect(out[200]).toBe(20_000);
    const reports = playout.reports(0);
    expect([heard(reports, "a"), heard(reports, "b")]).toEqual([256, 128]);
  });

  test("[C3] a track waits for its prebuffer, but plays out when it ended short", () => {
    const playout = new Playout(OPTIONS);
    playout.push("a", 0, ramp(1, 60));
    expect(render(playout, 1)[0]).toBe(0);
    playout.end("a");
    expect(render(playout, 1).slice(0, 60)).toEqual([...ramp(1, 60)]);
  });

  test("[C3] a track that ran dry waits for its prebuffer again", () => {
    const playout = new Playout(OPTIONS);
    playout.push("a", 0, ramp(1, 128));
    render(playout, 2);
    playout.push("a", 0, ramp(200, 50));
    expect(render(playout, 1).every((sample) => sample === 0)).toBe(true);
    playout.push("a", 0, ramp(250, 50));
    expect(render(playout, 1).slice(0, 100)).toEqual([...ramp(200, 100)]);
  });
});

describe("what counts as heard", () => {
  test("[C4] samples count when the device has let them go, to the last one", () => {
    const playout = new Playout(OPTIONS);
    playout.push("a", 0, ramp(1, 512));
    playout.end("a");
    render(playout, 2);
    expect(heard(playout.reports(200), "a")).toBe(56);
    render(playout, 2);
    expect(heard(playout.reports(200), "a")).toBe(312);
    render(playout, 1);
    expect(playout.reports(200)).toEqual([{ key: "a", heardSamples: 440, finished: false, flushed: false }]);
    render(playout, 1);
    expect(playout.reports(200)).toEqual([{ key: "a", heardSamples: 512, finished: true, flushed: false }]);
    expect(playout.reports(200)).toEqual([]);
  });
});

describe("flush", () => {
  test("[C5] is silent within 3 ms, without a click, and tells exactly what was played", () => {
    const playout = new Playout(OPTIONS);
    playout.push("a", 0, new Int16Array(5000).fill(10_000));
    render(playout, 3);
    expect(playout.flush("a")).toEqual({ key: "a", heardSamples: 384, finished: true, flushed: true });
    const out = render(playout, 1);
    expect(out.slice(72).every((sample) => sample === 0)).toBe(true);
    const steps = out.slice(0, 73).map((sample, i) => Math.abs(sample - (out[i - 1] ?? 10_000)));
    expect(Math.max(...steps)).toBeLessThan(200);
    expect(playout.idle).toBe(true);
    expect(playout.queuedSamples).toBe(0);
  });

  test("[C5] leaves other streams alone", () => {
    const playout = new Playout(OPTIONS);
    playout.push("a", 0, ramp(1, 500));
    playout.push("b", 1, new Int16Array(500).fill(7));
    playout.flush("a");
    expect(render(playout, 1).every((sample) => sample === 7)).toBe(true);
  });
});

describe("hold", () => {
  test("[C49] is silent within 3 ms, and playback goes on from the very sample", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 5 }), (before, still) => {
        const playout = new Playout(OPTIONS);
        for (let at = 0; at < 4000; at += 40) playout.push("a", 0, ramp(1 + at, 40));
        expect(render(playout, before).at(-1)).toBe(before * QUANTUM);
        playout.hold();
        playout.hold();
        const held = render(playout, still);
        expect(held.slice(72).every((sample) => sample === 0)).toBe(true);
        expect(heard(playout.reports(0), "a")).toBe(before * QUANTUM);
        playout.release();
        // The first 3 ms fade in, over the rest of the fade-out where the hold was that short.
        const after = render(playout, 2);
        const from = before * QUANTUM + 1;
        expect(after.slice(72)).toEqual([...ramp(from + 72, 2 * QUANTUM - 72)]);
        expect(heard(playout.reports(0), "a")).toBe((before + 2) * QUANTUM);
      }),
    );
  });

  test("[C49] does not click, neither at its beginning nor at its end", () => {
    const playout = new Playout(OPTIONS);
    playout.push("a", 0, new Int16Array(5000).fill(10_000));
    render(playout, 3);
    playout.hold();
    const out = render(playout, 2);
    playout.release();
    out.push(...render(playout, 2));
    const steps = out.map((sample, i) => Math.abs(sample - (out[i - 1] ?? 10_000)));
    expect(Math.max(...steps)).toBeLessThan(200);
    expect(out.slice(128, 256).every((sample) => sample === 0)).toBe(true);
    expect(out.at(-1)).toBe(10_000);
  });

  test("[C49] keeps what comes, and what is flushed meanwhile is never heard", () => {
    const playout = new Playout(OPTIONS);
    playout.push("a", 0, ramp(1, 1000));
    playout.push("b", 1, ramp(1, 100));
    playout.hold();
    expect(render(playout, 2).every((sample) => sample === 0)).toBe(true);
    playout.push("b", 1, ramp(101, 200));
    expect(playout.flush("a")).toEqual({ key: "a", heardSamples: 0, finished: true, flushed: true });
    playout.release();
    expect(render(playout, 2).slice(72)).toEqual([...ramp(73, 256 - 72)]);
  });
});

describe("bounds", () => {
  test("[C6] too much audio or too many tracks are refused, not kept", () => {
    const playout = new Playout(OPTIONS);
    expect(playout.push("a", 0, new Int16Array(9_999))).toBe(true);
    expect(playout.push("a", 0, new Int16Array(2))).toBe(false);
    expect(playout.queuedSamples).toBe(9_999);
    playout.flush("a");
    for (const key of ["a", "b", "c", "d"]) expect(playout.push(key, 0, new Int16Array(1))).toBe(true);
    expect(playout.push("e", 0, new Int16Array(1))).toBe(false);
  });
});

describe("duck", () => {
  const LOW = 10 ** (-15 / 20);
  /** Of 24 kHz: 20 ms down, 60 ms up. */
  const [DOWN, UP] = [480, 1440];
  const cosine = (from: number, to: number, n: number, length: number) =>
    n >= length ? to : to + (from - to) * (0.5 + 0.5 * Math.cos((Math.PI * n) / length));

  function levels(playout: Playout, quanta: number): number[] {
    const seen: number[] = [];
    const out = new Float32Array(QUANTUM);
    for (let i = 0; i < quanta; i++) {
      playout.render(out);
      for (const sample of out) seen.push((sample * 32_768) / 10_000);
    }
    return seen;
  }

  function playing(samples = 60_000): Playout {
    const playout = new Playout(OPTIONS_LONG);
    playout.push("a", 0, new Int16Array(samples).fill(10_000));
    levels(playout, 2);
    return playout;
  }

  test("[C90] falls along half a cosine, stays, and rises again; what counts as heard goes on meanwhile", () => {
    const playout = playing();
    playout.duck(LOW);
    const down = levels(playout, 20);
    playout.release();
    const up = levels(playout, 20);
    const meant = (from: number, to: number, length: number) =>
      Array.from({ length: 20 * QUANTUM }, (_, n) => cosine(from, to, n + 1, length));
    const worst = (seen: number[], want: number[]) =>
      Math.max(...seen.map((level, n) => Math.abs(level - (want[n] ?? 0))));
    expect(worst(down, meant(1, LOW, DOWN))).toBeLessThan(1e-6);
    expect(worst(up, meant(LOW, 1, UP))).toBeLessThan(1e-6);
    expect(heard(playout.reports(0), "a")).toBe(42 * QUANTUM);
  });

  test("[C90] has no click, whatever is decided when", () => {
    const steepest = ((Math.PI / 2) * (1 - LOW)) / DOWN;
    const decisions = fc.array(
      fc.record({
        duck: fc.boolean(),
        level: fc.double({ min: LOW, max: 0.3, noNaN: true }),
        for: fc.nat(20),
      }),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(decisions, (each) => {
        const playout = playing();
        const seen = [1];
        for (const one of each) {
          if (one.duck) playout.duck(one.level);
          else playout.release();
          seen.push(...levels(playout, one.for));
        }
        const steps = seen.slice(1).map((level, n) => Math.abs(level - (seen[n] ?? 0)));
        expect(Math.max(0, ...steps)).toBeLessThanOrEqual(steepest + 1e-6);
        expect(Math.min(...seen)).toBeGreaterThan(LOW - 1e-6);
        playout.release();
        expect(levels(playout, 13).at(-1)).toBeCloseTo(1, 6);
      }),
    );
  });

  test("[C90] a track that is thrown away fades out at the level that it had", () => {
    const playout = playing();
    playout.duck(LOW);
    levels(playout, 10);
    playout.flush("a");
    playout.release();
    const after = levels(playout, 2);
    expect(Math.max(...after)).toBeLessThanOrEqual(LOW + 1e-3);
    expect(after.slice(72).every((level) => level === 0)).toBe(true);
  });
});
