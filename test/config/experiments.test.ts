/** Experiments: what is refused when the Worker starts, who is led to which arm, and who keeps theirs. */
import { describe, expect, test } from "vitest";
import { defineRelay, type RelayConfigInput } from "../../src/config/define.ts";
import {
  namesDefaultRoute,
  offeredRoutes,
  resolvePlan,
  spendsSecret,
  type Drawn,
} from "../../src/config/resolve.ts";
import { stickyOf } from "../../src/config/sticky.ts";

const voice = (more: object = {}) => ({
  upstreams: [
    { name: "voice", adapter: "openai-compatible", url: "wss://voice.example/v1/realtime", ...more },
  ],
});
const CALLERS = 10_000;

const config = (weights: Readonly<Record<string, number>>, more: Partial<RelayConfigInput["routes"]> = {}) =>
  defineRelay({
    routes: {
      a: voice(),
      b: voice(),
      c: voice(),
      split: { experiment: { arms: Object.entries(weights).map(([route, weight]) => ({ route, weight })) } },
      ...more,
    },
    defaultRoute: "split",
  });

function refusal(routes: object): string {
  try {
    defineRelay({ routes: { a: voice(), ...routes } });
  } catch (error) {
    return String(error);
  }
  return "accepted";
}
const refused = (experiment: object, more: object = {}) => refusal({ split: { experiment }, ...more });

const armOf = (of: ReturnType<typeof config>, drawn: Drawn): string =>
  resolvePlan(of, "split", {}, drawn).name;
const callers = Promise.all(Array.from({ length: CALLERS }, (_, n) => stickyOf(`caller-${n}@example.com`)));
const armsOf = async (of: ReturnType<typeof config>): Promise<readonly string[]> =>
  (await callers).map((sticky) => armOf(of, { sticky: sticky ?? "" }));
const share = (arms: readonly string[], arm: string): number =>
  arms.filter((one) => one === arm).length / arms.length;

describe("experiments", () => {
  test("[X350] what does not fit is refused with the place and the reason", () => {
    const arms = [{ route: "a", weight: 1 }];
    expect(refused({ arms })).toBe("accepted");
    expect(refused({ arms: [] })).toContain("routes.split.experiment.arms: an experiment needs an arm");
    expect(refused({ arms: [{ route: "gone", weight: 1 }] })).toContain(
      "routes.split.experiment.arms.0.route: no route is named 'gone'",
    );
    expect(refused({ arms: [{ route: "split", weight: 1 }] })).toContain("no other experiment");
    const other = { experiment: { arms: [{ route: "split", weight: 1 }] } };
    expect(refused({ arms }, { other })).toContain("routes.other.experiment.arms.0.route: an arm is a route");
    expect(refused({ arms: [{ route: "a", weight: -1 }] })).toContain("a weight is a number from 0");
    expect(refused({ arms: [{ route: "a", weight: 0 }] })).toContain("some arm has a weight above 0");
    expect(refused({ arms: [...arms, ...arms] })).toContain("each arm is another route");
    expect(refused({ arms, sticky: "phone" })).toContain("routes.split.experiment.sticky");
    expect(refusal({ split: { experiment: { arms }, upstreams: [] } })).toContain("routes.split.upstreams");
    const sealed = { ...voice(), sealed: true };
    expect(refused({ arms: [...arms, { route: "s", weight: 1 }] }, { s: sealed })).toContain(
      "routes.split.experiment.arms.1.route: the arms of an experiment have the same 'sealed'",
    );
  });

  test("[X351] shares are the weights within one in a hundred, over ten thousand callers", async () => {
    const arms = await armsOf(config({ a: 90, b: 10 }));
    expect(Math.abs(share(arms, "a") - 0.9)).toBeLessThan(0.01);
    expect(Math.abs(share(arms, "b") - 0.1)).toBeLessThan(0.01);
    const three = await armsOf(config({ a: 1, b: 1, c: 2 }));
    for (const [arm, due] of [
      ["a", 0.25],
      ["b", 0.25],
      ["c", 0.5],
    ] as const)
      expect(Math.abs(share(three, arm) - due)).toBeLessThan(0.01);
    expect(share(await armsOf(config({ a: 1, b: 0 })), "b")).toBe(0);
  });

  test("[X351] who is in one arm of an experiment is in any arm of another", async () => {
    const both = config(
      { a: 1, b: 1 },
      {
        second: {
          experiment: {
            arms: [
              { route: "a", weight: 1 },
              { route: "b", weight: 1 },
            ],
          },
        },
      },
    );
    const same = (await callers).filter((caller) => {
      const sticky = caller ?? "";
      return armOf(both, { sticky }) === resolvePlan(both, "second", {}, { sticky }).name;
    });
    expect(Math.abs(same.length / CALLERS - 0.5)).toBeLessThan(0.02);
  });

  test("[X352] a caller has the same arm, and other weights move only as many as they have to", async () => {
    const before = await armsOf(config({ a: 90, b: 10 }));
    expect(await armsOf(config({ a: 90, b: 10 }))).toEqual(before);
    const after = await armsOf(config({ a: 70, b: 30 }));
    const moved = after.filter((arm, at) => arm !== before[at]);
    expect(new Set(moved)).toEqual(new Set(["b"]));
    expect(Math.abs(moved.length / CALLERS - 0.2)).toBeLessThan(0.02);
  });

  test("[X352] of three arms too: taking one away or adding one moves nobody between the others", async () => {
    const weights = { a: 1, b: 1, c: 1 };
    const all = await armsOf(config(weights));
    for (const gone of ["a", "b", "c"] as const) {
      const without = await armsOf(config({ ...weights, [gone]: 0 }));
      for (const [at, arm] of without.entries()) if (all[at] !== gone) expect(arm).toBe(all[at]);
    }
    // From a third to a half: one in six.
    const more = await armsOf(config({ ...weights, a: 2 }));
    const moved = more.filter((arm, at) => arm !== all[at]);
    expect(new Set(moved)).toEqual(new Set(["a"]));
    expect(Math.abs(moved.length / CALLERS - 1 / 6)).toBeLessThan(0.02);
    expect(armOf(config({ a: 1e308, b: 1e308 }), { sticky: "s" })).toMatch(/^[ab]$/);
    expect(Math.abs(share(await armsOf(config({ a: 1e308, b: 1e308 })), "a") - 0.5)).toBeLessThan(0.01);
  });

  test("[X353] a session keeps its arm when the weights change, and has another when its route is gone", () => {
    const rolledBack = config({ a: 1, b: 0 });
    expect(armOf(rolledBack, { arm: "b", sticky: "s" })).toBe("b");
    expect(armOf(rolledBack, { sticky: "s" })).toBe("a");
    expect(armOf(rolledBack, { arm: "gone", sticky: "s" })).toBe("a");
    expect(resolvePlan(rolledBack, "split", {}, { sticky: "s" }).experiment).toBe("split");
    expect(resolvePlan(rolledBack, "a", {}).experiment).toBeUndefined();
    // Nor when the experiment is over, and its name leads to a route, or to none.
    for (const routes of [
      { a: voice(), b: voice(), split: voice() },
      { a: voice(), b: voice() },
    ]) {
      const over = defineRelay({ routes, defaultRoute: "a" });
      expect(resolvePlan(over, "split", {}, { arm: "b", sticky: "s" }).name).toBe("b");
      expect(resolvePlan(over, "split", {}, { arm: "gone" }).name).toBe("split" in routes ? "split" : "a");
    }
  });

  test("[X354] it is a model like any other, offered where every arm with a weight is", () => {
    const keyed = voice({ headers: { Authorization: { env: "KEY" } } });
    const of = (weights: Readonly<Record<string, number>>) => config(weights, { c: keyed });
    expect(offeredRoutes(of({ a: 1, b: 1 }), {})).toEqual(["a", "b", "split"]);
    expect(offeredRoutes(of({ a: 1, c: 1 }), {})).toEqual(["a", "b"]);
    expect(offeredRoutes(of({ a: 1, c: 0 }), {})).toEqual(["a", "b", "split"]);
    expect(spendsSecret(of({ a: 1, c: 1 }), "split", { KEY: "x" })).toBe(true);
    expect(spendsSecret(of({ a: 1, b: 1 }), "split", {})).toBe(false);
    expect(namesDefaultRoute(of({ a: 1, b: 1 }), "split", {})).toBe(true);
    expect(namesDefaultRoute(of({ a: 1, b: 1 }), "whatever", {})).toBe(true);
    expect(namesDefaultRoute(of({ a: 1, b: 1 }), "a", {})).toBe(false);
    expect(["a", "b"]).toContain(resolvePlan(of({ a: 1, b: 1 }), "whatever", {}, { sticky: "s" }).name);
  });
});
