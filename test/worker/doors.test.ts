import { describe, expect, test } from "vitest";
import type { RelayEnv } from "../../durable-objects/env.ts";
import { TokenBuckets } from "../../src/http/rate.ts";
import { bearer, call, callWith, createSession, HOST, LOOPBACK, post, problemOf } from "./doors.ts";
import { upgrade } from "./socket.ts";

const echoOnly = {
  routes: { echo: { upstreams: [{ name: "echo", adapter: "echo" }] } },
  defaultRoute: "echo",
};

function models(url: string, headers: Record<string, string>): Request {
  return new Request(`${url}/v1/models`, { headers });
}

describe("problems", () => {
  test("[H16] an unknown address is 404, a wrong method 405 with what is allowed", async () => {
    expect(await problemOf(await call("/v1/nothing"))).toEqual([404, "not_found", null]);
    const response = await call("/v1/sessions", { method: "PUT", headers: bearer() });
    expect(response.headers.get("Allow")).toBe("POST, DELETE");
    expect(await problemOf(response)).toEqual([405, "method_not_allowed", null]);
  });

  /** A session with so many levels, the body's among them. */
  const levels = (count: number): string => {
    const lists = count - 2;
    return `{"model":"echo","session":{"x":${"[".repeat(lists)}${"]".repeat(lists)}}}`;
  };

  test.each([
    ["that is cut off", "{", "application/json", [400, "invalid_json", null]],
    ["that is a list", "[]", "application/json; charset=utf-8", [400, "invalid_json", null]],
    ["that is null", "null", "application/json", [400, "invalid_json", null]],
    ["of text", "{}", "text/plain", [415, "unsupported_media_type", null]],
    ["of a form", "a=b", "application/x-www-form-urlencoded", [415, "unsupported_media_type", null]],
    ["of 64 KiB", `{"x":"${"y".repeat(65_536)}"}`, "application/json", [413, "body_too_large", null]],
    ["of 65 levels", levels(65), "application/json", [400, "invalid_json", null]],
    ["of 8000 levels", levels(8000), "application/json", [400, "invalid_json", null]],
    [
      "of 10,001 members",
      `{"x":[${"1,".repeat(10_000)}1]}`,
      "application/json",
      [413, "body_too_large", null],
    ],
    [
      "that is no UTF-8",
      Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d),
      "application/json",
      [400, "invalid_json", null],
    ],
  ] as const)("[H17] a body %s", async (_, body, type, problem) => {
    for (const path of ["/v1/sessions", "/v1/realtime/client_secrets"]) {
      const headers = { ...bearer(), "Content-Type": type };
      expect(await problemOf(await call(path, { method: "POST", headers, body }))).toEqual(problem);
    }
  });

  test("[H17] a body of 64 levels is taken", async () => {
    expect((await post("/v1/sessions", levels(64))).status).toBe(201);
  });

  test("[H17] a body of unknown length is cut off at the limit", async () => {
    const chunk = new Uint8Array(16 * 1024).fill(0x20);
    let chunks = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        chunks += 1;
        controller.enqueue(chunk);
      },
    });
    const headers = { ...bearer(), "Content-Type": "application/json" };
    const response = await call("/v1/sessions", { method: "POST", headers, body });
    expect(await problemOf(response)).toEqual([413, "body_too_large", null]);
    expect(chunks).toBeLessThan(20);
  });

  test("[H16] no answer repeats a key or a token", async () => {
    const secrets = ["key-nobody-knows", "aaa.bbb.ccc", "ek_aaa.bbb.ccc"];
    for (const secret of secrets) {
      const { id } = await createSession();
      const answers = [
        await call("/v1/models", { headers: bearer(secret) }),
        await upgrade(`/v1/sessions/${id}?token=${secret}`),
        await upgrade("/v1/realtime?model=echo", { "api-key": secret }),
      ];
      for (const answer of answers) expect(await answer.text()).not.toContain(secret);
    }
  });
});

describe("origins", () => {
  const from = (Origin: string) => ({ ...bearer(), Origin });

  test.each([
    ["https://evil.example"],
    ["http://relay.example"],
    ["https://relay.example:444"],
    ["http://localhost:8787"],
    ["null"],
    ["not an origin"],
  ])("[H18] a page of %s is refused, for upgrades too", async (origin) => {
    expect(await problemOf(await call("/v1/models", { headers: from(origin) }))).toEqual([
      403,
      "origin_refused",
      null,
    ]);
    const response = await upgrade("/v1/realtime?model=echo", from(origin));
    expect(await problemOf(response)).toEqual([403, "origin_refused", null]);
  });

  test("[H18] the relay's own pages and programs without an Origin pass", async () => {
    expect((await call("/v1/models", { headers: from(HOST) })).status).toBe(200);
    expect((await call("/v1/models", { headers: bearer() })).status).toBe(200);
  });

  test("[H18] in development pages of this machine pass, others do not", async () => {
    for (const [origin, status] of [
      ["https://localhost:8443", 200],
      ["http://[::1]:1", 200],
      ["http://rebound.example:8787", 403],
    ] as const) {
      expect((await callWith(echoOnly, {}, models(LOOPBACK, from(origin)))).status).toBe(status);
    }
  });

  test("[H18] allowedOrigins lets others in, with CORS headers, on errors too", async () => {
    const config = { ...echoOnly, allowedOrigins: ["https://app.example"] };
    const headers = from("https://app.example");
    const listed = await callWith(config, {}, models(HOST, headers));
    expect([listed.status, listed.headers.get("Access-Control-Allow-Origin")]).toEqual([
      200,
      "https://app.example",
    ]);
    const refused = await callWith(config, {}, models(HOST, { ...headers, ...bearer("wrong") }));
    expect([refused.status, refused.headers.get("Access-Control-Allow-Origin")]).toEqual([
      401,
      "https://app.example",
    ]);
    const foreign = await callWith(config, {}, models(HOST, from("https://app.example.evil")));
    expect([foreign.status, foreign.headers.get("Access-Control-Allow-Origin")]).toEqual([403, null]);
  });

  test.each([
    ["chrome-extension://abcdef", "chrome-extension://abcdef", true],
    ["capacitor://localhost", "capacitor://localhost", true],
    ["file://", "file://", true],
    ["null", "null", true],
    ["https://*.example.com", "https://a.b.example.com", true],
    ["https://*.example.com", "https://example.com", false],
    ["capacitor://localhost", "http://localhost", false],
  ])(
    "[H45] allowedOrigins '%s' and a page of %s: %s, upgrades and CORS included",
    async (entry, Origin, ok) => {
      const config = { ...echoOnly, allowedOrigins: [entry] };
      const listed = await callWith(config, {}, models(HOST, from(Origin)));
      expect([listed.status, listed.headers.get("Access-Control-Allow-Origin")]).toEqual(
        ok ? [200, Origin] : [403, null],
      );
      const headers = { ...from(Origin), Upgrade: "websocket" };
      const opened = await callWith(config, {}, new Request(`${HOST}/v1/realtime?model=echo`, { headers }));
      expect(opened.status).toBe(ok ? 101 : 403);
      opened.webSocket?.accept();
      opened.webSocket?.close(1000);
    },
  );

  test.each([
    ["http://relay.example", "https://relay.example", {}, 200],
    ["http://127.0.0.1:8787", "https://relay.example", { "X-Forwarded-Host": "relay.example" }, 200],
    ["http://127.0.0.1:8787", "https://relay.example", { Host: "relay.example" }, 200],
    [
      "http://127.0.0.1:8787",
      "https://relay.example",
      { "X-Forwarded-Host": "relay.example:443, proxy" },
      200,
    ],
    ["http://127.0.0.1:8787", "https://relay.example:8443", { "X-Forwarded-Host": "relay.example" }, 403],
    ["http://127.0.0.1:8787", "http://relay.example", { Host: "relay.example" }, 200],
    [
      "http://127.0.0.1:8787",
      "http://relay.example",
      { Host: "relay.example", "X-Forwarded-Proto": "https" },
      403,
    ],
    ["https://relay.example", "http://relay.example", {}, 403],
    ["http://127.0.0.1:8787", "https://evil.example", { "X-Forwarded-Host": "relay.example" }, 403],
    ["http://127.0.0.1:8787", "null", { "X-Forwarded-Host": "null" }, 403],
  ])("[H46] at %s, of %s with %j behind a proxy: %i", async (url, origin, headers, status) => {
    const request = models(url, { ...from(origin), ...headers });
    expect((await callWith(echoOnly, { RELAY_DEV: "0" }, request)).status).toBe(status);
  });

  test("[H18] a preflight is answered without a key", async () => {
    const headers = {
      Origin: "https://app.example",
      "Access-Control-Request-Method": "POST",
      "Access-Control-Request-Headers": "authorization,content-type",
    };
    const request = new Request(`${HOST}/v1/sessions`, { method: "OPTIONS", headers });
    const response = await callWith({ ...echoOnly, allowedOrigins: ["*"] }, {}, request);
    expect(response.status).toBe(204);
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe("https://app.example");
    expect(response.headers.get("Access-Control-Allow-Methods")).toContain("POST");
    expect(response.headers.get("Access-Control-Allow-Headers")).toBe("authorization,content-type");
  });
});

describe("API keys", () => {
  test("[H19] the development key is good on loopback with RELAY_DEV=1 only", async () => {
    const headers = bearer("relay-dev");
    for (const url of [LOOPBACK, "http://localhost:1", "http://[::1]:1"]) {
      expect((await callWith(null, { RELAY_DEV: "1" }, models(url, headers))).status).toBe(200);
    }
    const refused: [string, Partial<RelayEnv>][] = [
      [HOST, { RELAY_DEV: "1" }],
      ["http://127.0.0.1.evil.example", { RELAY_DEV: "1" }],
      [LOOPBACK, { RELAY_DEV: "0" }],
      [LOOPBACK, { RELAY_DEV: "" }],
    ];
    for (const [url, bindings] of refused) {
      expect((await callWith(null, bindings, models(url, headers))).status).toBe(401);
    }
  });

  test.each([
    ["not JSON", ""],
    ['{"id":"x"}', ""],
    ['[{"id":"x","sha256":"abc"}]', "0.sha256"],
    [`[{"id":"x","sha256":"${"0".repeat(64)}","limits":{"parallel":1}}]`, "0.limits.parallel"],
  ])(
    "[H19] keys that cannot be read close every door and name the binding: %s",
    async (RELAY_API_KEYS, path) => {
      const response = await callWith(null, { RELAY_API_KEYS }, models(HOST, bearer()));
      const { detail } = await response.clone().json<{ detail: string }>();
      expect(await problemOf(response)).toEqual([500, "misconfigured", null]);
      expect(detail).toContain("RELAY_API_KEYS");
      expect(detail).toContain(path);
    },
  );

  test("[H20] without a signing key nothing is signed or opened, but on loopback in development", async () => {
    const create = (url: string, key: string) =>
      new Request(`${url}/v1/sessions`, { method: "POST", headers: bearer(key) });
    const missing = { RELAY_SIGNING_KEY: undefined };
    const response = await callWith(null, missing, create(HOST, "key-one"));
    const { detail } = await response.clone().json<{ detail: string }>();
    expect(await problemOf(response)).toEqual([500, "misconfigured", null]);
    expect(detail).toContain("RELAY_SIGNING_KEY");
    const short = await callWith(null, { RELAY_SIGNING_KEY: "short" }, create(LOOPBACK, "relay-dev"));
    expect(await problemOf(short)).toEqual([500, "misconfigured", null]);
    expect((await callWith(null, missing, create(LOOPBACK, "relay-dev"))).status).toBe(201);
  });

  test("[H21] a key that has started its sessions of the minute is told when to come back", async () => {
    const create = () => post("/v1/sessions", {}, bearer("key-slow"));
    expect([(await create()).status, (await create()).status]).toEqual([201, 201]);
    const response = await create();
    expect(Number(response.headers.get("Retry-After"))).toBeGreaterThan(20);
    expect(await problemOf(response)).toEqual([429, "rate_limited", null]);
    expect((await post("/v1/sessions", {})).status).toBe(201);
  });

  test("[H21] the binding RATE_LIMIT counts as well, for keys that bring no limit of their own", async () => {
    const asked: unknown[] = [];
    const RATE_LIMIT = {
      limit: async (options: RateLimitOptions) => {
        asked.push(options);
        return { success: false };
      },
    };
    const create = (key: string) => {
      const request = new Request(`${HOST}/v1/sessions`, { method: "POST", headers: bearer(key) });
      return callWith(null, { RATE_LIMIT }, request);
    };
    expect((await create("key-plain")).status).toBe(429);
    expect((await create("key-one")).status).toBe(201);
    expect(asked).toEqual([{ key: "plain" }]);
  });

  test("[H21] a bucket fills at its rate and never above", () => {
    const buckets = new TokenBuckets();
    expect([0, 1, 2].map((now) => buckets.take("a", 2, now))).toEqual([0, 0, 29_998]);
    expect(buckets.take("a", 2, 30_000)).toBe(0);
    expect(buckets.take("a", 2, 30_001)).toBeGreaterThan(0);
    expect([0, 0, 0].map(() => buckets.take("a", 2, 9_000_000) > 0)).toEqual([false, false, true]);
    // A clock that steps back takes nothing away.
    expect(buckets.take("b", 1, 1000)).toBe(0);
    expect(buckets.take("b", 1, 0)).toBe(60_000);
  });
});

describe("the small doors", () => {
  test("[H15] the routes that could be dialled are listed as OpenAI lists models", async () => {
    const list = await (await call("/v1/models", { headers: bearer() })).json<{ data: { id: string }[] }>();
    expect(list).toMatchObject({ object: "list" });
    const demos = [
      "demo",
      "echo",
      "demo+echo",
      "demo-race",
      "demo-hedge",
      "demo-panel",
      "demo-filler",
      "demo-guard",
    ];
    expect(list.data.map(({ id }) => id)).toEqual(demos);
    const one = await call("/v1/models/demo+echo", { headers: bearer() });
    expect(await one.json()).toEqual({
      id: "demo+echo",
      object: "model",
      created: 0,
      owned_by: "relay",
      description: expect.stringContaining("Two upstreams"),
      examples: ["Count to 20."],
    });
    const other = await call("/v1/models/openai", { headers: bearer() });
    expect(await problemOf(other)).toEqual([404, "model_not_found", "model"]);
  });

  test("[H22] health needs no key, metrics do", async () => {
    expect(await (await call("/healthz")).json()).toEqual({ status: "ok" });
    expect((await call("/metrics")).status).toBe(401);
    await call("/v1/secret/path", { headers: bearer() });
    const text = await (await call("/metrics", { headers: bearer("key-operator") })).text();
    expect(text).toContain('relay_http_requests_total{door="GET /healthz",status="200"} 1\n');
    expect(text).toContain('relay_http_requests_total{door="none",status="404"}');
    expect(text).not.toContain("secret/path");
  });

  test("[H22] the page is served where there is one", async () => {
    const ASSETS = { fetch: async () => new Response("<!doctype html>") } as unknown as Fetcher;
    const page = await callWith(null, { ASSETS }, new Request(`${HOST}/`));
    expect(await page.text()).toBe("<!doctype html>");
    const none = await callWith(null, { ASSETS: undefined }, new Request(`${HOST}/`));
    expect(await problemOf(none)).toEqual([404, "not_found", null]);
  });
});
