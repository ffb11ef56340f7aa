import { runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Json } from "../../src/protocol/json.ts";
import { bearer, call, createSession, problemOf } from "./doors.ts";
import { DuplexClient } from "./duplex-client.ts";
import { evict, inObject, keysOf, objectOf, pass, stateOf } from "./object.ts";
import { type ClientSocket, connect, upgrade } from "./socket.ts";
import { type DialledUpstream, stubUpstreams } from "./upstream.ts";

// Timers of objects stand still, so that tests say when a snapshot is taken; and an object with a timer under way
// could not be evicted.
beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] }));

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

async function open(
  body: object = { model: "echo" },
  protocol = "duplex.v1",
): Promise<{ id: string; url: string; client: ClientSocket }> {
  const { id, url } = await createSession(body);
  const client = await connect(url, { "Sec-WebSocket-Protocol": protocol });
  await client.event("session.created");
  return { id, url, client };
}

async function hangUp(client: ClientSocket): Promise<void> {
  client.close(1000);
  await client.closed;
}

/** A demo session whose upstream has just been dialled. */
async function openDemo(): Promise<{ id: string; client: ClientSocket; dialled: DialledUpstream }> {
  const upstreams = stubUpstreams();
  const { id, client } = await open({ model: "demo" });
  return { id, client, dialled: await upstreams.next() };
}

describe("the client's socket", () => {
  test.each([
    [1000, 1000],
    [3001, 3001],
    [undefined, 1000],
  ])("[O4] a close with %s is answered with %i at once", async (code, answered) => {
    const { client } = await open();
    client.close(code);
    expect((await client.closed).code).toBe(answered);
  });

  test("[O2] a second connection of the key takes over, also from a half-open one", async () => {
    const { id, client } = await open({ model: "echo" }, "realtime");
    const second = await connect(`/v1/sessions/${id}`, {
      ...bearer(),
      "Sec-WebSocket-Protocol": "duplex.v1",
    });
    expect(await client.closed).toEqual({ code: 4001, reason: "another connection took over" });
    const created = await second.event("session.created");
    expect(created["session"]).toMatchObject({ relay: { upstreams: ["echo"] } });
    second.send({ type: "nonsense", event_id: "e1" });
    expect((await second.event("error"))["error"]).toMatchObject({ event_id: "e1" });
    expect(await stateOf(id)).toMatchObject({ status: "connected", metrics: { client_connections: 2 } });
    await hangUp(second);
  });
});

describe("upstream sockets", () => {
  test("[O3] the route's upstream is dialled and greeted, and what it says is heard", async () => {
    const { id, client, dialled } = await openDemo();
    expect(dialled.url).toMatch(/^http:\/\/demo\.invalid\/v1\/realtime/);
    expect(dialled.headers.get("Upgrade")).toBe("websocket");
    const greeting = await inObject(id, async () => {
      const provider = dialled.accept();
      provider.send(
        JSON.stringify({ type: "session.created", event_id: "e", session: { type: "realtime" } }),
      );
      return provider.next();
    });
    expect(JSON.parse(String(greeting))).toMatchObject({ type: "session.update" });
    await hangUp(client);
  });

  test("[O3] a refused upstream is told to the client without the provider's words", async () => {
    const { id, client, dialled } = await openDemo();
    await inObject(id, () => dialled.refuse(401));
    let status = await client.event("relay.upstream");
    while (status["status"] !== "closed") status = await client.event("relay.upstream");
    expect(JSON.stringify(status)).toContain("401");
    expect(JSON.stringify(status)).not.toContain("sk-secret");
    await hangUp(client);
  });

  test("[O9] ending the session hangs up its upstreams", async () => {
    const { id, client, dialled } = await openDemo();
    const provider = await inObject(id, () => dialled.accept());
    await call(`/v1/sessions/${id}`, { method: "DELETE", headers: bearer() });
    expect((await inObject(id, () => provider.closed)).code).toBe(1000);
    await client.closed;
  });
});

describe("storage", () => {
  test("[O6] the session is stored after its first tick, without secrets", async () => {
    const { id, client } = await open();
    expect(await keysOf(id)).toEqual(["used"]);
    await pass(id, 0);
    expect(await keysOf(id)).toEqual(["call", "moment", "used"]);
    const values = await inObject(id, (storage) => JSON.stringify([...storage.kv.list()]));
    expect(values).not.toContain("key-one");
    await hangUp(client);
  });

  test("[O12] a snapshot with long parts is stored in parts, and stale ones go", async () => {
    const client = await DuplexClient.open("echo");
    const say = async (event: { readonly type: string; readonly [field: string]: Json }, answer: string) => {
      client.send(event);
      await client.event(answer);
      // Else the outbox would hold the answer as well.
      client.send({ type: "session.ack", last_received: client.lastReceived });
      await pass(client.id, 2000);
    };
    const content = [{ type: "input_image", image_url: "long ".repeat(200_000) }];
    const item = { id: "long", type: "message", role: "user", content };
    await say({ type: "conversation.item.create", item }, "conversation.item.done");
    expect((await keysOf(client.id)).filter((key) => key.startsWith("crate:")).length).toBeGreaterThan(1);
    await evict(client.id, { webSockets: "close" });
    expect((await client.resume()).verdict).toBe("resumed");
    await say({ type: "conversation.item.delete", item_id: "long" }, "conversation.item.deleted");
    await say({ type: "session.update", session: { instructions: "short" } }, "session.updated");
    for (let n = 0; n < 5; n += 1)
      await say({ type: "session.update", session: { instructions: `short ${n}` } }, "session.updated");
    expect(await keysOf(client.id)).toEqual(["call", "moment", "used"]);
    await client.hangUp();
  });

  test("[O9] the end wipes all but the used token, and time that too", async () => {
    const { id, url } = await open();
    await pass(id, 0);
    await call(`/v1/sessions/${id}`, { method: "DELETE", headers: bearer() });
    expect(await keysOf(id)).toEqual(["used"]);
    await evict(id);
    expect(await problemOf(await upgrade(url))).toEqual([409, "token_used", null]);
    const alarmAt = await inObject(id, (storage) => storage.getAlarm());
    vi.setSystemTime(alarmAt ?? 0);
    expect(await runDurableObjectAlarm(objectOf(id))).toBe(true);
    expect(await keysOf(id)).toEqual([]);
  });

  test("[O60] the end empties the database's pages too, and keeps the used token a minute longer than it is good", async () => {
    const client = await DuplexClient.open("echo");
    const bytes = () => inObject(client.id, (storage) => storage.sql.databaseSize);
    const used = () => inObject(client.id, (storage) => storage.kv.get<{ exp: number }>("used"));
    const content = [{ type: "input_image", image_url: "long ".repeat(99_999) }];
    client.send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
    await client.event("conversation.item.done");
    await pass(client.id, 2000);
    expect(await bytes()).toBeGreaterThan(400_000);
    const expiresAt = ((await used())?.exp ?? 0) * 1000;
    await call(`/v1/sessions/${client.id}`, { method: "DELETE", headers: bearer() });
    expect(await keysOf(client.id)).toEqual(["used"]);
    expect(await bytes()).toBeLessThan(50_000);
    expect(await inObject(client.id, (storage) => storage.getAlarm())).toBe(expiresAt + 60_000);
    vi.setSystemTime(expiresAt + 59_000);
    await runDurableObjectAlarm(objectOf(client.id));
    expect(await keysOf(client.id)).toEqual(["used"]);
  });

  test("[O9] a session of the OpenAI door leaves nothing behind", async () => {
    const client = await connect("/v1/realtime?model=echo", bearer());
    const { id } = (await client.event("session.created"))["session"] as { id: string };
    await pass(id, 0);
    expect(await keysOf(id)).toEqual(["call", "moment"]);
    await hangUp(client);
    expect(await keysOf(id)).toEqual([]);
  });
});

describe("an object that left memory", () => {
  test("[O7] without having slept puts out a client whose socket outlived it, and waits for it", async () => {
    const { id, client } = await open({ model: "echo" }, "realtime");
    await pass(id, 1000);
    await evict(id);
    client.send({ type: "input_audio_buffer.clear" });
    expect(await client.closed).toEqual({ code: 1012, reason: "the session was restored" });
    expect(await stateOf(id)).toMatchObject({ status: "waiting" });
  });

  test("[O7] learns that its upstreams' sockets died with the isolate, and dials again", async () => {
    const former = stubUpstreams();
    const client = await DuplexClient.open("demo");
    const dialled = await former.next();
    await inObject(client.id, () => void dialled.accept());
    await pass(client.id, 1000);
    await inObject(client.id, () => dialled.drop());
    await evict(client.id, { webSockets: "close" });
    const upstreams = stubUpstreams();
    await client.resume();
    await pass(client.id, 2000);
    expect((await upstreams.next()).url).toMatch(/^http:\/\/demo\.invalid/);
    await client.hangUp();
  });

  test("[O7] waits for a client that was lost with it, and takes it back by key", async () => {
    const { id, client } = await open();
    client.send({ type: "session.update", session: { type: "realtime", instructions: "Remember me." } });
    await client.event("session.updated");
    await pass(id, 1000);
    await evict(id, { webSockets: "close" });
    await client.closed;
    expect(await stateOf(id)).toMatchObject({ status: "waiting" });
    const again = await connect(`/v1/sessions/${id}`, { ...bearer(), "Sec-WebSocket-Protocol": "duplex.v1" });
    // No `session.resume`: it begins anew.
    again.send({ type: "input_audio_buffer.clear" });
    expect((await again.event("session.created"))["session"]).toMatchObject({ instructions: "Remember me." });
    await hangUp(again);
  });

  test("[O7] and was only pre-warmed begins anew", async () => {
    const { id, url } = await createSession({ model: "echo", prewarm: true, location_hint: "weur" });
    await evict(id);
    const client = await connect(url);
    await client.event("session.created");
    await hangUp(client);
  });
});
