/** A thousand calls, every one another kind of bad day (docs/testing.md says what is looked at). */
import { describe, expect, test } from "vitest";
import { FAULTS } from "./faults/index.ts";
import { MUTATIONS, mutate } from "./mutations.ts";
import { addReport, describeFailure, emptyReport } from "./report.ts";
import { play, simulate, SURVIVABLE } from "./simulate.ts";

const SEEDS = 1000;
const BATCH = 100;

describe("the simulator", () => {
  const total = emptyReport();

  for (let from = 1; from <= SEEDS; from += BATCH) {
    const to = from + BATCH - 1;
    test(`no invariant is broken in calls ${from} to ${to}`, async () => {
      const range = { from, to, step: 1, among: SURVIVABLE, having: [], untilFailure: false };
      const report = await simulate(range, () => process.cpuUsage().user / 1e6);
      addReport(total, report);
      expect(report.failures.map((failure) => describeFailure(failure))).toEqual([]);
    }, 120_000);
  }

  test("nor in calls whose session ends in the middle of whatever goes on", async () => {
    const ends = ["platform.longest", "platform.terminated"];
    const among = [...ends, "platform.timer_late", "platform.clock_forward", "caller.barge_in"];
    const report = await simulate(
      { from: 1, to: 60, step: 1, among, having: ends, untilFailure: false },
      () => 0,
    );
    expect(report.failures.map((failure) => describeFailure(failure))).toEqual([]);
    for (const name of ends) expect(report.faults[name]?.struck).toBeGreaterThan(10);
  }, 120_000);

  test.each([
    ["client.drops_after_upload", "client.begins_anew", "caller.create", "network.cut"],
    ["platform.alarm_after_death", "caller.create", "provider.close_anytime", "caller.barge_in"],
    ["provider.calls_in_pieces", "network.slow_reader", "network.stall_down", "caller.cancel"],
    ["guard.words", "provider.close_anytime", "caller.create", "caller.barge_in"],
    ["provider.tells_late"],
    ["caller.asks_at_once", "caller.barge_in", "caller.out_of_band", "platform.evict"],
  ])(
    "nor in calls that have %s, which is drawn where it is named",
    async (name, ...others) => {
      const range = {
        from: 1,
        to: 40,
        step: 1,
        among: [name, ...others],
        having: [name],
        untilFailure: false,
      };
      const report = await simulate(range, () => 0);
      expect(report.failures.map((failure) => describeFailure(failure))).toEqual([]);
      expect(report.faults[name]?.struck).toBeGreaterThan(10);
    },
    120_000,
  );

  test("nearly every kind of fault really struck in these calls", () => {
    const idle = SURVIVABLE.filter((name) => (total.faults[name]?.struck ?? 0) === 0);
    expect(idle.length, idle.join(", ")).toBeLessThanOrEqual(2);
    expect(FAULTS.length).toBeGreaterThanOrEqual(70);
    expect(Object.keys(total.pairs).length).toBeGreaterThan(500);
  });

  test("a seed is one call, to the last message", async () => {
    const [once, again] = [await play(7, SURVIVABLE, true), await play(7, SURVIVABLE, true)];
    expect(once.trace.length).toBeGreaterThan(500);
    expect(again.trace).toEqual(once.trace);
  });
});

describe("the mutations of the core", () => {
  test("there are enough of them, each with a number of its own", () => {
    expect(MUTATIONS.length).toBeGreaterThanOrEqual(40);
    expect(MUTATIONS.map(({ number }) => number)).toEqual(MUTATIONS.map((_, at) => at + 1));
  });

  test.for([...MUTATIONS])("$number still fits the code it breaks", async (mutation) => {
    const { readFile } = await import("node:fs/promises");
    const source = await readFile(new URL(`../../${mutation.file}`, import.meta.url), "utf8");
    expect(mutate(source, mutation)).not.toBe(source);
  });
});
