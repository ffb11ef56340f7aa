import { runDurableObjectAlarm } from "cloudflare:test";
import { anything, assert, property } from "fast-check";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { readCallSetup } from "../../durable-objects/call-setup.ts";
import type { CallStorage } from "../../durable-objects/call-storage.ts";
import { SealKey } from "../../durable-objects/seal-key.ts";
import { SealedStorage } from "../../durable-objects/sealed-storage.ts";
import { fromBytes, toBytes } from "../../durable-objects/value-bytes.ts";
import relayConfig from "../../relay.config.ts";
import { bearer, call, createSession, post, problemOf } from "./doors.ts";
import { DUPLEX, DuplexClient, FRAME, resumePath, resumeRefused, sounds } from "./duplex-client.ts";
import { evict, inObject, keysOf, objectOf, pass, stateOf } from "./object.ts";
import { connect, turnedAway, upgrade } from "./socket.ts";

// As in voice-session.test.ts: tests say when time passes.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  Object.assign(relayConfig.routes["echo"] ?? {}, { sealed: true });
});
afterEach(() => {
  Object.assign(relayConfig.routes["echo"] ?? {}, { sealed: false, storage: "audio" });
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const SECRET = "the words of a caller";

/** A call in which both sides spoke and something was configured. */
async function talked(): Promise<DuplexClient> {
  const client = await DuplexClient.open("echo", { instructions: SECRET });
  client.speak(1, 40);
  await client.hear(30 * FRAME);
  await settle(client.id);
  await client.acknowledgement(40);
  return client;
}

/** Sealing takes a few turns of its own. */
async function settle(id: string): Promise<void> {
  for (let second = 0; second < 8; second += 1) {
    await pass(id, 500);
    await inObject(id, async () => {
      await crypto.subtle.digest("SHA-256", new Uint8Array(1));
    });
  }
}

/** All that is stored, as bytes: texts in both of the forms that they may have. */
const storedBytes = (id: string): Promise<string> =>
  inObject(id, (storage) => {
    const parts: string[] = [];
    const latin = new TextDecoder("latin1");
    const walk = (node: unknown): void => {
      if (typeof node === "string") parts.push(node);
      else if (ArrayBuffer.isView(node))
        parts.push(latin.decode(new Uint8Array(node.buffer, node.byteOffset, node.byteLength)));
      else if (typeof node === "object" && node !== null)
        for (const [name, each] of Object.entries(node)) {
          parts.push(name);
          walk(each);
        }
    };
    walk(Array.from(storage.kv.list()));
    return parts.join("\n");
  });

const die = (client: { readonly id: string }) => evict(client.id, { webSockets: "close" });

describe("a sealed session", () => {
  test("[O65] stores no word, no sample and no token that can be read", async () => {
    const client = await talked();
    const keys = await keysOf(client.id);
    expect(keys).toContain("moment");
    expect(keys).toContain("call");
    const bytes = await storedBytes(client.id);
    const sample = new TextDecoder("latin1").decode(sounds(20, 20).subarray(100, 132));
    for (const said of [SECRET, sample, client.token, "delivery", "outbox"])
      expect(bytes).not.toContain(said);
    // Which they are without it.
    Object.assign(relayConfig.routes["echo"] ?? {}, { sealed: false });
    const open = await talked();
    const clear = await storedBytes(open.id);
    for (const said of [SECRET, sample, open.token, "delivery", "outbox"]) expect(clear).toContain(said);
    await client.hangUp();
    await open.hangUp();
  });

  test("[O65] goes on after its object died, for who has its resume token, and after another death", async () => {
    const client = await talked();
    await die(client);
    expect((await client.resume()).verdict).toBe("resumed");
    expect(await stateOf(client.id)).toMatchObject({ status: "connected" });
    const heard = client.heard.byteLength;
    client.speak(41, 60);
    await client.hear(heard + 10 * FRAME);
    await settle(client.id);
    await client.acknowledgement(60);
    await die(client);
    const verdict = await client.resume(0);
    expect(["resumed", "partial"]).toContain(verdict.verdict);
    client.send({ type: "session.update", session: { type: "realtime", output_modalities: ["text"] } });
    expect((await client.event("session.updated"))["session"]).toMatchObject({ instructions: SECRET });
    await client.hangUp();
  });

  test("[R82] that cannot be built for a while is found when it can, and is its owner's to end meanwhile", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    const [client, other] = [await talked(), await talked()];
    const { echo } = relayConfig.routes;
    await die(client);
    await die(other);
    Object.assign(relayConfig.routes, { echo: { upstreams: ["nobody"] } });
    try {
      for (let time = 0; time < 3; time += 1)
        for (const { id, token } of [client, other])
          expect(await problemOf(await upgrade(resumePath(id, token), DUPLEX))).toEqual([
            503,
            "session_unavailable",
            null,
          ]);
      const ended = await call(`/v1/sessions/${other.id}`, { method: "DELETE", headers: bearer() });
      expect(ended.status).toBe(204);
      expect(await keysOf(other.id)).not.toContain("moment");
    } finally {
      Object.assign(relayConfig.routes, { echo });
    }
    expect((await client.resume()).verdict).toBe("resumed");
    await client.hangUp();
  });

  test("[O65] opens to no other token, to none that its client has used up, and to no API key", async () => {
    const client = await talked();
    const first = client.token;
    await die(client);
    await client.resume();
    client.speak(41, 50);
    await settle(client.id);
    await client.acknowledgement(50);
    await die(client);
    for (const token of [first, "rt_0123456789abcdefghijk", ""])
      expect(await resumeRefused(client.id, token)).toEqual([4003, "resume_refused"]);
    const owner = `/v1/realtime?session_id=${client.id}`;
    expect(await turnedAway(owner, bearer())).toEqual([4004, "session_not_found"]);
    const state = await call(`/v1/sessions/${client.id}`, { headers: bearer() });
    expect(await problemOf(state)).toEqual([404, "session_not_found", null]);
    expect((await client.resume()).verdict).toBe("resumed");
    await client.hangUp();
  });

  test("[O65] that nobody opens is its owner's to end, and is wiped by its alarm, and gives its place back", async () => {
    const few = bearer("key-few");
    const book = env.KEY_LEDGER?.get(env.KEY_LEDGER.idFromName("few"));
    const begin = async () => {
      const created = await post("/v1/sessions", { model: "echo" }, few);
      const { id, token } = await created.json<{ id: string; token: string }>();
      const protocols = { "Sec-WebSocket-Protocol": "duplex.v1", ...bearer(token) };
      const client = await connect(`/v1/sessions/${id}`, protocols);
      await client.event("session.created");
      await settle(id);
      await die({ id });
      return id;
    };
    const ended = await begin();
    expect(await book?.holders(9)).toEqual([ended]);
    expect((await call(`/v1/sessions/${ended}`, { method: "DELETE", headers: bearer() })).status).toBe(404);
    expect((await call(`/v1/sessions/${ended}`, { method: "DELETE", headers: few })).status).toBe(204);
    expect(await keysOf(ended)).toEqual(["used"]);
    await vi.waitFor(async () => expect(await book?.holders(9)).toEqual([]));
    const left = await begin();
    // Its client may have had no time yet when the first one rings.
    for (const kept of [true, false]) {
      vi.setSystemTime((await inObject(left, (storage) => storage.getAlarm())) ?? 0);
      await die({ id: left });
      expect(await runDurableObjectAlarm(objectOf(left))).toBe(true);
      expect((await keysOf(left)).includes("moment")).toBe(kept);
    }
    expect((await keysOf(left)).filter((key) => key !== "used")).toEqual([]);
    await vi.waitFor(async () => expect(await book?.holders(9)).toEqual([]));
  });

  test("[O65] with a plain client stores nothing, and ends with its object", async () => {
    const { id, url } = await createSession({ model: "echo", session: { instructions: SECRET } });
    const client = await connect(url);
    await client.event("session.created");
    await settle(id);
    expect(await keysOf(id)).toEqual(["fleeting", "used"]);
    await evict(id);
    client.send({ type: "input_audio_buffer.clear" });
    expect((await client.closed).code).toBe(1012);
  });

  test("[O65] of a plain client is stored from when a duplex.v1 client has taken its place", async () => {
    const first = await connect("/v1/realtime?model=echo", bearer());
    const { id } = (await first.event("session.created"))["session"] as { id: string };
    await settle(id);
    expect(await keysOf(id)).toEqual(["fleeting"]);
    const headers = { "Sec-WebSocket-Protocol": "duplex.v1", ...bearer() };
    const next = await connect(`/v1/realtime?session_id=${id}`, headers);
    const created = await next.event("session.created");
    const { resume_token } = (created["session"] as { relay: { resume_token: string } }).relay;
    await settle(id);
    expect(await keysOf(id)).toEqual(["call", "moment"]);
    await die({ id });
    const back = await connect(`/v1/sessions/${id}?resume_token=${resume_token}`, {
      "Sec-WebSocket-Protocol": "duplex.v1",
    });
    back.send({ type: "session.resume", resume_token, last_received: next.lastSequence });
    expect(await back.event("session.resumed")).toMatchObject({ verdict: "resumed" });
    back.close(1000, "end");
    await back.closed;
  });

  test("[O65] stays in memory though nothing happens, and leaves nothing behind", async () => {
    const client = await talked();
    client.send({
      type: "session.update",
      session: { type: "realtime", instructions: "Now something else." },
    });
    // Its last snapshot is on its way when all is wiped.
    client.socket.close(1000, "end");
    await client.socket.closed;
    await settle(client.id);
    expect(await keysOf(client.id)).toEqual(["used"]);
    const quiet = await talked();
    for (let n = 0; n < 20; n += 1) {
      quiet.send({ type: "session.heartbeat" });
      await pass(quiet.id, 3000);
    }
    expect(await keysOf(quiet.id)).not.toContain("asleep");
    expect(await stateOf(quiet.id)).toMatchObject({ status: "connected" });
    await quiet.hangUp();
  });

  test("[O65] keeps no configuration that its token does not hold, and pre-warmed none", async () => {
    const long = { instructions: crypto.getRandomValues(new Uint8Array(6000)).toHex() };
    for (const [door, body] of [
      ["/v1/sessions", { model: "echo", session: long }],
      ["/v1/realtime/client_secrets", { session: { ...long, model: "echo" } }],
    ] as const) {
      expect(await problemOf(await post(door, body))).toEqual([413, "session_too_large", "session"]);
    }
    const { id } = await createSession({ model: "echo", prewarm: true, location_hint: "weur" });
    expect(await keysOf(id)).toEqual([]);
  });
});

describe("what seals", () => {
  test("[O65] a value is the same after it was bytes, whatever it is", () => {
    const held = anything({ withBigInt: true, withTypedArray: true, withNullPrototype: false });
    const ours = (node: unknown): boolean => {
      if (ArrayBuffer.isView(node))
        return /^(Uint8|Int16|Uint16|Int32|Float32|Float64)Array$/.test(node.constructor.name);
      return typeof node !== "object" || node === null || Object.values(node).every(ours);
    };
    assert(
      property(held, (value) => {
        if (!ours(value)) return;
        expect(fromBytes(toBytes(value).slice())).toStrictEqual(structuredClone(value));
      }),
    );
    for (const value of [
      "\ud800 broken",
      "wide 語",
      "x".repeat(100_000),
      -Infinity,
      Number.NaN,
      -0,
      [undefined],
    ])
      expect(fromBytes(toBytes(value).slice())).toStrictEqual(value);
    for (const other of [new Date(), new Map(), () => 1, Symbol("s")])
      expect(() => toBytes(other)).toThrow("holds");
    const bytes = toBytes({ a: [1, "two", new Uint8Array(3)] }).slice();
    for (let length = 0; length < bytes.length; length += 1)
      expect(() => fromBytes(bytes.slice(0, length))).toThrow();
  });

  test("[O65] what is on its way to the disk when all is wiped does not arrive", async () => {
    const rows = new Map<string, unknown>();
    const inner = {
      kv: { get: (name: string) => rows.get(name), list: () => rows },
      put: async (entries: object) => Object.entries(entries).forEach(([name, row]) => rows.set(name, row)),
      deleteAll: async () => rows.clear(),
    } as unknown as CallStorage;
    const storage = new SealedStorage(inner);
    const call = { id: "a", model: "echo", intent: "conversation", session: {}, keyId: "k" } as const;
    storage.seal(readCallSetup(call), ["rt_a"], 0);
    const save = () => storage.put({ moment: { said: SECRET } }, { allowUnconfirmed: true });
    await save();
    expect([...rows.keys()]).toEqual(["moment"]);
    const late = save();
    await storage.deleteAll();
    await expect(late).rejects.toThrow("wiped");
    expect([...rows.keys()]).toEqual([]);
  });

  test("[O65] a value that was changed, or lies under another name, is not opened", async () => {
    const key = await SealKey.draw();
    const sealed = await key.seal(new Uint8Array([1, 2, 3]), "crate:1");
    expect([...(await key.open(sealed, "crate:1"))]).toEqual([1, 2, 3]);
    await expect(key.open(sealed, "crate:2")).rejects.toThrow("cannot be opened");
    const changed = { ...sealed, sealed: sealed.sealed.map((byte, n) => (n === 0 ? byte ^ 1 : byte)) };
    await expect(key.open(changed, "crate:1")).rejects.toThrow("cannot be opened");
    const wraps = await key.wraps(["rt_a", "rt_b"]);
    expect(await SealKey.from("rt_c", wraps)).toBeNull();
    const again = await SealKey.from("rt_b", wraps);
    expect([...((await again?.open(sealed, "crate:1")) ?? [])]).toEqual([1, 2, 3]);
    // A token that is worth nothing any more makes no key.
    expect(await SealKey.from("rt_a", await key.wraps(["rt_b"]))).toBeNull();
  });
});
