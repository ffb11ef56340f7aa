import { describe, expect, test } from "vitest";
import { IsolateAudio } from "../../durable-objects/audio-pool.ts";

const member = (bytes: number) => ({ bytes });

describe("what all sessions of an isolate keep of audio", () => {
  const LEAST = 1000;
  const ALL = 10_000;

  test("[E112] goes to one alone, and is shared equally by those that need more than theirs", () => {
    const pool = new IsolateAudio(ALL, LEAST);
    const first = member(2000);
    pool.join(first);
    expect(pool.share(first)).toBe(ALL);
    const others = [member(500), member(3000), member(LEAST)];
    for (const each of others) pool.join(each);
    // Four have theirs, and two need more.
    expect(pool.share(first)).toBe(LEAST + (ALL - 4 * LEAST) / 2);
    expect(others.map((each) => pool.share(each))[0]).toBe(LEAST + (ALL - 4 * LEAST) / 3);
  });

  test("[E112] leaves each its own, however many there are", () => {
    const pool = new IsolateAudio(ALL, LEAST);
    const all = Array.from({ length: 40 }, () => member(5000));
    for (const each of all) pool.join(each);
    expect(pool.share(all[7] ?? member(0))).toBe(LEAST);
  });
});
