/** Where a telephone's caller stopped hearing, over streams that break. */
import { expect, test } from "vitest";
import { Playback } from "../../src/dialects/twilio/playback.ts";

test("[N61] a frame half of which was heard goes on at its second half, though the next stream broke at once", () => {
  const playback = new Playback();
  expect(playback.plays(5, 0, "i", 800)).toBe("1");
  expect(playback.plays(5, 800, "i", 800)).toBe("2");
  expect(playback.marked("1")).toEqual({ item: "i", heardMs: 100 });
  playback.reopen();
  playback.reopen();
  expect(playback.heard).toBe(4);
  expect(playback.heardOf(5)).toBe(800);
  expect(playback.plays(5, 800, "i", 800)).toBe("3");
  expect(playback.marked("3")).toEqual({ item: "i", heardMs: 200 });
  // All of it was heard: nothing is skipped of what comes on the next.
  playback.reopen();
  expect(playback.heardOf(6)).toBe(0);
});
