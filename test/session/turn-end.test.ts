import { describe, expect, test } from "vitest";

import { Context } from "../../src/session/context.ts";
import { DEFAULT_LIMITS } from "../../src/session/limits.ts";
import { TurnEnd, type TurnEndSnapshot } from "../../src/session/turn-end/turn-end.ts";
import { WAITS } from "../../src/session/turn-end/waits.ts";

const made = () => new TurnEnd(new Context(DEFAULT_LIMITS, "x", 0), {});

describe("the wait", () => {
  test("[Q8] never leaves the bounds of the eagerness, whatever the pauses were", () => {
    for (const ms of [0, 250, 900, 20_000, 3_600_000]) {
      const end = made();
      for (let turn = 0; turn < 40; turn += 1) {
        for (const eagerness of ["low", "medium", "high"] as const) {
          const { leastMs, mostMs } = WAITS[eagerness];
          expect(end.waitMs(eagerness)).toBeGreaterThanOrEqual(leastMs);
          expect(end.waitMs(eagerness)).toBeLessThanOrEqual(mostMs);
        }
        if (turn % 3 > 0) end.paused(ms);
        else end.ended(turn * 60_000, 1000);
      }
    }
  });

  test("[Q8] what a build stored that kept other figures of a speaker is a speaker whose pauses alone are known", () => {
    const heard = made();
    for (let turn = 0; turn < 6; turn += 1) heard.paused(300);
    const { pauses, ...rest } = heard.snapshot();
    // As a build before had it, with members that are of no use any more.
    const before = { ...rest, lookedTicks: 0, pauses: { lengthsMs: pauses.lengthsMs, fluent: 0, within: 0 } };
    const restored = made();
    const { cadence: _, ...stored } = before;
    restored.restore(stored satisfies TurnEndSnapshot);
    expect(restored.waitMs("medium")).toBeLessThan(made().waitMs("medium") - 200);
  });
});
