/** What relay.config.ts may not say, and what is said about it. */
import { describe, expect, test } from "vitest";
import { defineRelay } from "../../src/config/define.ts";

const UPSTREAM = { name: "a", adapter: "openai-compatible", url: "wss://voice.example/v1/realtime" };
const ROUTE = { upstreams: [UPSTREAM] };

function faultOf(config: object): string {
  const wrong: unknown = { routes: { voice: ROUTE }, ...config };
  try {
    Reflect.apply(defineRelay, null, [wrong]);
  } catch (error) {
    return error instanceof Error ? error.message : "?";
  }
  return "";
}

const routed = (route: object): object => ({ routes: { voice: { ...ROUTE, ...route } } });
const numbered = (numbers: object): object => ({ twilio: { numbers } });

describe("[G42] a session that no client could ask for", () => {
  test.each([
    [{ output_modalities: ["audio", "text"] }, '["audio"] or ["text"]'],
    [{ voice: "alloy" }, "session.audio.output.voice"],
    [{ audio: { input: { format: { type: "audio/opus" } } } }, "session.audio.input.format.type"],
  ])("%j is found when the relay starts", (session, named) => {
    expect(faultOf(routed({ session }))).toMatch(/^relay\.config\.ts: routes\.voice\.session: /);
    expect(faultOf(routed({ session }))).toContain(named);
    expect(faultOf(numbered({ "*": { session } }))).toContain(named);
  });

  test("and what one could is taken", () => {
    const transcription = { type: "transcription", audio: { input: { transcription: { model: "m" } } } };
    for (const session of [{}, { instructions: "Be brief.", x: 1 }, transcription])
      expect(faultOf(routed({ session }))).toBe("");
  });
});

test("[G43] an adapter that there is not is found when the relay starts", () => {
  const other = { ...UPSTREAM, adapter: "openai" };
  expect(faultOf(routed({ upstreams: [other] }))).toContain(
    "routes.voice.upstreams.0.adapter: expected one of openai-compatible, ",
  );
  const { name: _, ...fallback } = other;
  expect(faultOf(routed({ upstreams: [{ ...UPSTREAM, fallback: [fallback] }] }))).toContain(
    "fallback.0.adapter",
  );
});

test.each([
  [{ twilio: { authToken: "a-secret", numbers: {} } }, "twilio.authToken"],
  [{ limits: { concurrent: "a-secret" } }, "limits.concurrent"],
  [routed({ upstreams: [{ ...UPSTREAM, url: "a-secret" }] }), "upstreams.0.url"],
  [{ limit: "a-secret" }, "limit: there is no such field"],
  [routed({ upstreams: [{ name: "a" }] }), "upstreams.0.adapter: it is missing"],
])("[G44] a wrong value is told by its field, never itself", (config, named) => {
  expect(faultOf(config)).toContain(named);
  expect(faultOf(config)).not.toContain("a-secret");
});

test("[N73] a called number that could never be one is found when the relay starts", () => {
  for (const number of ["+1 555 123", "555-123", "(555)123"])
    expect(faultOf(numbered({ [number]: {} }))).toContain("+15551234567");
  for (const number of ["+15551234567", "5551234567", "*", "sip:voice@example.com", "client:ada"])
    expect(faultOf(numbered({ [number]: {} }))).toBe("");
});

describe("[U287] an upstream whose codec nobody handed over", () => {
  const moshi = { name: "m", adapter: "moshi", url: "wss://gpu.example" };
  const { name: _, ...fallback } = moshi;
  const opus = (): never => {
    throw new Error("not asked before there is sound");
  };

  test.each([
    [{ upstreams: [moshi] }, 0],
    [{ upstreams: [UPSTREAM, moshi] }, 1],
    [{ upstreams: [{ ...UPSTREAM, fallback: [fallback] }] }, 0],
  ])("is found when the relay starts, with what is to be written", (route, index) => {
    expect(faultOf(routed(route))).toBe(
      `relay.config.ts: routes.voice.upstreams.${index}: adapter 'moshi' needs 'codecs: { opus }', ` +
        'with: import { opus } from "./durable-objects/opus.ts"',
    );
    expect(faultOf({ ...routed(route), codecs: { opus } })).toBe("");
  });

  test("is found for no other adapter, and a codec is a function and one that there is", () => {
    expect(faultOf({ codecs: { opus } })).toBe("");
    expect(faultOf({ codecs: { opus: "opus" } })).toContain("codecs.opus");
    expect(faultOf({ codecs: { mp3: opus } })).toContain("codecs.mp3: there is no such field");
  });
});
