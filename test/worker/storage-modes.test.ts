import { runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import relayConfig from "../../relay.config.ts";
import type { StorageMode } from "../../src/session/state/plan.ts";
import { createSession } from "./doors.ts";
import { DuplexClient, FRAME, resumeRefused } from "./duplex-client.ts";
import { evict, inObject, keysOf, objectOf, pass, stateOf } from "./object.ts";
import { connect } from "./socket.ts";

// As in voice-session.test.ts: tests say when time passes.
beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] }));
afterEach(() => {
  storing("audio");
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** What sessions of the route `echo` store from now on. */
function storing(mode: StorageMode): void {
  Object.assign(relayConfig.routes["echo"] ?? {}, { storage: mode });
}

const SECRET = "the words of a caller";

/** A call in which both sides spoke and something was configured. */
async function talked(): Promise<DuplexClient> {
  const client = await DuplexClient.open("echo", { instructions: SECRET });
  client.speak(1, 40);
  await client.hear(30 * FRAME);
  await pass(client.id, 4000);
  await client.acknowledgement(40);
  return client;
}

const storedText = (id: string): Promise<string> =>
  inObject(id, (storage) => JSON.stringify(Array.from(storage.kv.list())));

/** Every stored byte that no zero is, in views. */
const soundingBytes = (id: string): Promise<number> =>
  inObject(id, (storage) => {
    const count = (node: unknown): number => {
      if (ArrayBuffer.isView(node)) {
        return new Uint8Array(node.buffer, node.byteOffset, node.byteLength).filter((byte) => byte !== 0)
          .length;
      }
      if (typeof node !== "object" || node === null) return 0;
      return Object.values(node).reduce<number>((sum, each) => sum + count(each), 0);
    };
    return count(Array.from(storage.kv.list()));
  });

describe("storage: none", () => {
  test("[O61] nothing of a call is stored, and its input is acknowledged all the same", async () => {
    storing("none");
    const client = await talked();
    expect(await keysOf(client.id)).toEqual(["fleeting", "used"]);
    expect(await storedText(client.id)).not.toContain(SECRET);
    expect(await soundingBytes(client.id)).toBe(0);
    expect(await inObject(client.id, (storage) => storage.sql.databaseSize)).toBeLessThan(50_000);
    await client.hangUp();
  });

  test("[O61] the session ends with its object: 1012, a resume is refused, and all but the used token is wiped", async () => {
    storing("none");
    const client = await talked();
    await evict(client.id);
    client.send({ type: "input_audio_buffer.clear" });
    expect((await client.socket.closed).code).toBe(1012);
    expect(await resumeRefused(client.id, client.token)).toEqual([4004, "session_not_found"]);
    expect(await keysOf(client.id)).toEqual(["used"]);
  });

  test("[O61] it stays in memory though nothing happens, and its alarm wipes what a dead one left", async () => {
    storing("none");
    const { id, url } = await createSession({ model: "echo" });
    const client = await connect(url);
    await client.event("session.created");
    await pass(id, 60_000);
    expect(await keysOf(id)).toEqual(["fleeting", "used"]);
    expect(await stateOf(id)).toMatchObject({ status: "connected" });
    vi.setSystemTime((await inObject(id, (storage) => storage.getAlarm())) ?? 0);
    await evict(id, { webSockets: "close" });
    expect(await runDurableObjectAlarm(objectOf(id))).toBe(true);
    expect(await keysOf(id)).toEqual(["used"]);
  });

  test("[O61] what the route stored before is gone with the first mark", async () => {
    const client = await talked();
    expect(await soundingBytes(client.id)).toBeGreaterThan(1000);
    storing("none");
    await evict(client.id, { webSockets: "close" });
    await client.resume();
    await pass(client.id, 4000);
    expect(await keysOf(client.id)).toEqual(["fleeting", "used"]);
    await client.hangUp();
  });

  test("[O61] a pre-warmed one stores nothing before its client comes", async () => {
    storing("none");
    const { id, url } = await createSession({ model: "echo", prewarm: true, location_hint: "weur" });
    expect(await keysOf(id)).toEqual([]);
    await evict(id);
    const client = await connect(url);
    await client.event("session.created");
    client.close(1000);
    await client.closed;
  });
});

describe("storage: text", () => {
  test("[O62] no sample of either side is stored, and the text is", async () => {
    storing("text");
    const client = await talked();
    expect(await storedText(client.id)).toContain(SECRET);
    expect(await soundingBytes(client.id)).toBe(0);
    await client.hangUp();
  });

  test("[O62] a client that comes back to the object built again is told what of the sound cannot be sent again", async () => {
    storing("text");
    const client = await talked();
    const heard = client.heard.byteLength;
    await evict(client.id, { webSockets: "close" });
    const verdict = await client.resume(0);
    expect(verdict.verdict).toBe("partial");
    const missing = verdict.missing?.ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0) ?? 0;
    expect(missing).toBeGreaterThan(25);
    expect(client.heard.byteLength).toBe(heard);
    client.speak(41, 60);
    await client.hear(heard + 10 * FRAME);
    await client.hangUp();
  });

  test("[O62] one that has heard all of it goes on, and nothing is missing", async () => {
    storing("text");
    const client = await talked();
    client.send({ type: "session.ack", last_received: client.lastReceived });
    await pass(client.id, 4000);
    await evict(client.id, { webSockets: "close" });
    expect((await client.resume()).verdict).toBe("resumed");
    await client.hangUp();
  });
});
