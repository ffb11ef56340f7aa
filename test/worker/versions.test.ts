import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { encodeArrival, SETUP_HEADER } from "../../durable-objects/call-setup.ts";
import { DuplexClient } from "./duplex-client.ts";
import { evict, inObject, pass } from "./object.ts";
import { ClientSocket } from "./socket.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] }));
afterEach(() => void vi.useRealTimers());

/** By literals: what these doors say does not change with today's code. */
const FORMER = {
  call: {
    id: "former",
    model: "echo",
    intent: "conversation",
    session: { instructions: "Be brief." },
    keyId: "first",
    secret: null,
    leased: false,
    token: { jti: "t1", exp: 4_000_000_000 },
  },
  keyId: "first",
  resume: null,
  secret: null,
  dialect: "duplex.v1",
  protocol: "duplex.v1",
  ticket: null,
};
/** With the fewest members that a door of any version says. */
const LEAST = {
  call: { id: "least", model: "echo", intent: "conversation", session: {}, keyId: "first" },
  keyId: "first",
  dialect: "realtime",
};
const TO_COME = {
  ...FORMER,
  version: 99,
  region: "moon",
  call: { ...FORMER.call, storage: { audio: "elsewhere" } },
};

const newObject = () => env.VOICE_SESSION.get(env.VOICE_SESSION.newUniqueId());

function says(arrival: object, header: string): RequestInit {
  const value = new TextEncoder().encode(JSON.stringify(arrival)).toBase64({ alphabet: "base64url" });
  return { headers: { Upgrade: "websocket", [header]: value } };
}

describe("doors and objects of different versions", () => {
  test.each([
    ["the release before", FORMER, "x-relay-setup"],
    ["the release before, of the fewest words", LEAST, "x-relay-setup"],
    ["a release to come", TO_COME, "x-relay-secret-setup"],
  ])("[O50] an object takes a client from a door of %s", async (_, arrival, header) => {
    const response = await newObject().fetch("https://session/connect", says(arrival, header));
    if (response.webSocket === null) throw new Error(`refused with ${response.status}`);
    const client = new ClientSocket(response.webSocket, null);
    const { session } = await client.event("session.created");
    expect(session).toMatchObject({ id: `sess_${arrival.call.id}`, model: "echo" });
    client.close(1000);
    await client.closed;
  });

  test.each(["", "?", btoa("null"), btoa("{}"), btoa('{"dialect":"morse"}')])(
    "[O50] an object refuses %j in place of the header",
    async (value) => {
      const headers = { Upgrade: "websocket", [SETUP_HEADER]: value };
      const response = await newObject().fetch("https://session/connect", { headers });
      expect([response.status, await response.json()]).toEqual([503, { refusal: "session_unavailable" }]);
    },
  );

  test("[O50] a door says at least what one of the release before did, in a header whose name logs mask", () => {
    const header = encodeArrival({ ...FORMER, call: null, dialect: "realtime" });
    const text = new TextDecoder().decode(Uint8Array.fromBase64(header, { alphabet: "base64url" }));
    expect(JSON.parse(text)).toEqual({ ...FORMER, call: null, dialect: "realtime", version: 2 });
    // workerd, trace.c++: a header whose name has one of these is masked.
    expect(SETUP_HEADER).toMatch(/auth|key|secret|token|jwt/);
  });

  test("[O50] every method that a door of the release before calls is there", async () => {
    const stub = newObject();
    await stub.prepare("ticket", "{}");
    expect(await stub.state("first")).toBeNull();
    expect([await stub.alive("first"), await stub.vacantSince("first")]).toEqual([false, null]);
    expect([await stub.yieldPlace("first"), await stub.terminate("first")]).toEqual([false, false]);
    expect(await stub.prewarm(JSON.stringify(LEAST.call))).toBe(true);
    expect(await stub.terminate("first")).toBe(true);
  });

  test("[O50] an object goes on with a call that another release stored with fewer or more members", async () => {
    const client = await DuplexClient.open("echo");
    await pass(client.id, 1000);
    await inObject(client.id, async (storage) => {
      const { leased: _, secret: __, ...call } = storage.kv.get<Record<string, unknown>>("call") ?? {};
      storage.kv.put("call", { ...call, region: "moon" });
      await storage.sync();
    });
    await evict(client.id, { webSockets: "close" });
    expect((await client.resume()).verdict).toBe("resumed");
    await client.hangUp();
  });
});
