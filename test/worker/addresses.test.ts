import { describe, expect, test } from "vitest";
import { exports } from "cloudflare:workers";
import { bearer, call, HOST, problemOf } from "./doors.ts";
import { connect } from "./socket.ts";

const JSON_BODY = { ...bearer(), "Content-Type": "application/json" };

/** With the path as it is: `URL` would take `//v1` for a host. */
function ask(path: string, init: RequestInit = {}): Promise<Response> {
  return exports.default.fetch(new Request(`${HOST}${path}`, init));
}

async function detailOf(response: Response): Promise<string> {
  return (await response.clone().json<{ detail: string }>()).detail;
}

describe("addresses", () => {
  test.each([
    "/v1/realtime",
    "/v1/realtime/",
    "//v1/realtime",
    "/v1//realtime",
    "/v1/realtime//",
    "/realtime",
    "/realtime/",
    "/openai/v1/realtime",
    "/openai/realtime",
    "/openai/realtime/",
    "/v1/v1/realtime",
    "/v1/realtime/realtime",
  ])("[H42] %s is the OpenAI door", async (path) => {
    const client = await connect(`${HOST}${path}?model=echo`, bearer());
    expect((await client.event("session.created"))["session"]).toMatchObject({ model: "echo" });
    client.close(1000);
    await client.closed;
  });

  test.each(["/v1/v1", "/openai/v1", "/openai", "", "/v1/", "//v1"])(
    "[H42] under %s are client secrets, sessions and models too",
    async (base) => {
      for (const tail of ["", "/"]) {
        const post = { method: "POST", headers: JSON_BODY, body: '{"model":"echo"}' };
        const secret = await ask(`${base}/realtime/client_secrets${tail}`, { ...post, body: "{}" });
        expect(secret.status).toBe(200);
        const session = await ask(`${base}/sessions${tail}`, post);
        expect(session.status).toBe(201);
        const { id } = await session.json<{ id: string }>();
        const state = await ask(`${base}/sessions/${id}${tail}`, { headers: bearer() });
        expect(await problemOf(state)).toEqual([404, "session_not_found", null]);
        expect((await ask(`${base}/models${tail}`, { headers: bearer() })).status).toBe(200);
        const one = await ask(`${base}/models/demo+echo${tail}`, { headers: bearer() });
        expect(await one.json()).toMatchObject({ id: "demo+echo" });
      }
    },
  );

  test("[H42] Azure's deployment is the model, and its key header is a key", async () => {
    const path = `${HOST}/openai/realtime?api-version=2025-04-01-preview&deployment=echo`;
    const client = await connect(path, { "api-key": "key-one" });
    expect((await client.event("session.created"))["session"]).toMatchObject({ model: "echo" });
    client.close(1000);
    await client.closed;
  });

  test("[H42] who may not come by the one spelling may not by another", async () => {
    for (const path of ["/realtime?model=echo", "//v1/models", "/openai/v1/sessions/x"]) {
      const foreign = { ...bearer(), Origin: "https://evil.example" };
      expect(await problemOf(await ask(path, { headers: foreign }))).toEqual([403, "origin_refused", null]);
    }
    expect(await problemOf(await ask("/models/"))).toEqual([401, "invalid_credentials", null]);
  });

  test.each([
    ["/v1/realtimes", "/v1/realtime"],
    ["/v2/realtime", "/v1/realtime"],
    ["/v1/realtime/client_secret", "/v1/realtime/client_secrets"],
    ["/client_secrets", "/v1/realtime/client_secrets"],
    ["/v1/session", "/v1/sessions"],
    ["/v1/model", "/v1/models"],
    ["/health", "/healthz"],
    ["/livez", "/healthz"],
    ["/v1/status/", "/healthz"],
    ["/api/v1/realtime", "/v1/realtime"],
    [`/${"x".repeat(5000)}`, "/"],
  ])("[H43] %.40s is 404 and names the nearest address, %s", async (path, nearest) => {
    const response = await ask(path, { headers: bearer() });
    expect(await detailOf(response)).toContain(nearest);
    expect(await problemOf(response)).toEqual([404, "not_found", null]);
  });

  test.each([
    ["POST", "/v1/realtime/calls?model=x", "WebSocket"],
    ["POST", "/v1/realtime/calls/rtc_1/accept", "WebSocket"],
    ["GET", "/realtime/calls/rtc_1/", "WebSocket"],
    ["POST", "/v1/chat/completions", "/v1/realtime"],
    ["GET", "//openai/v1/files/", "/v1/realtime"],
  ])("[H44] %s %s says what to use instead", async (method, path, instead) => {
    const response = await ask(path, { method });
    expect(await detailOf(response)).toContain(instead);
    expect(await problemOf(response)).toEqual([404, "not_offered", null]);
  });

  test("[H44] a WebRTC offer to /v1/realtime is told to come by WebSocket", async () => {
    const headers = { ...bearer(), "Content-Type": "application/sdp" };
    const response = await ask("/v1/realtime?model=echo", { method: "POST", headers, body: "v=0" });
    expect(response.headers.get("Allow")).toContain("GET");
    expect(await detailOf(response)).toContain("WebSocket");
    expect(await problemOf(response)).toEqual([405, "method_not_allowed", null]);
  });

  test("[H22] HEAD is answered as GET is, without a body", async () => {
    for (const path of ["/healthz", "/healthz/", "/v1/healthz", "/v1/models", "/metrics", "//v1/metrics/"]) {
      const response = await call(path, { method: "HEAD", headers: bearer("key-operator") });
      expect([response.status, await response.text()]).toEqual([200, ""]);
    }
  });
});
