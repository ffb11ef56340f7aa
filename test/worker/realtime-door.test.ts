import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test, vi } from "vitest";
import { bearer, call, callWith, HOST, post, problemOf } from "./doors.ts";
import { connect, upgrade } from "./socket.ts";

afterEach(() => void vi.useRealTimers());

interface ClientSecret {
  readonly value: string;
  readonly expires_at: number;
  readonly session: Record<string, unknown>;
}

async function clientSecret(body: object): Promise<ClientSecret> {
  const response = await post("/v1/realtime/client_secrets", body);
  expect(response.status).toBe(200);
  return response.json<ClientSecret>();
}

async function sessionOf(path: string, headers: Record<string, string>): Promise<unknown> {
  const client = await connect(path, headers);
  const created = await client.event("session.created");
  client.close(1000);
  await client.closed;
  return created["session"];
}

describe("GET /v1/realtime", () => {
  test("[H10] a key in any of the three places opens a session of the route", async () => {
    const places = [
      bearer(),
      { "api-key": "key-one" },
      { "Sec-WebSocket-Protocol": "realtime, openai-insecure-api-key.key-one" },
    ];
    for (const headers of places) {
      expect(await sessionOf("/v1/realtime?model=echo", headers)).toMatchObject({
        type: "realtime",
        model: "echo",
      });
    }
  });

  test.each([
    [{}],
    [bearer("key-nobody")],
    [{ "api-key": "key-nobody" }],
    [{ "Sec-WebSocket-Protocol": "realtime, openai-insecure-api-key.key-nobody" }],
    [{ Authorization: "Basic a2V5LW9uZTo=" }],
    [bearer("ek_not.a.jwt")],
  ])("[H10] %j opens nothing", async (headers) => {
    const response = await upgrade("/v1/realtime?model=echo", headers);
    expect(response.headers.get("WWW-Authenticate")).toBe("Bearer");
    expect(await problemOf(response)).toEqual([401, "invalid_credentials", null]);
  });

  test.each([
    ["", null],
    ["realtime", "realtime"],
    ["realtime,openai-insecure-api-key.key-one", "realtime"],
    ["realtime, duplex.v1, openai-insecure-api-key.key-one", "duplex.v1"],
    ["duplex.v1", "duplex.v1"],
    ["openai-insecure-api-key.key-one", null],
    ["something.else", null],
    ["openai-beta.realtime-v1", "openai-beta.realtime-v1"],
    ["realtime, openai-beta.realtime-v1", "realtime"],
    ["openai-beta.realtime-v1, duplex.v1", "duplex.v1"],
  ])("[H11] offered %j, exactly %j is echoed", async (offered, echoed) => {
    const client = await connect("/v1/realtime?model=echo", {
      ...bearer(),
      ...(offered !== "" && { "Sec-WebSocket-Protocol": offered }),
    });
    expect(client.protocol).toBe(echoed);
    const created = await client.event("session.created");
    expect("relay" in (created["session"] as object)).toBe(echoed === "duplex.v1");
    client.close(1000);
    await client.closed;
  });

  test("[U242] vLLM-Omni's client opens a session by its first update, speaks to it, and closes it", async () => {
    const client = await connect("/v1/realtime?duplex=1&model=echo&autostart=0", bearer());
    const audio = { input: { sample_rate_hz: 16_000 }, output: { sample_rate_hz: 24_000 } };
    client.send({ type: "session.update", session: { modalities: ["audio"], audio, turn_detection: null } });
    const created = await client.event("session.created");
    expect(created).toMatchObject({
      session: { audio: { input: { format: { type: "audio/pcm", rate: 16_000 } } } },
    });
    client.send({ type: "session.close" });
    expect(await client.closed).toMatchObject({ code: 1000 });
  });

  test("[H12] without an upgrade it is 426 and says what it wants", async () => {
    const response = await call("/v1/realtime?model=echo", { headers: bearer() });
    expect(response.headers.get("Upgrade")).toBe("websocket");
    expect(await problemOf(response)).toEqual([426, "upgrade_required", null]);
  });

  test.each([
    ["/v1/realtime", [400, "missing_parameter", "model"]],
    ["/v1/realtime?model=", [400, "missing_parameter", "model"]],
    ["/v1/realtime?intent=dance", [400, "invalid_value", "intent"]],
    ["/v1/realtime?call_id=rtc_1", [400, "invalid_value", "call_id"]],
    [`/v1/realtime?model=${"m".repeat(257)}`, [400, "invalid_value", "model"]],
  ])("[H13] %s is refused by name", async (path, problem) => {
    expect(await problemOf(await upgrade(path, bearer()))).toEqual(problem);
  });

  test("[H13] a model without a route and without a default is 404", async () => {
    const headers = { Upgrade: "websocket", ...bearer() };
    const request = new Request(`${HOST}/v1/realtime?model=other`, { headers });
    const config = { routes: { echo: { upstreams: [{ name: "echo", adapter: "echo" }] } } };
    expect(await problemOf(await callWith(config, {}, request))).toEqual([404, "model_not_found", "model"]);
  });

  test("[H3] a route whose binding is missing is 500 and names both", async () => {
    const response = await upgrade("/v1/realtime?model=openai", bearer());
    const text = await response.clone().text();
    expect(await problemOf(response)).toEqual([500, "misconfigured", null]);
    expect(text).toContain("'openai'");
    expect(text).toContain("OPENAI_API_KEY");
  });

  test("[H13] intent=transcription opens a transcription session", async () => {
    const session = await sessionOf("/v1/realtime?intent=transcription&model=echo", bearer());
    expect(session).toMatchObject({ type: "transcription" });
  });

  test("[H23] what a client puts into the internal header goes nowhere", async () => {
    const forged = btoa(JSON.stringify({ call: { id: "x", model: "echo", session: {}, keyId: "second" } }));
    for (const name of ["x-relay-setup", "x-relay-secret-setup"]) {
      const session = await sessionOf("/v1/realtime?model=echo", { ...bearer(), [name]: forged });
      expect((session as { id: string }).id).not.toBe("sess_x");
    }
  });
});

describe("POST /v1/realtime/client_secrets", () => {
  test("[H14] the secret opens sessions of its configuration, as often as wanted", async () => {
    const session = { type: "realtime", model: "echo", instructions: "Grüße", future_key: 7 };
    const before = Math.floor(Date.now() / 1000);
    const secret = await clientSecret({ session, expires_after: { anchor: "created_at", seconds: 60 } });
    expect(secret.value).toMatch(/^ek_/);
    expect(secret.expires_at - before).toBeGreaterThanOrEqual(60);
    expect(secret.expires_at - before).toBeLessThan(70);
    expect(secret.session).toMatchObject({
      ...session,
      object: "realtime.session",
      audio: { input: { turn_detection: { type: "server_vad", interrupt_response: true } } },
    });
    const opened = { model: "echo", instructions: "Grüße", future_key: 7 };
    expect(await sessionOf("/v1/realtime", bearer(secret.value))).toMatchObject(opened);
    const protocol = { "Sec-WebSocket-Protocol": `realtime, openai-insecure-api-key.${secret.value}` };
    expect(await sessionOf("/v1/realtime?model=echo", protocol)).toMatchObject(opened);
  });

  test("[H14] without a body it is a secret of the default route for ten minutes", async () => {
    const response = await call("/v1/realtime/client_secrets", { method: "POST", headers: bearer() });
    const secret = await response.json<ClientSecret>();
    expect(Math.abs(secret.expires_at - Date.now() / 1000 - 600)).toBeLessThan(5);
    expect(secret.session).toMatchObject({ type: "realtime", model: "demo" });
  });

  test("[H14] a transcription secret needs no intent, and refuses none but its own", async () => {
    const { value } = await clientSecret({ session: { type: "transcription", model: "echo" } });
    expect(await sessionOf("/v1/realtime", bearer(value))).toMatchObject({ type: "transcription" });
    const refused = await upgrade("/v1/realtime?intent=conversation&model=echo", bearer(value));
    expect(await problemOf(refused)).toEqual([400, "invalid_value", "intent"]);
  });

  test.each([
    [{ session: 7 }, "session"],
    [{ session: [] }, "session"],
    [{ session: { type: "opera" } }, "session.type"],
    [{ session: { model: ["echo"] } }, "session.model"],
    [{ models: ["echo", "m".repeat(257)] }, "models.1"],
    [{ session: { audio: { output: { speed: 9 } } } }, "session.audio.output.speed"],
    [{ expires_after: { seconds: 9 } }, "expires_after.seconds"],
    [{ expires_after: { seconds: 7201 } }, "expires_after.seconds"],
    [{ expires_after: { seconds: 60.5 } }, "expires_after.seconds"],
    [{ expires_after: { anchor: "born_at" } }, "expires_after.anchor"],
  ])("[H14] %j is 400 and names the field", async (body, param) => {
    const response = await post("/v1/realtime/client_secrets", body);
    expect(await problemOf(response)).toEqual([400, "invalid_value", param]);
  });

  test("[H14] a client secret opens nothing after its time", async () => {
    const session = { type: "realtime", model: "echo" };
    const { value } = await clientSecret({ session, expires_after: { seconds: 10 } });
    expect(await sessionOf("/v1/realtime", bearer(value))).toMatchObject({ model: "echo" });
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 11_000 });
    const late = await upgrade("/v1/realtime", bearer(value));
    expect(await problemOf(late)).toEqual([401, "token_expired", null]);
  });

  test("[H14] a client secret mints no client secret", async () => {
    const { value } = await clientSecret({});
    const response = await post("/v1/realtime/client_secrets", {}, bearer(value));
    expect(await problemOf(response)).toEqual([401, "invalid_credentials", null]);
  });

  /** A session of so many bytes as JSON, of which nothing can be compressed away. */
  function dense(bytes: number) {
    const noise = crypto.getRandomValues(new Uint8Array(bytes)).toBase64();
    const rest = JSON.stringify({ model: "echo", instructions: "" }).length;
    return { model: "echo", instructions: noise.slice(0, bytes - rest) };
  }

  test.each([1000, 2000, 3000, 6000, 10_000, 16 * 1024])(
    "[H47] with %i bytes of dense configuration the secret has at most 4 KiB, and opens it again and again",
    async (bytes) => {
      const session = dense(bytes);
      const { value } = await clientSecret({ session });
      expect(value.length).toBeLessThanOrEqual(4096);
      for (const _ of [1, 2]) expect(await sessionOf("/v1/realtime", bearer(value))).toMatchObject(session);
      const protocol = { "Sec-WebSocket-Protocol": `realtime, openai-insecure-api-key.${value}` };
      expect(await sessionOf("/v1/realtime", protocol)).toMatchObject(session);
    },
  );

  test("[G30] a secret of a tool is neither in the client secret nor in what is shown of the session", async () => {
    const tool = { type: "mcp", server_label: "wiki", server_url: "https://wiki.test/mcp" };
    const session = { model: "echo", tools: [{ ...tool, authorization: "whsec-not-for-anybody" }] };
    const minted = await clientSecret({ session });
    expect(JSON.stringify(minted)).not.toContain("whsec");
    expect(atob(minted.value.slice(3).split(".")[1] ?? "")).not.toContain("whsec");
    expect(await sessionOf("/v1/realtime", bearer(minted.value))).toMatchObject({ tools: [tool] });
  });

  test("[H47] what is kept for it is forgotten when it has expired, and its like is refused", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const { value } = await clientSecret({ session: dense(12_000), expires_after: { seconds: 60 } });
    const namespace = env.KEPT_SESSION;
    if (namespace === undefined) throw new Error("no store");
    const { jti } = JSON.parse(atob(value.slice(3).split(".")[1] ?? "")) as { jti: string };
    const store = namespace.get(namespace.idFromName(jti));
    expect(await store.kept()).toContain("echo");
    vi.setSystemTime(Date.now() + 61_000);
    expect(await problemOf(await upgrade("/v1/realtime", bearer(value)))).toEqual([
      401,
      "token_expired",
      null,
    ]);
    vi.setSystemTime(Date.now() + 61_000);
    expect(await runDurableObjectAlarm(store)).toBe(true);
    expect(await store.kept()).toBeNull();
    vi.setSystemTime(Date.now() - 122_000);
    expect(await problemOf(await upgrade("/v1/realtime", bearer(value)))).toEqual([
      401,
      "token_expired",
      null,
    ]);
  });

  test("[H24] a configuration of 16 KiB reaches the session, whatever is in it; a larger one is 413 with advice", async () => {
    const instructions = Array.from({ length: 15_000 }, (_, n) => "aeiou tnshr"[(n * n) % 11]).join("");
    const { value } = await clientSecret({ session: { model: "echo", instructions } });
    expect(await sessionOf("/v1/realtime", bearer(value))).toMatchObject({ instructions });
    const response = await post("/v1/realtime/client_secrets", { session: dense(16 * 1024 + 1) });
    expect(await problemOf(response)).toEqual([413, "session_too_large", "session"]);
  });

  test("[H24] without the binding KEPT_SESSION one that does not fit into its token is 413, others are not", async () => {
    const mint = (session: object) =>
      new Request(`${HOST}/v1/realtime/client_secrets`, {
        method: "POST",
        headers: { ...bearer(), "Content-Type": "application/json" },
        body: JSON.stringify({ session }),
      });
    const without = { KEPT_SESSION: undefined };
    expect((await callWith(null, without, mint(dense(2000)))).status).toBe(200);
    const refused = await callWith(null, without, mint(dense(6000)));
    expect(await problemOf(refused)).toEqual([413, "session_too_large", "session"]);
  });
});
