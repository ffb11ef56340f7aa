import { describe, expect, it } from "vitest";

import { adapterNames, createUpstream } from "../../src/upstreams/index.ts";
import { PROFILES } from "../../src/upstreams/openai-compatible/profiles.ts";
import { type UpstreamOptions, UpstreamOptionsError } from "../../src/upstreams/upstream.ts";

const dial = (options: Omit<UpstreamOptions, "adapter">) =>
  createUpstream({ adapter: "openai-compatible", ...options }).request();

/** The message of the options error. */
function refusal(options: Partial<UpstreamOptions>): string {
  try {
    createUpstream({ adapter: "openai-compatible", url: "wss://provider.example/v1/realtime", ...options });
  } catch (error) {
    expect(error).toBeInstanceOf(UpstreamOptionsError);
    return error instanceof Error ? error.message : "";
  }
  return "accepted";
}

describe("options of upstreams", () => {
  it("[U1] names the adapters there are when asked for another", () => {
    for (const adapter of ["gemini", "constructor", "__proto__", ""]) {
      const message = refusal({ adapter });
      for (const name of adapterNames) expect(message).toContain(name);
    }
  });

  it("[U2] dials by http or https, keeps path and query, adds the model once", () => {
    expect(dial({ url: "wss://a.example/v1/realtime", model: "gpt realtime" }).url).toBe(
      "https://a.example/v1/realtime?model=gpt%20realtime",
    );
    expect(dial({ url: "ws://127.0.0.1:8080/api?key=1&model=mine#x", model: "other" }).url).toBe(
      "http://127.0.0.1:8080/api?key=1&model=mine",
    );
    expect(dial({ url: "https://a.example/v1/realtime?intent=transcription" }).url).toBe(
      "https://a.example/v1/realtime?intent=transcription",
    );
    const query = { quirks: { query: { duplex: "0" } } };
    expect(dial({ url: "HTTP://a.example", model: "m", settings: query }).url).toBe(
      "http://a.example/?duplex=0&model=m",
    );
  });

  it("[U2] sends the given headers and subprotocols, the beta's own header when it is one", () => {
    const headers = { Authorization: "Bearer key" };
    const settings = { protocols: ["realtime"], beta: true };
    expect(dial({ url: "wss://a.example", headers, settings })).toMatchObject({
      headers: { Authorization: "Bearer key", "OpenAI-Beta": "realtime=v1" },
      protocols: ["realtime"],
    });
    const own = { "openai-beta": "realtime=v2" };
    expect(dial({ url: "wss://a.example", headers: own, settings }).headers).toEqual(own);
  });

  it("[U1] names the field that is wrong, and repeats no secret", () => {
    const cases: [Partial<UpstreamOptions>, string][] = [
      [{ url: "ftp://secret.example" }, "url"],
      [{ url: "/v1/realtime" }, "url"],
      [{ url: "wss://user:secret@a.example" }, "url"],
      [{ headers: { "bad name": "secret" } }, "headers"],
      [{ headers: { Authorization: "secret\r\nX: y" } }, "headers.Authorization"],
      [{ headers: { "Sec-WebSocket-Key": "secret" } }, "headers.Sec-WebSocket-Key"],
      [{ settings: { turns: "secret" } }, "settings.turns"],
      [{ settings: { profile: "secret" } }, "settings.profile"],
      [{ settings: { quirks: { truncate: "secret" } } }, "settings.quirks.truncate"],
      [
        { settings: { quirks: { keepalive: { everyMs: 1000, message: 5 } } } },
        "settings.quirks.keepalive.message",
      ],
      [{ settings: { input: { type: "audio/pcm", rate: 11025 } } }, "settings.input.rate"],
      [{ settings: { unknown: 1 } }, "settings.unknown"],
      [{ adapter: "echo", settings: { format: { type: "audio/opus" } } }, "settings.format.type"],
    ];
    for (const [options, field] of cases) {
      const message = refusal(options);
      expect(message.startsWith(`${field}:`), `${field} in: ${message}`).toBe(true);
      expect(message.replace(field, "")).not.toContain("secret");
    }
  });

  it("[U1] states what a profile can do", () => {
    for (const [profile, quirks] of Object.entries(PROFILES)) {
      const { capabilities } = createUpstream({
        adapter: "openai-compatible",
        url: "wss://a.example",
        settings: { profile },
      });
      expect(capabilities).toMatchObject({ truncate: quirks.truncate, maxSessionMs: quirks.maxSessionMs });
    }
  });

  it("[U24] sends the profile's own keepalive, and none without one", () => {
    const keepalive = { everyMs: 8000, message: { type: "session.heartbeat" } };
    const alive = createUpstream({
      adapter: "openai-compatible",
      url: "wss://a.example",
      settings: { quirks: { keepalive } },
    });
    expect(alive.capabilities.keepaliveMs).toBe(8000);
    expect(alive.encode({ type: "keepalive" })).toEqual(['{"type":"session.heartbeat"}']);
    const still = createUpstream({ adapter: "openai-compatible", url: "wss://a.example" });
    expect(still.capabilities.keepaliveMs).toBeNull();
    expect(still.encode({ type: "keepalive" })).toEqual([]);
  });
});
