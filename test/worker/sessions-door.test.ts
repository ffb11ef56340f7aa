import { listDurableObjectIds } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test, vi } from "vitest";
import { sign } from "hono/jwt";
import { bearer, call, callWith, createSession, HOST, OTHER_KEY, post, problemOf } from "./doors.ts";
import { connect, upgrade } from "./socket.ts";

afterEach(() => vi.useRealTimers());

describe("POST /v1/sessions", () => {
  test("[H4] it answers with the session's own address and a token", async () => {
    const response = await post("/v1/sessions", { model: "echo", unknown_field: true });
    expect(response.status).toBe(201);
    const session = await response.json<Record<string, string | number>>();
    expect(Object.keys(session).sort()).toEqual(["expires_at", "id", "object", "token", "url"]);
    expect(session["object"]).toBe("relay.session");
    expect(session["url"]).toBe(`wss://relay.example/v1/sessions/${session["id"]}`);
    expect(response.headers.get("Location")).toBe(`/v1/sessions/${session["id"]}`);
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    expect(Math.abs(Number(session["expires_at"]) - Date.now() / 1000 - 120)).toBeLessThan(5);
  });

  test.each([
    [{}, "ws://127.0.0.1:8787"],
    [{ "X-Forwarded-Proto": "https" }, "wss://127.0.0.1:8787"],
    [{ "X-Forwarded-Proto": "https", "X-Forwarded-Host": "relay.example, inner" }, "wss://relay.example"],
    [{ "X-Forwarded-Proto": "https", "X-Forwarded-Host": "relay.example:8443" }, "wss://relay.example:8443"],
    [{ "X-Forwarded-Host": "not a host" }, "ws://127.0.0.1:8787"],
  ])("[H51] behind a proxy that says %j its url begins with %s", async (headers, base) => {
    const request = new Request("http://127.0.0.1:8787/v1/sessions", {
      method: "POST",
      headers: { ...bearer(), ...headers },
    });
    const session = await (await callWith(null, {}, request)).json<{ id: string; url: string }>();
    expect(session.url.startsWith(`${base}/v1/sessions/${session.id}`)).toBe(true);
  });

  test("[H110] its url holds the token where that was asked for, and nowhere else", async () => {
    const { id, url, token } = await createSession({ model: "echo", token_in_url: true });
    expect(url).toBe(`wss://relay.example/v1/sessions/${id}?token=${token}`);
    const unasked = await (await post("/v1/sessions", { model: "echo" })).json<{ url: string }>();
    expect(unasked.url).not.toMatch(/[?#]|token/);
    const wrong = await post("/v1/sessions", { model: "echo", token_in_url: "yes" });
    expect(await problemOf(wrong)).toEqual([422, "unprocessable", "token_in_url"]);
  });

  test("[H4] the token opens the session in each of its three places", async () => {
    const places = [
      async () => [(await createSession()).url, {}] as const,
      async () => {
        const { id, token } = await createSession();
        return [`/v1/sessions/${id}`, bearer(token)] as const;
      },
      async () => {
        const { id, token } = await createSession();
        return [
          `/v1/sessions/${id}`,
          { "Sec-WebSocket-Protocol": `duplex.v1, relay-token.${token}` },
        ] as const;
      },
    ];
    for (const place of places) {
      const client = await connect(...(await place()));
      expect((await client.event("session.created"))["session"]).toMatchObject({ model: "echo" });
      expect([null, "duplex.v1"]).toContain(client.protocol);
      client.close(1000);
      await client.closed;
    }
  });

  test("[H47] with 16 KiB of dense configuration its token has at most 4 KiB, in each of its places", async () => {
    const instructions = crypto.getRandomValues(new Uint8Array(12_000)).toBase64().slice(0, 15_900);
    for (const by of ["url", "bearer", "protocol"]) {
      const { id, url, token } = await createSession({ model: "echo", session: { instructions } });
      expect(token.length).toBeLessThanOrEqual(4096);
      const headers = by === "bearer" ? bearer(token) : { "Sec-WebSocket-Protocol": `relay-token.${token}` };
      const client = await connect(by === "url" ? url : `/v1/sessions/${id}`, by === "url" ? {} : headers);
      expect((await client.event("session.created"))["session"]).toMatchObject({ instructions });
      client.close(1000);
      await client.closed;
    }
  });

  test("[H5] creation touches no object, pre-warming does", async () => {
    const before = (await listDurableObjectIds(env.VOICE_SESSION)).length;
    await createSession();
    await createSession({ model: "echo", location_hint: "weur" });
    expect(await listDurableObjectIds(env.VOICE_SESSION)).toHaveLength(before);
    const warm = await createSession({ model: "echo", prewarm: true, location_hint: "weur" });
    expect(await listDurableObjectIds(env.VOICE_SESSION)).toHaveLength(before + 1);
    const state = await (await call(`/v1/sessions/${warm.id}`, { headers: bearer() })).json();
    expect(state).toMatchObject({ status: "waiting", model: "echo" });
    const client = await connect(warm.url);
    await client.event("session.created");
    client.close(1000);
    await client.closed;
  });

  test.each([
    [{ model: 7 }, "model"],
    [{ model: "" }, "model"],
    [{ model: "m".repeat(257) }, "model"],
    [{ session: { model: 7 } }, "session.model"],
    [{ session: { model: "m".repeat(257) } }, "session.model"],
    [{ session: "x" }, "session"],
    [{ session: { output_modalities: ["smell"] } }, "session.output_modalities"],
    [{ location_hint: "moon" }, "location_hint"],
    [{ jurisdiction: "pirate" }, "jurisdiction"],
    [{ prewarm: "yes" }, "prewarm"],
    [{ client_country: "Germany" }, "client_country"],
    [{ expires_after: { seconds: 1 } }, "expires_after.seconds"],
    [{ expires_after: 60 }, "expires_after"],
  ])("[H7] %j is 422 and names the field", async (body, named) => {
    const [status, code, param] = await problemOf(await post("/v1/sessions", body));
    expect([status, ["unprocessable"].includes(code)]).toEqual([422, true]);
    expect(param).toContain(named);
  });

  test.each([
    [{}, "location_hint"],
    [{ client_country: null }, "location_hint"],
    [{ client_country: "XX" }, "client_country"],
    [{ location_hint: "weur", expires_after: { seconds: 601 } }, "expires_after.seconds"],
  ])("[H84] prewarm with %j is refused and says what to add", async (body, named) => {
    const before = (await listDurableObjectIds(env.VOICE_SESSION)).length;
    const response = await post("/v1/sessions", { model: "echo", prewarm: true, ...body });
    const { detail } = await response.clone().json<{ detail: string }>();
    expect(await problemOf(response)).toEqual([422, "unprocessable", named]);
    expect(detail).toContain(named);
    expect(await listDurableObjectIds(env.VOICE_SESSION)).toHaveLength(before);
  });

  test.each([
    [{ client_country: "AU" }, "oc"],
    [{ client_country: "de" }, "weur"],
    [{ client_country: "JP", location_hint: "apac-se" }, "apac-se"],
  ])("[H84] a session pre-warmed with %j is built there", async (body, locationHint) => {
    const asked: unknown[] = [];
    const VOICE_SESSION: unknown = {
      newUniqueId: () => "b".repeat(64),
      idFromString: (unique: string) => unique,
      get: (...args: unknown[]) => {
        asked.push(args[1]);
        return { prewarm: async () => true };
      },
    };
    const request = new Request(`${HOST}/v1/sessions`, {
      method: "POST",
      headers: { ...bearer(), "Content-Type": "application/json" },
      body: JSON.stringify({ prewarm: true, ...body }),
    });
    const response = await callWith(
      null,
      { VOICE_SESSION: VOICE_SESSION as typeof env.VOICE_SESSION },
      request,
    );
    expect([response.status, asked]).toEqual([201, [{ locationHint }]]);
  });

  test("[H8] the location hint reaches the object's first connection, the jurisdiction is in its name", async () => {
    const calls: unknown[] = [];
    const stub = { fetch: async () => Response.json({ refusal: "session_ended" }, { status: 409 }) };
    const namespace = (of: string) => ({
      newUniqueId: () => "a".repeat(64),
      idFromString: (unique: string) => `${of}:${unique}`,
      get: (...args: unknown[]) => {
        calls.push(args);
        return stub;
      },
    });
    const VOICE_SESSION = {
      ...namespace("world"),
      jurisdiction: namespace,
    } as unknown as typeof env.VOICE_SESSION;
    const headers = { ...bearer(), "Content-Type": "application/json" };
    const body = JSON.stringify({ location_hint: "weur", jurisdiction: "eu", token_in_url: true });
    const created = await callWith(
      null,
      { VOICE_SESSION },
      new Request(`${HOST}/v1/sessions`, { method: "POST", headers, body }),
    );
    const { id, url } = await created.json<{ id: string; url: string }>();
    expect(id).toMatch(/^sess_eu_/);
    calls.length = 0;
    const open = new Request(url.replace("wss", "https"), { headers: { Upgrade: "websocket" } });
    expect(await problemOf(await callWith(null, { VOICE_SESSION }, open))).toEqual([
      409,
      "session_ended",
      null,
    ]);
    expect(calls).toEqual([[`eu:${"a".repeat(64)}`, { locationHint: "weur" }]]);
  });

  test("[H8] a jurisdiction that this runtime does not have is refused at once", async () => {
    const response = await post("/v1/sessions", { jurisdiction: "eu" });
    expect(await problemOf(response)).toEqual([422, "unprocessable", "jurisdiction"]);
  });

  test("[H24] a configuration too long for a header still reaches the session", async () => {
    const instructions = Array.from({ length: 15_000 }, (_, n) => "aeiou tnshr"[(n * n) % 11]).join("");
    const { url } = await createSession({ model: "echo", session: { instructions } });
    const client = await connect(url);
    expect((await client.event("session.created"))["session"]).toMatchObject({ instructions });
    client.close(1000);
    await client.closed;
  });
});

describe("a session's token", () => {
  test("[H6] opens its session once, also after the session has ended", async () => {
    const { url } = await createSession();
    const client = await connect(url);
    await client.event("session.created");
    expect(await problemOf(await upgrade(url))).toEqual([409, "token_used", null]);
    client.close(1000);
    await client.closed;
    expect(await problemOf(await upgrade(url))).toEqual([409, "token_used", null]);
  });

  test("[H6] of two connections at once it opens one", async () => {
    const { url } = await createSession();
    const responses = await Promise.all([upgrade(url), upgrade(url), upgrade(url)]);
    expect(responses.map((each) => each.status).toSorted((a, b) => a - b)).toEqual([101, 409, 409]);
    for (const { webSocket } of responses) {
      webSocket?.accept();
      webSocket?.close(1000);
    }
  });

  test("[H6] opens no other session", async () => {
    const [one, two] = [await createSession(), await createSession()];
    const response = await upgrade(`/v1/sessions/${one.id}?token=${two.token}`);
    expect(await problemOf(response)).toEqual([401, "invalid_credentials", null]);
  });

  test("[H6] has an end", async () => {
    const { url } = await createSession({ model: "echo", expires_after: { seconds: 10 } });
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 11_000 });
    expect(await problemOf(await upgrade(url))).toEqual([401, "token_expired", null]);
  });

  test("[H6] is worth nothing with another signature, algorithm, issuer, or purpose", async () => {
    const { id, token } = await createSession();
    const [header = "", payload = "", signature = ""] = token.split(".");
    const claims = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    const key = env.RELAY_SIGNING_KEY ?? "";
    const none = btoa(JSON.stringify({ alg: "none", typ: "JWT" })).replaceAll("=", "");
    const secret = await (await post("/v1/realtime/client_secrets", {})).json<{ value: string }>();
    const forged = [
      `${header}.${payload}.${signature.split("").toReversed().join("")}`,
      `${none}.${payload}.`,
      await sign(claims, "some other key of a good length, too", "HS256"),
      await sign({ ...claims, iss: "someone" }, key, "HS256"),
      await sign(claims, key, "HS512"),
      secret.value.slice(3),
      "x",
    ];
    for (const each of forged) {
      const response = await upgrade(`/v1/sessions/${id}?token=${each}`);
      expect(await problemOf(response)).toEqual([401, "invalid_credentials", null]);
    }
  });

  test("[H6] is worth nothing once its API key is gone", async () => {
    const { url } = await createSession();
    const request = new Request(url.replace("wss", "https"), { headers: { Upgrade: "websocket" } });
    const response = await callWith(null, { RELAY_API_KEYS: "[]" }, request);
    expect(await problemOf(response)).toEqual([401, "invalid_credentials", null]);
  });

  test("[H6] is no API key", async () => {
    const { id, token } = await createSession();
    const response = await call(`/v1/sessions/${id}`, { headers: bearer(token) });
    expect(await problemOf(response)).toEqual([401, "invalid_credentials", null]);
  });
});

describe("GET and DELETE /v1/sessions/:id", () => {
  test("[H9] the key that created it sees its state and ends it", async () => {
    const { id, url } = await createSession();
    const client = await connect(url);
    await client.event("session.created");
    const response = await call(`/v1/sessions/${id}`, { headers: bearer() });
    expect(response.headers.get("Content-Type")).toBe("application/json");
    expect(await response.json()).toMatchObject({
      id,
      object: "relay.session",
      status: "connected",
      model: "echo",
      upstreams: [{ name: "echo" }],
      metrics: { client_connections: 1 },
    });
    expect((await call(`/v1/sessions/${id}`, { method: "DELETE", headers: bearer() })).status).toBe(204);
    expect((await client.closed).code).toBe(1000);
    const after = await call(`/v1/sessions/${id}`, { headers: bearer() });
    expect(await after.json()).toMatchObject({ status: "ended" });
  });

  test("[H9] to any other key there is no such session", async () => {
    const { id, url } = await createSession();
    const client = await connect(url);
    await client.event("session.created");
    for (const method of ["GET", "DELETE"]) {
      const response = await call(`/v1/sessions/${id}`, { method, headers: bearer(OTHER_KEY) });
      expect(await problemOf(response)).toEqual([404, "session_not_found", null]);
    }
    const foreign = await upgrade(`/v1/sessions/${id}`, bearer(OTHER_KEY));
    expect(await problemOf(foreign)).toEqual([404, "session_not_found", null]);
    client.close(1000);
    await client.closed;
  });

  test("[H9] nor for a client secret of its key: it sees none, and ends none", async () => {
    const { id } = await createSession();
    const secret = await post("/v1/realtime/client_secrets", { session: { model: "echo" } });
    const { value } = await secret.json<{ value: string }>();
    for (const method of ["GET", "DELETE"]) {
      const response = await call(`/v1/sessions/${id}`, { method, headers: bearer(value) });
      expect(await problemOf(response)).toEqual([401, "invalid_credentials", null]);
    }
  });

  test.each([
    "nobody",
    "sess_short",
    "sess_moon_0123456789abcdefghij",
    "sess_0123456789abcdefghijklmn",
    "%00",
  ])("[H9] %s is 404", async (id) => {
    const response = await call(`/v1/sessions/${id}`, { headers: bearer() });
    expect(await problemOf(response)).toEqual([404, "session_not_found", null]);
  });

  test("[H9] a session that was ended before its client came stays ended", async () => {
    const { id, url } = await createSession({ model: "echo", prewarm: true, location_hint: "weur" });
    await call(`/v1/sessions/${id}`, { method: "DELETE", headers: bearer() });
    expect(await problemOf(await upgrade(url))).toEqual([409, "token_used", null]);
  });

  test("[H10] an API key attaches to a session that is there, and to no other", async () => {
    const { id } = await createSession({ model: "echo", prewarm: true, location_hint: "weur" });
    const client = await connect(`/v1/sessions/${id}`, bearer());
    await client.event("session.created");
    client.close(1000);
    await client.closed;
    const cold = await createSession();
    const response = await upgrade(`/v1/sessions/${cold.id}`, bearer());
    expect(await problemOf(response)).toEqual([404, "session_not_found", null]);
  });
});
