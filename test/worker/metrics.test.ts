import { describe, expect, test } from "vitest";
import { Counters } from "../../src/telemetry/counters.ts";

function dataset() {
  const points: unknown[] = [];
  return { points, writeDataPoint: (point: unknown) => void points.push(point) };
}

describe("a session's counters", () => {
  test("[O14] sum up, and gauges keep the highest", () => {
    const counters = new Counters();
    counters.add("upstream_lost", 1, "demo");
    counters.add("upstream_lost", 2, "echo");
    counters.add("buffered_bytes", 900, "client");
    counters.add("buffered_bytes", 100, "client");
    expect(counters.totals()).toEqual({ upstream_lost: 3, buffered_bytes: 900 });
  });

  test("[O14] [H118] are written once each, by the route's name and the key's, and what is new later", () => {
    const counters = new Counters();
    const metrics = dataset();
    counters.add("upstream_lost", 1, "demo");
    counters.flush(metrics, "route", "key");
    counters.flush(metrics, "route", "key");
    counters.add("upstream_lost", 4, "demo");
    counters.flush(metrics, "route", "key");
    const point = (value: number) => ({
      indexes: ["key"],
      blobs: ["route", "upstream_lost", "demo"],
      doubles: [value],
    });
    expect(metrics.points).toEqual([point(1), point(4)]);
    expect(counters.totals()).toEqual({ upstream_lost: 5 });
  });

  test("[O14] without a data set are kept, and are bounded", () => {
    const counters = new Counters();
    for (let n = 0; n < 1000; n += 1) counters.add("upstream_lost", 1, `up${n}`);
    counters.flush(undefined, "route", "key");
    expect(counters.totals()).toEqual({ upstream_lost: 100 });
  });
});
