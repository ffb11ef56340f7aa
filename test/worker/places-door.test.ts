import { listDurableObjectIds, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test, vi } from "vitest";
import { bearer, call, callWith, type CreatedSession, HOST, post, problemOf } from "./doors.ts";
import { evict, inObject, objectOf, pass, stateOf } from "./object.ts";
import { type ClientSocket, connect, turnedAway, upgrade } from "./socket.ts";

const FEW = bearer("key-few");
const ECHO = "/v1/realtime?model=echo";
const FULL = [429, "too_many_sessions", null];

afterEach(() => void vi.useRealTimers());

function ledger(key = "few") {
  const namespace = env.KEY_LEDGER;
  if (namespace === undefined) throw new Error("no ledger");
  return namespace.get(namespace.idFromName(key));
}

/** How many places of the key are free: takes them all and gives them back. */
async function free(): Promise<number> {
  const names = ["sess_probe1", "sess_probe2"];
  let count = 0;
  for (const name of names) if ((await ledger().take(name, Date.now() + 5000, 2)) === "taken") count += 1;
  for (const name of names) await ledger().release(name);
  return count;
}

async function create(body: object = {}): Promise<CreatedSession> {
  const response = await post("/v1/sessions", { model: "echo", token_in_url: true, ...body }, FEW);
  expect(response.status).toBe(201);
  return response.json<CreatedSession>();
}

async function hangUp(client: ClientSocket): Promise<void> {
  client.close(1000);
  await client.closed;
}

describe("limits.concurrent", () => {
  test("[H31] at either door one more is 429, and whoever ends makes room", async () => {
    const { id, url } = await create();
    const first = await connect(url);
    const second = await connect(ECHO, FEW);
    expect(await problemOf(await upgrade(ECHO, FEW))).toEqual(FULL);
    expect(await problemOf(await post("/v1/sessions", { model: "echo" }, FEW))).toEqual(FULL);
    await hangUp(second);
    await vi.waitFor(async () => expect(await free()).toBe(1));
    const third = await connect(ECHO, FEW);
    expect((await call(`/v1/sessions/${id}`, { method: "DELETE", headers: FEW })).status).toBe(204);
    await first.closed;
    await vi.waitFor(async () => expect(await free()).toBe(1));
    await hangUp(third);
    await vi.waitFor(async () => expect(await free()).toBe(2));
  });

  test("[H31] of a session that finds no place nothing is kept", async () => {
    const { KEPT_SESSION: kept } = env;
    if (kept === undefined) throw new Error("no store");
    const tools = [
      { type: "mcp", server_label: "a", server_url: "https://a.test", authorization: "its-secret" },
    ];
    const session = { tools };
    const count = async () => (await listDurableObjectIds(kept)).length;
    const before = await count();
    const created = [await create({ session }), await create({ session })];
    expect(await count()).toBe(before + 2);
    expect(await problemOf(await post("/v1/sessions", { model: "echo", session }, FEW))).toEqual(FULL);
    expect(await count()).toBe(before + 2);
    for (const { id } of created) await call(`/v1/sessions/${id}`, { method: "DELETE", headers: FEW });
    // Nor has one a place whose token cannot be made.
    const large = { model: "echo", tool_types: Array.from({ length: 64 }, () => "x".repeat(64)) };
    expect(await problemOf(await post("/v1/sessions", large, FEW))).toEqual([
      413,
      "session_too_large",
      "locked",
    ]);
    await vi.waitFor(async () => expect(await free()).toBe(2));
  });

  test("[H31] whoever comes back takes no second place, and a used token takes nobody's", async () => {
    const { id, url } = await create();
    const first = await connect(url);
    expect(await problemOf(await upgrade(url))).toEqual([409, "token_used", null]);
    expect(await free()).toBe(1);
    const again = await connect(`/v1/realtime?session_id=${id}`, FEW);
    expect((await first.closed).code).toBe(4001);
    expect(await free()).toBe(1);
    await hangUp(again);
    await vi.waitFor(async () => expect(await free()).toBe(2));
    expect((await upgrade(url)).status).toBe(409);
    expect(await free()).toBe(2);
  });

  test("[H31] a client secret's session that lost its client goes on in its place, also when all are taken", async () => {
    const body = { session: { model: "echo" }, resumable: true };
    const response = await post("/v1/realtime/client_secrets", body, FEW);
    const { value } = await response.json<{ readonly value: string }>();
    const first = await connect(ECHO, bearer(value));
    const other = await connect(ECHO, FEW);
    expect(await problemOf(await upgrade(ECHO, bearer(value)))).toEqual(FULL);
    first.close(1001);
    await first.closed;
    const back = await connect(ECHO, bearer(value));
    expect(await problemOf(await upgrade(ECHO, FEW))).toEqual(FULL);
    for (const client of [back, other]) await hangUp(client);
    await vi.waitFor(async () => expect(await free()).toBe(2));
    expect((await turnedAway("/v1/realtime?session_id=nobody", bearer(value)))[0]).toBe(4004);
    expect(await free()).toBe(2);
  });

  test.each([
    ["realtime", 1001],
    ["duplex.v1", 1001],
    ["duplex.v1", 1000],
  ] as const)(
    "[H48] twenty reloads of a %s client that closes with %i all begin: the session without its client that waited longest makes room",
    async (protocol, code) => {
      const headers = { ...FEW, "Sec-WebSocket-Protocol": protocol };
      const stays = await connect(ECHO, headers);
      await stays.event("session.created");
      const ids: string[] = [];
      for (let reload = 0; reload < 20; reload += 1) {
        const client = await connect(ECHO, headers);
        const { id } = (await client.event("session.created"))["session"] as { id: string };
        ids.push(id);
        client.close(code);
        await client.closed;
        await vi.waitFor(async () => expect(await stateOf(id, FEW)).toMatchObject({ status: "waiting" }));
      }
      expect(new Set(ids).size).toBe(20);
      for (const [at, id] of ids.entries()) {
        expect(await stateOf(id, FEW)).toMatchObject({ status: at === 19 ? "waiting" : "ended" });
      }
      expect(await free()).toBe(0);
      // Whoever is there is never put out.
      const last = await connect(ECHO, headers);
      expect(await problemOf(await upgrade(ECHO, FEW))).toEqual(FULL);
      stays.send({ type: "input_audio_buffer.clear" });
      await stays.event("input_audio_buffer.cleared");
      expect((await turnedAway(`/v1/realtime?session_id=${ids[19]}`, FEW))[0]).toBe(4004);
      for (const client of [stays, last]) client.close(1000, "end");
      await vi.waitFor(async () => expect(await free()).toBe(2));
    },
  );

  test("[H48] a session whose client is about to come back makes no room, nor does one that waits for its first", async () => {
    const { id, url } = await create({ prewarm: true, location_hint: "weur" });
    const headers = { ...FEW, "Sec-WebSocket-Protocol": "duplex.v1" };
    const client = await connect(ECHO, headers);
    const created = await client.event("session.created");
    const { relay } = created["session"] as { relay: { session_id: string; resume_token: string } };
    client.close(1001);
    await client.closed;
    const pending = await connect(
      `/v1/sessions/${relay.session_id}?resume_token=${relay.resume_token}`,
      headers,
    );
    expect(await problemOf(await upgrade(ECHO, FEW))).toEqual(FULL);
    pending.send({ type: "session.resume", resume_token: relay.resume_token, last_received: 0 });
    expect(await pending.event("session.resumed")).toMatchObject({ verdict: "resumed" });
    const first = await connect(url);
    await first.event("session.created");
    pending.close(1000, "end");
    first.close(1000);
    await vi.waitFor(async () => expect(await free()).toBe(2));
    expect(await stateOf(id, FEW)).toMatchObject({ status: "ended" });
  });

  test("[H49] a duplex.v1 client that says goodbye frees its place at once", async () => {
    const headers = { ...FEW, "Sec-WebSocket-Protocol": "duplex.v1" };
    const client = await connect(ECHO, headers);
    await client.event("session.created");
    expect(await free()).toBe(1);
    client.close(1000, "end");
    expect((await client.closed).code).toBe(1000);
    await vi.waitFor(async () => expect(await free()).toBe(2));
  });

  test("[H50] a creation that fails takes no place, and two that come at once with one token have one", async () => {
    const body = { model: "echo", session: { instructions: "x".repeat(17_000) } };
    expect((await post("/v1/sessions", body, FEW)).status).toBe(413);
    expect(await free()).toBe(2);
    const { url } = await create();
    await ledger().release(new URL(url).pathname.slice("/v1/sessions/".length));
    const answers = await Promise.all([upgrade(url), upgrade(url)]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([101, 409]);
    expect(await free()).toBe(1);
    const socket = answers.find(({ webSocket }) => webSocket !== null)?.webSocket;
    socket?.accept();
    socket?.close(1000);
    await vi.waitFor(async () => expect(await free()).toBe(2));
  });

  test("[H50] a pre-warmed session that is attached to by key holds its place as long as it lasts", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const { id } = await create({ prewarm: true, location_hint: "weur", expires_after: { seconds: 10 } });
    const client = await connect(`/v1/sessions/${id}`, FEW);
    await client.event("session.created");
    vi.setSystemTime(Date.now() + 60_000);
    expect(await free()).toBe(1);
    client.close(1000);
    await client.closed;
    await vi.waitFor(async () => expect(await free()).toBe(2));
  });

  test("[H31] a place runs out with the token that nobody used, and is kept as long as was asked", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const book = ledger("a key of its own");
    const now = Date.now();
    expect(await book.take("a", now + 1000, 1)).toBe("taken");
    expect(await book.take("b", now + 1000, 1)).toBe("none");
    expect(await book.take("a", now + 90_000, 1)).toBe("kept");
    expect(await book.take("a", now, 1)).toBe("kept");
    vi.setSystemTime(now + 80_000);
    expect(await book.take("b", now + 81_000, 1)).toBe("none");
    await book.release("nobody");
    await book.release("a");
    expect(await book.take("b", now + 81_000, 1)).toBe("taken");
    vi.setSystemTime(now + 81_000);
    expect(await book.take("c", now + 82_000, 1)).toBe("taken");
  });

  test("[H31] a session that died and that nobody comes back to gives its place back", async () => {
    // A timer that is under way would hold up the eviction.
    vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] });
    const client = await connect(ECHO, FEW);
    const created = await client.event("session.created");
    const { id } = created["session"] as { readonly id: string };
    await pass(id, 1000);
    const alarmAt = await inObject(id, (storage) => storage.getAlarm());
    await evict(id, { webSockets: "close" });
    expect(await free()).toBe(1);
    vi.setSystemTime(alarmAt ?? 0);
    expect(await runDurableObjectAlarm(objectOf(id))).toBe(true);
    for (let n = 0; n < 3; n += 1) await pass(id, 3000);
    vi.setSystemTime((await inObject(id, (storage) => storage.getAlarm())) ?? 0);
    expect(await runDurableObjectAlarm(objectOf(id))).toBe(true);
    await vi.waitFor(async () => expect(await free()).toBe(2));
  });

  test("[E63] a client secret whose session was closed for its floods begins none for a minute; others do", async () => {
    const mint = async (): Promise<Record<string, string>> => {
      const minted = await post(
        "/v1/realtime/client_secrets",
        { session: { type: "realtime", model: "echo" } },
        FEW,
      );
      return { Authorization: `Bearer ${(await minted.json<{ value: string }>()).value}` };
    };
    const [flooding, other] = [await mint(), await mint()];
    const client = await connect(ECHO, flooding);
    for (let n = 0; n < 700; n += 1) client.send("{}");
    expect((await client.closed).code).toBe(1008);
    await vi.waitFor(async () => {
      const refused = await upgrade(ECHO, flooding);
      expect(refused.headers.get("Retry-After")).toBe("60");
      expect(await problemOf(refused)).toEqual([429, "rate_limited", null]);
    });
    await hangUp(await connect(ECHO, other));
    vi.setSystemTime(Date.now() + 61_000);
    await hangUp(await connect(ECHO, flooding));
  });

  test("[H31] of relay.config.ts holds for keys without one of their own; without any no ledger is touched", async () => {
    const namespace = env.KEY_LEDGER;
    if (namespace === undefined) throw new Error("no ledger");
    const before = (await listDurableObjectIds(namespace)).length;
    await hangUp(await connect(ECHO, bearer()));
    await post("/v1/sessions", { model: "echo" });
    expect((await listDurableObjectIds(namespace)).length).toBe(before);
    const routes = { echo: { upstreams: [{ name: "echo", adapter: "echo" }] } };
    const config = { routes, limits: { concurrent: 1 } };
    const request = () =>
      new Request(`${HOST}/v1/sessions`, {
        method: "POST",
        headers: { ...bearer("key-plain"), "Content-Type": "application/json" },
        body: JSON.stringify({ model: "echo" }),
      });
    expect((await callWith(config, {}, request())).status).toBe(201);
    expect(await problemOf(await callWith(config, {}, request()))).toEqual(FULL);
    const none = await callWith(config, { KEY_LEDGER: undefined }, request());
    expect(await problemOf(none)).toEqual([500, "misconfigured", null]);
  });
});
