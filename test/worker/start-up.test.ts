import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { bearer, createSession, problemOf } from "./doors.ts";
import { DuplexClient } from "./duplex-client.ts";
import { evict, inObject, keysOf, pass, stateOf } from "./object.ts";
import { watchGate } from "./output-gate.ts";
import { ClientSocket, upgrade } from "./socket.ts";
import { stubUpstreams } from "./upstream.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] }));
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

function accepted(response: Response): ClientSocket {
  if (response.webSocket === null) throw new Error(`refused with ${response.status}`);
  return new ClientSocket(response.webSocket, null);
}

/** A millisecond passes; a write under way may go on. */
const tick = (id: string) => inObject(id, () => vi.advanceTimersByTimeAsync(1));

describe("a session that begins", () => {
  test("[O45] by token dials before any write is confirmed, and is open as soon as its token is used up", async () => {
    stubUpstreams();
    const { id, url } = await createSession({ model: "demo" });
    const gate = await watchGate(id);
    const began = Date.now();
    let openedAt = Number.NaN;
    const opening = upgrade(url);
    void opening.then(() => {
      openedAt = Date.now() - began;
    });
    while (Number.isNaN(openedAt)) await tick(id);
    const client = accepted(await opening);
    await client.event("session.created");
    expect(openedAt).toBe(50);
    expect(gate.departures).toContainEqual({ what: "dial", at: 0 });
    expect(gate.departures).toContainEqual({ what: "session.created", at: 0 });
    expect(gate.confirmed).toEqual([]);
    client.close(1000);
    await client.closed;
  });

  test("[O45] by key waits for no write at all", async () => {
    const upstreams = stubUpstreams();
    // Any session's object has the storage to watch: a warm one is connected to by key.
    const { id } = await createSession({ model: "demo", prewarm: true, location_hint: "weur" });
    const gate = await watchGate(id);
    const client = accepted(await upgrade(`/v1/sessions/${id}`, bearer()));
    await client.event("session.created");
    await upstreams.next();
    expect(gate.confirmed).toEqual([]);
    expect(gate.departures.map(({ at }) => at)).toEqual(gate.departures.map(() => 0));
    client.close(1000);
    await client.closed;
  });

  test("[O45] of two connections at once with one token, the second is refused while the first waits", async () => {
    stubUpstreams();
    const { id, url } = await createSession({ model: "demo" });
    await watchGate(id);
    const first = upgrade(url);
    const second = upgrade(url);
    const settled: number[] = [];
    for (const each of [first, second]) void each.then(({ status }) => void settled.push(status));
    while (settled.length < 2) await tick(id);
    expect(settled).toEqual([409, 101]);
    const client = accepted(await first);
    expect(await problemOf(await second)).toEqual([409, "token_used", null]);
    client.close(1000);
    await client.closed;
  });

  test("[O46] is stored, and its alarm set, with its first snapshot", async () => {
    const { id, url } = await createSession();
    const client = accepted(await upgrade(url));
    await client.event("session.created");
    const alarmed = () => inObject(id, (storage) => storage.getAlarm());
    expect([await keysOf(id), await alarmed()]).toEqual([["used"], null]);
    await pass(id, 0);
    expect(await keysOf(id)).toEqual(["call", "moment", "used"]);
    expect(await alarmed()).toBeGreaterThan(Date.now());
    client.close(1000);
    await client.closed;
  });

  test("[O46] and dies before its first snapshot is gone, and its client is told", async () => {
    const { id, url } = await createSession();
    const client = accepted(await upgrade(url));
    await client.event("session.created");
    await evict(id);
    client.send({ type: "input_audio_buffer.clear" });
    expect((await client.closed).code).toBe(1012);
    expect(await keysOf(id)).toEqual(["used"]);
    expect(await stateOf(id)).toMatchObject({ status: 404 });
  });

  test("[O46] before its client is stored at once, and woken if nobody ever comes", async () => {
    const { id } = await createSession({ model: "echo", prewarm: true, location_hint: "weur" });
    expect(await keysOf(id)).toEqual(["call"]);
    expect(await inObject(id, (storage) => storage.getAlarm())).toBeGreaterThan(Date.now());
  });
});

describe("a session that wakes", () => {
  test("[O47] dials before it writes down that it is awake, and says nothing before that is durable", async () => {
    // Upstreams that refuse every dial let a session come to rest.
    vi.stubGlobal("fetch", async () => new Response(null, { status: 503 }));
    const client = await DuplexClient.open("demo");
    for (let minute = 0; minute < 3; minute += 1) await pass(client.id, 60_000);
    expect(await keysOf(client.id)).toContain("asleep");
    const gate = await watchGate(client.id);
    client.send({
      type: "conversation.item.create",
      item: { type: "message", role: "user", content: [{ type: "input_text", text: "Are you there?" }] },
    });
    client.send({ type: "response.create" });
    await client.event("conversation.item.added");
    expect(gate.confirmed).toEqual(["kv.delete"]);
    const dial = gate.departures.find(({ what }) => what === "dial");
    expect(gate.departures.find(({ what }) => what === "conversation.item.added")?.at).toBe(50);
    expect(dial?.at).toBe(0);
    await client.hangUp();
  });
});
