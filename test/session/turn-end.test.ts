import { describe, expect, test } from "vitest";

import { Context } from "../../src/session/context.ts";
import { DEFAULT_LIMITS } from "../../src/session/limits.ts";
import { TurnEnd, type TurnEndSnapshot } from "../../src/session/turn-end/turn-end.ts";
import { WAITS } from "../../src/session/state/waits.ts";
import { Call } from "../support/call.ts";
import { loadKernels } from "../support/kernels.ts";
import { say } from "../support/say.ts";
import { concat, silence } from "../support/signal.ts";

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

describe("the pauses of a caller", () => {
  /** What is waited for, in milliseconds, after a silence that ended a turn and so many pauses of these lengths. */
  const waitAfter = (pausesMs: readonly number[]): number => {
    const end = made();
    for (const ms of pausesMs) end.paused(ms);
    return end.waitMs("medium");
  };

  test("[Q51] who pauses evenly is waited for less long than who does not", () => {
    const even = waitAfter([600, 610, 590, 600, 605, 595, 600, 600]);
    const uneven = waitAfter([400, 900, 420, 860, 410, 880, 390, 920]);
    expect(uneven).toBeGreaterThan(even * 1.2);
  });

  test("[Q50] one who goes on over the agent has paused until then, not until they were heard through", async () => {
    const turn_detection = { type: "semantic_vad", eagerness: "high" };
    const call = new Call({
      detector: "auto",
      kernels: loadKernels(),
      dialect: "duplex.v1",
      session: { audio: { input: { turn_detection } } },
    });
    call.speak(concat(silence(600), await say("I would like to change my booking to Thursday.")));
    let silentMs = 0;
    for (; silentMs < 1500 && !call.types().includes("input_audio_buffer.committed"); silentMs += 20)
      call.speak(silence(20));
    call.answer(await say("Let me see what we have on that day, it may take me a moment."), "Let me see.");
    call.speak(silence(200));
    call.speak(await say("And could you bring the invoice to the office in Leeds as well?"));
    expect(call.events.some((event) => event["decision"] === "interrupt")).toBe(true);
    const [pauseMs = 0] = call.session.snapshot().turnEnd.pauses.lengthsMs;
    // Of the clips something is silent, too.
    expect(pauseMs).toBeGreaterThan(silentMs + 150);
    expect(pauseMs).toBeLessThan(silentMs + 700);
  });
});
