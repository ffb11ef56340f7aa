/** `npm run fuzz` from outside: what it prints, and that it finds what is planted. */
import { expect, test } from "vitest";
import { COPIED } from "../../tools/fuzz/plant.ts";
import { runInCopy } from "../../tools/sim/mutated-copy.ts";
import { run } from "../tools/command.ts";
import { PLANTS } from "./plants.ts";
import type { Report } from "./run.ts";

const TOOL = "tools/fuzz.ts";

test("[T41] ends with 0 and one JSON object when nothing is found", async () => {
  const { code, stdout } = await run(TOOL, ["--messages", "500", "--json"]);
  expect(JSON.parse(stdout)).toMatchObject({ findings: [], cases: expect.any(Number) });
  expect(code).toBe(0);
});

test("[T41] says of one case that nothing is broken, and prints it", async () => {
  const { code, stdout } = await run(TOOL, ["--case", "2", "--said"]);
  expect(stdout).toContain("case 2 of seed 1");
  expect(stdout).toMatch(/^ {2}client {3}/m);
  expect(code).toBe(0);
});

test("[T41] wrong arguments are 2, with the reason", async () => {
  for (const args of [["--messages", "many"], ["--mutate", "99"], ["--unheard-of"]]) {
    const { code, stderr } = await run(TOOL, args);
    expect(stderr).toMatch(/^npm run fuzz: /);
    expect(code).toBe(2);
  }
  expect((await run(TOOL, ["--help"])).stdout).toContain("--messages N");
  expect((await run(TOOL, ["--list"])).stdout.trim().split("\n").length).toBe(PLANTS.length);
});

/** Those that are found within a few thousand messages; docs/testing.md has the others. */
const SOON = PLANTS.filter(({ soon }) => soon);

test.each(SOON)("[T42] finds a planted fault: $what", async ({ number, check }) => {
  const { code, stdout } = await run(TOOL, ["--mutate", String(number), "--messages", "20000", "--json"]);
  expect(JSON.parse(stdout)).toMatchObject({ plant: number, found: { check } });
  expect(code).toBe(0);
});

test("[T42] there are eight of them and more, by different checks", () => {
  expect(PLANTS.length).toBeGreaterThanOrEqual(8);
  expect(new Set(PLANTS.map(({ check }) => check)).size).toBeGreaterThanOrEqual(6);
});

test("[T92] a call that never ends is given up and named, and the others are played", async () => {
  const plant = PLANTS.find(({ check }) => check === "never-ends");
  if (plant === undefined) throw new Error("none is planted");
  const args = ["--messages", "3000", "--most", "2", "--jobs", "1", "--cpu", "4", "--json"];
  const { cases, findings } = JSON.parse(runInCopy(COPIED, plant, TOOL, args)) as Report;
  const [first] = findings;
  expect(first).toMatchObject({ check: "never-ends", detail: expect.stringContaining("output-gate.ts") });
  expect(cases).toBeGreaterThan(first?.case ?? Infinity);
});

test("[T92] so is one of the simulator's", async () => {
  const { code, stdout } = await run("tools/sim.ts", [
    "--mutate",
    "112",
    "--seeds",
    "1..20",
    "--cpu",
    "1",
    "--json",
  ]);
  expect(JSON.parse(stdout)).toMatchObject({ mutation: 112, caught: { invariant: "never-ends" } });
  expect(code).toBe(0);
});
