import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { RelayEnv } from "../../durable-objects/env.ts";
import { KeyWatch } from "../../durable-objects/key-watch.ts";
import { defineRelay } from "../../src/config/define.ts";
import { bearer, call, callWith, HOST, LOOPBACK, OTHER_KEY, post, problemOf } from "./doors.ts";
import { inObject, objectOf, pass } from "./object.ts";
import { connect, upgrade } from "./socket.ts";

async function sha256(key: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(key))).toHex();
}

const MODELS = "/v1/models";
const UNKNOWN = [401, "invalid_credentials", null];

function keys(): KVNamespace {
  if (env.RELAY_KEYS === undefined) throw new Error("no RELAY_KEYS");
  return env.RELAY_KEYS;
}

/** As `npm run keys` writes it. */
async function add(id: string, key: string, more: object = {}): Promise<void> {
  const hash = await sha256(key);
  await keys().put(`hash:${hash}`, id);
  await keys().put(`id:${id}`, JSON.stringify({ sha256: hash, ...more }));
}

const withKey = (path: string, key: string) => call(path, { headers: bearer(key) });

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));
afterEach(() => void vi.useRealTimers());

/** More than what is taken for true. */
function later(): void {
  vi.setSystemTime(Date.now() + 31_000);
}

describe("keys in Workers KV", () => {
  test("[H115] are good as soon as they are there, with their limits, and for half a minute after they are gone", async () => {
    expect(await problemOf(await withKey(MODELS, "kv-key-a"))).toEqual(UNKNOWN);
    await add("a", "kv-key-a", { limits: { sessions_per_minute: 1 } });
    later();
    expect((await withKey(MODELS, "kv-key-a")).status).toBe(200);
    const create = () => post("/v1/sessions", { model: "echo" }, bearer("kv-key-a"));
    expect((await create()).status).toBe(201);
    expect((await create()).status).toBe(429);
    await keys().delete("id:a");
    expect((await withKey(MODELS, "kv-key-a")).status).toBe(200);
    later();
    expect(await problemOf(await withKey(MODELS, "kv-key-a"))).toEqual(UNKNOWN);
  });

  test("[H115] are rotated by one write: the former key is worth nothing though its hash is still there", async () => {
    await add("b", "kv-key-b1");
    expect((await withKey(MODELS, "kv-key-b1")).status).toBe(200);
    await add("b", "kv-key-b2");
    later();
    expect(await problemOf(await withKey(MODELS, "kv-key-b1"))).toEqual(UNKNOWN);
    expect((await withKey(MODELS, "kv-key-b2")).status).toBe(200);
  });

  test("[E64] that are none are looked for sixty times a minute and address; those that are known go on", async () => {
    await add("known", "kv-key-known");
    let asked = 0;
    const counting = { get: (name: string) => ((asked += 1), keys().get(name)) };
    const RELAY_KEYS = counting as unknown as KVNamespace;
    const from = async (address: string, key: string) => {
      const headers = { ...bearer(key), "CF-Connecting-IP": address };
      return callWith(null, { RELAY_KEYS }, new Request(`${HOST}${MODELS}`, { headers }));
    };
    expect((await from("192.0.2.1", "kv-key-known")).status).toBe(200);
    // At once: refusals of one address wait, beyond some (H130).
    const sixty = (from: (n: number) => Promise<Response>) =>
      Promise.all(Array.from({ length: 60 }, (_, n) => from(n)));
    for (const { status } of await sixty((n) => from("192.0.2.1", `none-${n}`))) expect(status).toBe(401);
    const before = asked;
    const refused = await from("192.0.2.1", "none-more");
    expect(refused.headers.get("Retry-After")).toBe("1");
    expect(await problemOf(refused)).toEqual([429, "rate_limited", null]);
    expect(asked).toBe(before);
    expect((await from("192.0.2.1", "kv-key-known")).status).toBe(200);
    expect((await from("192.0.2.2", "none-more")).status).toBe(401);
    await sixty((n) => from(`2001:db8:1:2::${n}`, `none-six-${n}`));
    expect((await from("2001:db8:1:2:3::4", "none-seven")).status).toBe(429);
    expect((await from("2001:db8:1:3::4", "none-seven")).status).toBe(401);
    vi.setSystemTime(Date.now() + 2000);
    expect((await from("192.0.2.1", "none-later")).status).toBe(401);
  });

  test("[H115] of which an entry is broken are a 500 that says where, and a KV that fails turns no known key away", async () => {
    await add("c", "kv-key-c");
    await keys().put("id:c", "{}");
    expect(await problemOf(await withKey(MODELS, "kv-key-c"))).toEqual([500, "misconfigured", null]);
    await add("d", "kv-key-d");
    const flaky = { get: (name: string) => keys().get(name) };
    const RELAY_KEYS = flaky as unknown as KVNamespace;
    const ask = () =>
      callWith(null, { RELAY_KEYS }, new Request(HOST + MODELS, { headers: bearer("kv-key-d") }));
    expect((await ask()).status).toBe(200);
    later();
    flaky.get = () => Promise.reject(new Error("KV is down"));
    expect((await ask()).status).toBe(200);
  });

  test("[H115] are asked for once in half a minute, whether they are good or not", async () => {
    await add("e", "kv-key-e");
    const asked: string[] = [];
    const get = (name: string, options: { cacheTtl: number }) => {
      asked.push(name.slice(0, 5));
      expect(options.cacheTtl).toBe(30);
      return keys().get(name);
    };
    const RELAY_KEYS = { get } as unknown as KVNamespace;
    const ask = (key: string) =>
      callWith(null, { RELAY_KEYS }, new Request(HOST + MODELS, { headers: bearer(key) }));
    for (const _ of [1, 2, 3]) {
      await ask("kv-key-e");
      await ask("kv-key-nobody");
    }
    expect(asked).toEqual(["hash:", "id:e", "hash:"]);
  });
});

describe("a key that is gone", () => {
  test("[H111] or was replaced under its id: what it signed is worth nothing", async () => {
    await add("f", "kv-key-f1");
    const headers = bearer("kv-key-f1");
    const { id, token } = await (
      await post("/v1/sessions", { model: "echo" }, headers)
    ).json<{ id: string; token: string }>();
    const { value } = await (
      await post("/v1/realtime/client_secrets", { session: { model: "echo" } }, headers)
    ).json<{ value: string }>();
    await add("f", "kv-key-f2");
    later();
    expect(await problemOf(await upgrade(`/v1/sessions/${id}`, bearer(token)))).toEqual(UNKNOWN);
    expect(await problemOf(await upgrade("/v1/realtime", bearer(value)))).toEqual(UNKNOWN);
  });

  test("[H112] ends its live sessions within a minute", async () => {
    vi.useRealTimers();
    vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] });
    await add("g", "kv-key-g");
    const client = await connect("/v1/realtime?model=echo", bearer("kv-key-g"));
    const { session } = await client.event("session.created");
    const { id } = session as { id: string };
    await pass(id, 31_000);
    client.send({ type: "input_audio_buffer.clear" });
    await client.event("input_audio_buffer.cleared");
    await keys().delete("id:g");
    await pass(id, 25_000);
    client.send({ type: "input_audio_buffer.clear" });
    await client.event("input_audio_buffer.cleared");
    await pass(id, 10_000);
    expect((await client.closed).code).toBe(1000);
  });

  test("[H112] is asked for while the session is awake, and at once when it wakes", async () => {
    let gone = 0;
    let asked = 0;
    let valid = true;
    const due: (() => void)[] = [];
    const clock = {
      now: () => 0,
      schedule: (run: () => void) => (due.push(run), () => void due.splice(due.indexOf(run), 1)),
    };
    const nobody = { others: () => [], mayObserve: async () => true, otherGone: () => {} };
    const host = { clock, valid: async () => ((asked += 1), valid), gone: () => void (gone += 1), ...nobody };
    const watch = new KeyWatch(host);
    watch.start(false);
    watch.start(true);
    expect([asked, due.length]).toEqual([0, 1]);
    due.shift()?.();
    await Promise.resolve();
    expect([asked, due.length, gone]).toEqual([1, 1, 0]);
    watch.stop();
    expect(due).toEqual([]);
    valid = false;
    watch.start(true);
    await vi.waitFor(() => expect([asked, gone, due.length]).toEqual([2, 1, 0]));
  });

  test("[H111] an id that is there twice closes every door", async () => {
    const same = ["0", "1"].map((digit) => ({ id: "same", sha256: digit.repeat(64) }));
    const RELAY_API_KEYS = JSON.stringify(same);
    const response = await callWith(
      null,
      { RELAY_API_KEYS },
      new Request(HOST + MODELS, { headers: bearer("x") }),
    );
    const { detail } = await response.clone().json<{ detail: string }>();
    expect(await problemOf(response)).toEqual([500, "misconfigured", null]);
    expect(detail).toContain("at 1:");
    expect(detail).toContain("twice");
  });
});

describe("DELETE of a session that nobody has opened", () => {
  const create = async () =>
    (await post("/v1/sessions", { model: "echo" })).json<{ id: string; token: string }>();
  const remove = (id: string, key?: string) =>
    call(`/v1/sessions/${id}`, { method: "DELETE", headers: bearer(key) });

  test("[H113] ends it: its token opens nothing any more", async () => {
    const { id, token } = await create();
    expect((await remove(id)).status).toBe(204);
    expect(await problemOf(await upgrade(`/v1/sessions/${id}`, bearer(token)))).toEqual([
      409,
      "session_ended",
      null,
    ]);
    expect((await remove(id)).status).toBe(404);
  });

  test("[H113] also of a client secret that is good for longer than a session's token", async () => {
    const body = { session: { model: "echo" }, resumable: true, expires_after: { seconds: 7200 } };
    const minted = await post("/v1/realtime/client_secrets", body, bearer());
    const { value, session } = await minted.json<{ value: string; session: { id: string } }>();
    expect((await remove(session.id)).status).toBe(204);
    const alarmAt = (await inObject(session.id, (storage) => storage.getAlarm())) ?? 0;
    vi.setSystemTime(Math.min(alarmAt, Date.now() + 7_100_000));
    await runDurableObjectAlarm(objectOf(session.id));
    expect(await problemOf(await upgrade("/v1/realtime", bearer(value)))).toEqual([
      409,
      "session_ended",
      null,
    ]);
  });

  test("[H113] is its owner's alone, or an operator's", async () => {
    const { id, token } = await create();
    expect(await problemOf(await remove(id, OTHER_KEY))).toEqual([404, "session_not_found", null]);
    const client = await connect(`/v1/sessions/${id}`, bearer(token));
    await client.event("session.created");
    client.close(1000);
    const other = await create();
    expect((await remove(other.id, "key-operator")).status).toBe(204);
  });

  test("[H113] gives its place back", async () => {
    const few = bearer("key-few");
    const made = async () => post("/v1/sessions", { model: "echo" }, few);
    const first = await (await made()).json<{ id: string }>();
    const second = await (await made()).json<{ id: string }>();
    expect((await made()).status).toBe(429);
    expect((await remove(first.id, "key-few")).status).toBe(204);
    const third = await made();
    expect(third.status).toBe(201);
    for (const { id } of [second, await third.json<{ id: string }>()]) await remove(id, "key-few");
  });
});

describe("DELETE /v1/sessions?key=", () => {
  const end = (query: string, key: string) =>
    call(`/v1/sessions${query}`, { method: "DELETE", headers: bearer(key) });

  test("[H127] ends all sessions of a key, opened and not, for an operator and for the key itself", async () => {
    await add("many", "kv-key-many", { limits: { concurrent: 200 } });
    const mine = bearer("kv-key-many");
    const live = await Promise.all([1, 2, 3].map(() => connect("/v1/realtime?model=echo", mine)));
    const created = await (
      await post("/v1/sessions", { model: "echo" }, mine)
    ).json<{ id: string; token: string }>();
    const others = await connect("/v1/realtime?model=echo", bearer());
    await others.event("session.created");
    const answer = await end("?key=many", "key-operator");
    expect([answer.status, await answer.json()]).toEqual([
      200,
      { object: "relay.sessions.ended", key: "many", ended: 4 },
    ]);
    for (const client of live) expect((await client.closed).code).toBe(1000);
    const late = await upgrade(`/v1/sessions/${created.id}`, bearer(created.token));
    expect(await problemOf(late)).toEqual([409, "session_ended", null]);
    others.send({ type: "input_audio_buffer.clear" });
    await others.event("input_audio_buffer.cleared");
    others.close(1000);
    await connect("/v1/realtime?model=echo", mine);
    expect(await (await end("?key=many", "kv-key-many")).json()).toMatchObject({ ended: 1 });
    expect(await (await end("?key=many", "kv-key-many")).json()).toMatchObject({ ended: 0 });
  });

  test("[E96] of what is the id of no key is refused, however long it is", async () => {
    for (const id of ["x".repeat(600), "a b", "../many", "%00", "é", "@"]) {
      const answer = await end(`?key=${encodeURIComponent(id)}`, "key-operator");
      expect(await problemOf(answer)).toEqual([400, "invalid_value", "key"]);
    }
    expect((await end("?key=@twilio", "key-operator")).status).toBe(200);
  });

  test("[H127] is no other key's to ask, names a key, and says of whom nobody knows the sessions", async () => {
    expect(await problemOf(await end("?key=many", "key-one"))).toEqual([403, "operator_needed", null]);
    expect(await problemOf(await end("", "key-operator"))).toEqual([400, "missing_parameter", "key"]);
    await add("free", "kv-key-free", { limits: { concurrent: null } });
    const unlisted = await end("?key=free", "key-operator");
    expect(await problemOf(unlisted)).toEqual([409, "sessions_not_listed", null]);
  });

  test("[H127] ends more than are asked at once", async () => {
    await add("crowd", "kv-key-crowd", { limits: { concurrent: 200, sessions_per_minute: null } });
    const create = () => post("/v1/sessions", { model: "echo" }, bearer("kv-key-crowd"));
    for (let n = 0; n < 70; n += 1) expect((await create()).status).toBe(201);
    expect(await (await end("?key=crowd", "key-operator")).json()).toMatchObject({ ended: 70 });
  });
});

describe("an operator's key", () => {
  test("[H114] sees metrics, and sees and ends the sessions of all keys; no other key does", async () => {
    expect(await problemOf(await withKey("/metrics", "key-one"))).toEqual([403, "operator_needed", null]);
    expect((await withKey("/metrics", "key-operator")).status).toBe(200);
    const client = await connect("/v1/realtime?model=echo", bearer());
    const { session } = await client.event("session.created");
    const { id } = session as { id: string };
    expect(await (await withKey(`/v1/sessions/${id}`, "key-operator")).json()).toMatchObject({
      status: "connected",
    });
    const ended = await call(`/v1/sessions/${id}`, { method: "DELETE", headers: bearer("key-operator") });
    expect(ended.status).toBe(204);
    expect((await client.closed).code).toBe(1000);
  });
});

describe("development's keys", () => {
  const DRAWN = "relay-dev-0123456789abcdef0123456789abcdef";
  const config = {
    routes: {
      demo: { upstreams: [{ name: "demo", adapter: "openai-compatible", url: { env: "DEMO_URL" } }] },
      echo: { upstreams: [{ name: "echo", adapter: "echo" }] },
      paid: {
        upstreams: [
          {
            name: "paid",
            adapter: "openai-compatible",
            url: "https://p.example",
            headers: { a: { env: "PAID" } },
          },
        ],
      },
      fallen: {
        upstreams: [
          {
            name: "echo",
            adapter: "echo",
            fallback: [{ adapter: "openai-compatible", url: { env: "KEYED_URL" } }],
          },
        ],
      },
      heard: {
        upstreams: [{ name: "echo", adapter: "echo" }],
        transcriber: {
          name: "t",
          adapter: "openai-compatible",
          url: "https://p.example",
          headers: { a: { env: "PAID" } },
        },
      },
    },
    defaultRoute: "paid",
  };
  const bindings: Partial<RelayEnv> & Record<string, string> = {
    RELAY_DEV: "1",
    RELAY_DEV_KEY: DRAWN,
    DEMO_URL: "http://127.0.0.1:8788/v1/realtime",
    PAID: "sk-1",
    KEYED_URL: "https://p.example/?key=sk-2",
  };
  const ask = (path: string, key: string, url = LOOPBACK, init: RequestInit = {}) => {
    const request = new Request(url + path, init);
    request.headers.set("Authorization", `Bearer ${key}`);
    return callWith(defineRelay(config), bindings, request);
  };
  const refused = [403, "key_refused", "model"];

  test.each(["paid", "fallen", "heard", "whatever"])(
    "[H116] relay-dev does not open '%s', for which the relay spends a secret, at any door",
    async (model) => {
      const json = { "Content-Type": "application/json" };
      const dial = await ask(`/v1/realtime?model=${model}`, "relay-dev", LOOPBACK, {
        headers: { Upgrade: "websocket" },
      });
      expect(await problemOf(dial)).toEqual(refused);
      const doors = { "/v1/sessions": { model }, "/v1/realtime/client_secrets": { session: { model } } };
      for (const [path, body] of Object.entries(doors)) {
        const init = { method: "POST", headers: json, body: JSON.stringify(body) };
        expect(await problemOf(await ask(path, "relay-dev", LOOPBACK, init))).toEqual(refused);
        expect((await ask(path, DRAWN, LOOPBACK, init)).status).toBeLessThan(300);
      }
    },
  );

  test("[H116] relay-dev lists and opens the others; the drawn key all, and from any host", async () => {
    const names = async (key: string, url?: string) => {
      const response = await ask(MODELS, key, url);
      return (await response.json<{ data: { id: string }[] }>()).data.map(({ id }) => id);
    };
    expect(await names("relay-dev")).toEqual(["demo", "echo"]);
    expect(await names(DRAWN)).toEqual(["demo", "echo", "paid", "fallen", "heard"]);
    expect(await names(DRAWN, "https://x.trycloudflare.example")).toHaveLength(5);
    const body = JSON.stringify({ model: "demo" });
    const init = { method: "POST", body, headers: { "Content-Type": "application/json" } };
    expect((await ask("/v1/sessions", "relay-dev", LOOPBACK, init)).status).toBe(201);
  });

  test("[H116] a drawn key that is short, or without RELAY_DEV, is none", async () => {
    const request = (key: string) => new Request(LOOPBACK + MODELS, { headers: bearer(key) });
    expect((await callWith(null, { ...bindings, RELAY_DEV: "0" }, request(DRAWN))).status).toBe(401);
    const short = { ...bindings, RELAY_DEV_KEY: "relay-dev-1" };
    expect((await callWith(null, short, request("relay-dev-1"))).status).toBe(401);
  });
});
