import { expect, test } from "vitest";
import type { JsonObject } from "../../src/protocol/json.ts";
import { initialConfig, mergeConfig } from "../../src/protocol/session-config.ts";

const START = initialConfig("realtime");
const member = (config: object): unknown => (config as { x?: unknown }).x;

test("[E102] an update that changes nothing of a large member neither copies it nor looks through it again", () => {
  const x = Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`k${n}`, n]));
  const first = mergeConfig(START, { x });
  const second = mergeConfig(first, { x: structuredClone(x) });
  expect(member(second)).toBe(member(first));
  expect(member(mergeConfig(second, { x: { k7: 8 } }))).toEqual({ ...x, k7: 8 });
  expect(member(second)).toEqual(x);
});

test("[S31] `__proto__` is no member that is merged, on top or within", () => {
  const written = '{"x":{"a":1,"__proto__":{"b":2}},"__proto__":{"instructions":"of nobody"}}';
  const given = mergeConfig(START, { x: { a: 0 } });
  const merged = mergeConfig(given, JSON.parse(written) as JsonObject);
  expect(Object.getPrototypeOf(member(merged))).toBe(Object.prototype);
  expect((member(merged) as { b?: number }).b).toBeUndefined();
  expect(merged.instructions).toBe("");
});
