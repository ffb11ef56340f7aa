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

test.each([
  [{ output_modalities: ["audio", "text"] }, "session.output_modalities", '["audio"] or ["text"]'],
  [{ output_modalities: "audio" }, "session.output_modalities", '["audio"] or ["text"]'],
  [{ max_output_tokens: 0 }, "session.max_output_tokens", "at least 1"],
  [{ max_output_tokens: 5000 }, "session.max_output_tokens", "at most 4096"],
  [{ type: "conversation" }, "session.type", '"realtime" | "transcription"'],
])("[G40] %j is refused with what it may be", (update, param, expected) => {
  expect(() => mergeConfig(START, update)).toThrow(
    expect.objectContaining({ code: "invalid_value", param, message: expect.stringContaining(expected) }),
  );
});

test("[G41] a member that is missing is named as missing", () => {
  expect(() => mergeConfig(START, { tools: [{ name: "get_weather" }] })).toThrow(
    expect.objectContaining({
      code: "missing_required_parameter",
      message: "Missing required parameter: 'session.tools.0.type'.",
    }),
  );
});
