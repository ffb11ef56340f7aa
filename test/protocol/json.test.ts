import { assert, jsonValue, property } from "fast-check";
import { expect, test } from "vitest";
import { jsonSize, sameJson, type Json } from "../../src/protocol/json.ts";

const json = jsonValue({ maxDepth: 4 }).map((value) => JSON.parse(JSON.stringify(value)) as Json);
/** Members in their order: what `sameJson` does not look at. */
const sorted = (value: Json): string =>
  JSON.stringify(value, (_, each: unknown) =>
    typeof each === "object" && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );

test("two values are the same when they are written alike, members in any order", () => {
  assert(
    property(json, json, (a, b) => {
      expect(sameJson(a, b)).toBe(sorted(a) === sorted(b));
      expect(sameJson(a, structuredClone(a))).toBe(true);
    }),
  );
});

test("a member that is undefined, or that every object inherits, is not there", () => {
  const none = { a: undefined } as unknown as Json;
  expect(sameJson(none, {})).toBe(true);
  expect(sameJson({}, none)).toBe(true);
  expect(sameJson({ b: 1 }, none)).toBe(false);
  expect(sameJson({ toString: 1 }, {})).toBe(false);
  expect(sameJson({}, { toString: 1 })).toBe(false);
  expect(sameJson([], {})).toBe(false);
});

test("a size is that of the text, also when it is asked for again", () => {
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`k${n}`, [n, "x"]]));
  const size = jsonSize(many);
  expect(Math.abs(size - JSON.stringify(many).length)).toBeLessThan(2000);
  expect(jsonSize(many)).toBe(size);
  expect(jsonSize({ many })).toBe(size + 2 + "many".length + 4);
});
