import { runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { bearer } from "./doors.ts";
import { evict, inObject, keysOf, objectOf, pass, stateOf } from "./object.ts";
import { type ClientSocket, connect, turnedAway } from "./socket.ts";

// As in resume.test.ts: tests say when time passes.
beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] }));
afterEach(() => void vi.useRealTimers());

const named = (id: string) => `/v1/realtime?session_id=${id}`;

/** A plain client of the echo that has typed one turn and had its answer. */
async function talked(): Promise<{ readonly client: ClientSocket; readonly id: string }> {
  const client = await connect("/v1/realtime?model=echo", bearer());
  const created = await client.event("session.created");
  const content = [{ type: "input_text", text: "Remember me." }];
  client.send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
  client.send({ type: "response.create" });
  await client.event("response.done");
  return { client, id: (created["session"] as { readonly id: string }).id };
}

async function comesBack(id: string): Promise<void> {
  const client = await connect(named(id), bearer());
  expect((await client.event("session.created"))["session"]).toMatchObject({ id });
  expect(JSON.stringify(await client.event("conversation.item.done"))).toContain("Remember me.");
  await client.event("conversation.item.done");
  client.close(1000);
  await client.closed;
}

describe("a session whose plain client dropped", () => {
  test("[O20] sleeps after a while, is found again by whoever comes back, and goes on", async () => {
    const { client, id } = await talked();
    client.close(1001);
    await client.closed;
    for (let n = 0; n < 3; n += 1) await pass(id, 3000);
    expect(await keysOf(id)).toContain("asleep");
    await evict(id);
    await comesBack(id);
  });

  test("[O20] or is ended and wiped by its alarm when nobody has come in time", async () => {
    const { client, id } = await talked();
    client.close(1001);
    await client.closed;
    const droppedAt = Date.now();
    for (let n = 0; n < 3; n += 1) await pass(id, 3000);
    const alarmAt = (await inObject(id, (storage) => storage.getAlarm())) ?? 0;
    expect(alarmAt - droppedAt).toBeGreaterThanOrEqual(29_000);
    expect(alarmAt - droppedAt).toBeLessThanOrEqual(31_000);
    await evict(id);
    vi.setSystemTime(alarmAt);
    // Waking it for the alarm is enough: what was due comes first.
    await runDurableObjectAlarm(objectOf(id));
    expect(await keysOf(id)).toEqual([]);
    expect((await turnedAway(named(id), bearer()))[0]).toBe(4004);
  });

  test("[O20] because its object died long after its last snapshot, is found again, though its alarm rings at that moment", async () => {
    const { client, id } = await talked();
    await pass(id, 1000);
    const alarmAt = (await inObject(id, (storage) => storage.getAlarm())) ?? 0;
    vi.setSystemTime(alarmAt - 1000);
    await evict(id, { webSockets: "close" });
    await client.closed;
    vi.setSystemTime(alarmAt);
    expect(await runDurableObjectAlarm(objectOf(id))).toBe(true);
    vi.setSystemTime(alarmAt + 2000);
    await comesBack(id);
  });

  test("[O20] because its object died, is found again too", async () => {
    const { client, id } = await talked();
    await pass(id, 1000);
    await evict(id, { webSockets: "close" });
    await client.closed;
    expect(await stateOf(id)).toMatchObject({ status: "waiting" });
    await comesBack(id);
  });
});

describe("a plain client that hangs up while its session is asleep", () => {
  test.each([1000, 3000])("[O42] with %i ends it at once: the close is what woke it", async (code) => {
    // Upstreams that refuse every dial let a session come to rest.
    vi.stubGlobal("fetch", async () => new Response(null, { status: 503 }));
    const client = await connect("/v1/realtime?model=demo", bearer());
    const { id } = (await client.event("session.created"))["session"] as { id: string };
    for (let minute = 0; minute < 3; minute += 1) await pass(id, 60_000);
    expect(await keysOf(id)).toContain("asleep");
    await evict(id);
    client.close(code);
    expect((await client.closed).code).toBe(code);
    await vi.waitFor(async () => expect(await keysOf(id)).toEqual([]));
    vi.unstubAllGlobals();
  });

  test("[O42] with 1001 is waited for all the same", async () => {
    vi.stubGlobal("fetch", async () => new Response(null, { status: 503 }));
    const client = await connect("/v1/realtime?model=demo", bearer());
    const { id } = (await client.event("session.created"))["session"] as { id: string };
    for (let minute = 0; minute < 3; minute += 1) await pass(id, 60_000);
    await evict(id);
    client.close(1001);
    await client.closed;
    expect(await stateOf(id)).toMatchObject({ status: "waiting" });
    vi.unstubAllGlobals();
  });
});
