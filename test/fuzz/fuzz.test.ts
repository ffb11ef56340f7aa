/** Twenty thousand hostile messages and some thousand requests (docs/testing.md, "The fuzzer"). */
import { PROFILES } from "../../src/upstreams/openai-compatible/profiles.ts";
import { describe, expect, test } from "vitest";
import { dialectNames } from "../../src/dialects/index.ts";
import { adapterNames } from "../../src/upstreams/index.ts";
import { runDoors } from "./doors.ts";
import { differenceOf } from "./observers.ts";
import { play } from "./play.ts";
import { collector, growthOf, run } from "./run.ts";
import { scenarioOf } from "./scenario.ts";
import { describeDoors, describeFinding, describeReport } from "./show.ts";
import { shrink } from "./shrink.ts";

const SEED = 1;

describe("hostile messages", () => {
  test("[T40] twenty thousand from both sides break nothing, and every session still holds a turn", () => {
    const report = run({ seed: SEED, from: 1, step: 1, messages: 20_000, most: 3 });
    const found = report.findings.map((each) => describeFinding(each, shrink(each.seed, each.case, each)));
    expect(found).toEqual([]);
    expect(report.messages).toBeGreaterThanOrEqual(20_000);
    expect(report.snapshotBytes).toBeGreaterThan(0);
  });

  test("[T41] a seed and a number are one call, to the last message", () => {
    const [one, other] = [1, 2].map(() => play(7, 3, { keeps: true }));
    expect(one?.said.map(({ to, data }) => [to, data])).toEqual(
      other?.said.map(({ to, data }) => [to, data]),
    );
    expect(one?.messages).toBeGreaterThan(30);
  });

  test("[T41] calls are of every profile, mild and rough, and some are floods", () => {
    const scenarios = Array.from({ length: 400 }, (_, number) => scenarioOf(SEED, number));
    expect(new Set(scenarios.map(({ profile }) => profile)).size).toBe(Object.keys(PROFILES).length);
    expect(new Set(scenarios.map(({ flood }) => flood)).size).toBe(4);
    expect(scenarios.some(({ setup }) => setup.plan.transcriber !== undefined)).toBe(true);
  });

  test("[T81] calls are of every dialect and adapter, and half of them are stored as sealed ones are", () => {
    const scenarios = Array.from({ length: 400 }, (_, number) => scenarioOf(SEED, number));
    expect(new Set(scenarios.map(({ dialect }) => dialect))).toEqual(new Set(dialectNames));
    const adapters = scenarios.flatMap(({ setup: { plan } }) =>
      [...plan.upstreams, ...(plan.transcriber ? [plan.transcriber] : [])].map(
        ({ options }) => options.adapter,
      ),
    );
    expect(new Set(adapters)).toEqual(new Set(adapterNames));
    expect(scenarios.some(({ setup }) => setup.locks !== undefined)).toBe(true);
    expect(scenarios.filter(({ sealed }) => sealed).length).toBeGreaterThan(150);
  });

  test("[T89] some calls have observers, and what the client is told is the same with those that are quiet", () => {
    const scenarios = Array.from({ length: 120 }, (_, number) => scenarioOf(SEED, number));
    const quiet = scenarios.flatMap(({ observing, steps }, n) =>
      observing === "quiet" && steps < 300 ? [n] : [],
    );
    expect(scenarios.some(({ observing }) => observing === "active")).toBe(true);
    const played = quiet.slice(0, 4).map((number) => play(SEED, number));
    expect(played.map(({ violation }) => violation)).toEqual(quiet.slice(0, 4).map(() => null));
    for (const each of played) expect(each.played.get("observer")).toBeGreaterThan(0);
    expect(differenceOf(["a", "b"], ["a", "c"])).toContain("b");
    expect(differenceOf(["a"], ["a", "c"])).toContain("c");
    expect(differenceOf(["a"], ["a"])).toBeNull();
  });

  test("[T80] a report names every peer that was played, with its messages", () => {
    const report = run({ seed: SEED, from: 1, step: 1, messages: 9_000, most: 3 });
    const said = Object.entries(report.played).filter(([who]) => /^(?:client|provider) /.test(who));
    const loops = report.played["provider echo"] ?? 0;
    expect(said.reduce((sum, [, count]) => sum + count, 0) - loops).toBe(report.messages);
    for (const [who, count] of said) expect(describeReport(report)).toContain(`played: ${who}: ${count}\n`);
  });

  test("[T82] a run ends at its time, with what was played until then", () => {
    const report = run({ seed: SEED, from: 1, step: 1, messages: 1e9, most: 3, until: Date.now() + 1 });
    expect(report.cases).toBe(1);
    expect(report.messages).toBeGreaterThan(0);
  });

  test("[T43] a heap that grows is told from one that does not", () => {
    const heap = Array.from({ length: 30 }, (_, at) => 30e6 + 1e6 * Math.sin(at * 7));
    expect(growthOf(heap.slice(0, 10))).toBeNull();
    expect(Math.abs(growthOf(heap) ?? 1e9)).toBeLessThan(60_000);
    expect(growthOf(heap.map((bytes, at) => bytes + at * 200_000))).toBeGreaterThan(150_000);
  });
});

test("[T83] the memory of a call that is over is not counted, though collections give it back late", () => {
  const live = collector();
  play(SEED, 1);
  live();
  for (let number = 2; number < 10; number += 1) play(SEED, number);
  const played = live();
  expect(played - live()).toBeLessThan(300_000);
});

test("[T84] a session is stored when what it was sent is worked through, and then says nothing to who is gone", () => {
  const { violation, messages } = play(20_261_130, 380);
  expect(violation).toBeNull();
  expect(messages).toBeGreaterThan(400);
});

/** Each takes in who has what it asks for. */
const DOORS = [
  "POST /v1/sessions",
  "DELETE /v1/sessions",
  "GET /v1/sessions/…",
  "GET /v1/realtime",
  "POST /v1/realtime/client_secrets",
  "POST /v1/twilio",
  "POST /v1/twilio/streams",
  "POST /v1/twilio/…",
  "GET /v1/twilio/…",
];

test("[T44] [T80] three thousand requests to the doors are answered, by problems that name what is wrong", async () => {
  const { findings, statuses, doors } = await runDoors(SEED, 3_000);
  expect(findings).toEqual([]);
  for (const door of DOORS) {
    expect(doors[door]?.taken, `taken by ${door}`).toBeGreaterThan(0);
    expect(describeDoors({ statuses, doors })).toContain(`played: ${door}: `);
  }
  for (const status of [101, 200, 201, 400, 401, 403, 404, 405, 413, 415, 422, 426]) {
    expect(statuses[status], `answers with ${status}`).toBeGreaterThan(0);
  }
});
