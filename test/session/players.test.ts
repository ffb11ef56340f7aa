/** Who plays a stream to the listener becomes another one: nothing of what it has to play is forgotten, and nobody stood still. */
import { describe, expect, test } from "vitest";
import { Playout } from "../../src/session/output/playout.ts";

describe("players", () => {
  test("[B13] a stream that has another player since something was sent on it is no player that stood still since 1970", () => {
    let player = 0;
    const playout = new Playout(1000, { playerOf: () => player });
    const now = 1_795_000_000_000;
    playout.sent("a", 0, 1000, now);
    player = 1;
    expect(playout.acknowledged("a", 300, now + 400)).toBe(null);
    expect(playout.audibleUntil(0)).toBe(now + 1100);
    expect(playout.aheadMs(0, now + 400)).toBe(600);
    expect(playout.acknowledged("a", 600, now + 700)).toBe(null);
  });

  test("[B13] nor is it one that stood still since that player last had something", () => {
    const anHour = 3_600_000;
    const players = [0, 1];
    const playout = new Playout(1000, { playerOf: (stream) => players[stream] ?? stream });
    playout.sent("before", 1, 500, 0);
    playout.acknowledged("before", 500, 600);
    playout.sent("a", 0, 1000, anHour);
    playout.acknowledged("a", 100, anHour + 200);
    players[0] = 1;
    expect(playout.audibleUntil(0)).toBe(anHour + 1100);
    expect(playout.aheadMs(0, anHour + 200)).toBe(800);
    expect(playout.acknowledged("a", 300, anHour + 400)).toBe(null);
    expect(playout.heardMs("a", anHour + 500)).toBe(400);
    // What follows is dated by the player that is steadily late, as before.
    expect(playout.nextSoundsAt(0, anHour + 400)).toBe(anHour + 1000);
  });

  test("[B13] what a player takes over it plays to its end, and what it has of its own as well", () => {
    const players = [0, 1];
    const playout = new Playout(1000, { playerOf: (stream) => players[stream] ?? stream });
    playout.sent("long", 1, 3000, 0);
    playout.sent("short", 0, 1000, 0);
    players[0] = 1;
    expect(playout.audibleUntil(0)).toBe(3000);
    expect(playout.aheadMs(0, 500)).toBe(2500);
    // Given back it is no more than it was.
    players[0] = 0;
    expect(playout.audibleUntil(0)).toBe(1000);
    players[1] = 0;
    expect(playout.audibleUntil(1)).toBe(3000);
  });

  test("[B13] who played a stream is known after a restore", () => {
    const playout = new Playout(1000, { playerOf: () => 0 });
    playout.sent("a", 1, 1000, 5000);
    const restored = new Playout(1000, { playerOf: (stream) => stream });
    restored.restore(playout.snapshot());
    expect(restored.acknowledged("a", 300, 5400)).toBe(null);
    expect(restored.aheadMs(1, 5400)).toBe(600);
  });
});
