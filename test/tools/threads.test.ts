/** Threads whose work never ends, seen from outside (tools/threads.ts). */
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { watched } from "../../tools/threads.ts";

const FILE = fileURLToPath(new URL("./never-ends.ts", import.meta.url));

/** @returns what comes of five pieces, of which this thread does that with the third. */
async function played(does: string, cpuSeconds = 1) {
  const limits = { cpuSeconds, heapMb: 64 };
  const told: number[] = [];
  const watch = await watched<number[]>(
    FILE,
    { pieces: 5, does },
    (report) => told.push(report.length),
    limits,
  );
  return { ...watch, told };
}

test("[T92] a thread whose work ends is heard to its end", async () => {
  const { report, stuck, told } = await played("nothing");
  expect({ report, stuck, told }).toEqual({ report: [1, 2, 3, 4, 5], stuck: null, told: [0, 1, 2, 3, 4] });
});

test("[T92] one that loops is given up with what it had done, and the place where it was is told", async () => {
  const { report, stuck } = await played("loop");
  expect(report).toEqual([1, 2]);
  expect(stuck?.piece).toBe(3);
  expect(stuck?.detail).toMatch(/^1 s of CPU were not enough for it; it was at .*forEver \(test\/tools\//);
});

test.each([
  ["throw", /its thread failed: Error: on purpose/],
  ["wait", /its thread stopped with code/],
  ["keep", /its thread failed: .*memory/],
])(
  "[T92] so is one that comes to another end: %s",
  async (does, why) => {
    const { report, stuck } = await played(does, 30);
    expect(report).toEqual([1, 2]);
    expect(stuck).toMatchObject({ piece: 3, detail: expect.stringMatching(why) });
  },
  60_000,
);
