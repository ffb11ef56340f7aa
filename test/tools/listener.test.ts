import { describe, expect, it } from "vitest";
import { Listener } from "../../tools/talk/listener.ts";

const RATE_HZ = 1000;
const tone = (length: number, value = 1000): Int16Array => new Int16Array(length).fill(value);

describe("the simulated listener", () => {
  it("[T4] plays in real time and knows how much of each item was heard", () => {
    const listener = new Listener(RATE_HZ);
    listener.advance(100);
    listener.add(0, "r1", "a", tone(200));
    listener.add(0, "r2", "b", tone(200));
    // 60 ms are held back against jitter.
    listener.advance(410);
    expect(listener.playedMs("a")).toBe(200);
    expect(listener.playedMs("b")).toBe(50);
    expect(listener.sounding).toEqual([{ itemId: "b", playedMs: 50 }]);
    expect(listener.recording.length).toBe(410);
    expect(Array.from(listener.recording.subarray(158, 162))).toEqual([0, 0, 1000, 1000]);
  });

  it("[T4] lets two streams sound together, saturated", () => {
    const listener = new Listener(RATE_HZ);
    listener.add(0, "r1", "a", tone(10, 30_000));
    listener.add(1, "r2", "b", tone(10, 30_000));
    listener.advance(70);
    expect(Array.from(listener.recording.subarray(60))).toEqual(Array.from(tone(10, 32_767)));
  });

  it("[T4] cuts everything, or one answer, at the sample that was heard", () => {
    const listener = new Listener(RATE_HZ);
    listener.add(0, "r1", "a", tone(100));
    listener.add(0, "r2", "b", tone(100));
    listener.advance(100);
    expect(listener.flush((id) => id === "r2")).toEqual([{ itemId: "b", playedMs: 0 }]);
    listener.advance(110);
    expect(listener.flush(() => true)).toEqual([{ itemId: "a", playedMs: 50 }]);
    expect(listener.flush(() => true)).toEqual([]);
    listener.advance(260);
    expect(listener.playedMs("a")).toBe(50);
    expect(listener.quietMs).toBe(151);
  });

  it("counts running dry in the middle of an answer, and not at its end", () => {
    const listener = new Listener(RATE_HZ);
    listener.add(0, "r1", "a", tone(100));
    listener.advance(200);
    expect(listener.underruns).toBe(0);
    listener.add(0, "r1", "a", tone(100));
    expect(listener.underruns).toBe(1);
    listener.advance(400);
    listener.add(0, "r2", "b", tone(100));
    expect(listener.underruns).toBe(1);
  });
});
