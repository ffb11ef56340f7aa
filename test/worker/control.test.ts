/** The application's own connections through the door and the object, beside a client, over real sockets. */
import { runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { bearer, call, createSession, OTHER_KEY, post, problemOf } from "./doors.ts";
import { DuplexClient } from "./duplex-client.ts";
import { evict, keysOf, objectOf, pass, stateOf } from "./object.ts";
import { type ClientSocket, connect, upgrade } from "./socket.ts";

// As in voice-session.test.ts: tests say what time it is in the object.
beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] }));
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const OPERATOR = "key-operator";

function observe(id: string, query = "", key?: string): Promise<ClientSocket> {
  return connect(`/v1/sessions/${id}/control${query}`, bearer(key));
}

async function plain(): Promise<{ readonly id: string; readonly client: ClientSocket }> {
  const client = await connect("/v1/realtime?model=echo", bearer());
  const { id } = (await client.event("session.created"))["session"] as { id: string };
  return { id, client };
}

async function gone(client: ClientSocket): Promise<void> {
  client.close(1000);
  await client.closed;
}

const hello = (text: string) => ({
  type: "conversation.item.create",
  item: { type: "message", role: "user", content: [{ type: "input_text", text }] },
});

describe("the control door", () => {
  test("[N30] lets in the key of the session's owner and an operator's, and nobody else", async () => {
    const { id, client } = await plain();
    const at = `/v1/sessions/${id}/control`;
    for (const key of [undefined, OPERATOR]) {
      const observer = await observe(id, "", key);
      expect((await observer.event("session.created"))["session"]).toMatchObject({ id, model: "echo" });
      await gone(observer);
    }
    expect(await problemOf(await upgrade(at, bearer(OTHER_KEY)))).toEqual([404, "session_not_found", null]);
    expect(await problemOf(await upgrade(at))).toEqual([401, "invalid_credentials", null]);
    const secret = await (await post("/v1/realtime/client_secrets", {})).json<{ value: string }>();
    expect(await problemOf(await upgrade(at, bearer(secret.value)))).toEqual([
      401,
      "invalid_credentials",
      null,
    ]);
    const { token } = await createSession();
    expect(await problemOf(await upgrade(at, bearer(token)))).toEqual([401, "invalid_credentials", null]);
    expect(await problemOf(await call(at, { headers: bearer() }))).toEqual([426, "upgrade_required", null]);
    expect(await problemOf(await upgrade(`${at}?audio=yes`, bearer()))).toEqual([
      400,
      "invalid_value",
      "audio",
    ]);
    expect(await problemOf(await upgrade(`${at}?audio=true`, bearer(OPERATOR)))).toEqual([
      403,
      "key_refused",
      null,
    ]);
    expect((await stateOf(id))["status"]).toBe("connected");
    await gone(client);
    await vi.waitFor(async () =>
      expect(await problemOf(await upgrade(at, bearer()))).toEqual([
        expect.any(Number),
        expect.stringMatching(/session_(?:ended|not_found)/),
        null,
      ]),
    );
  });

  test("[N30] a session that nobody has opened yet has nothing to observe, and its token still opens it", async () => {
    const { id, url } = await createSession();
    expect(await problemOf(await upgrade(`/v1/sessions/${id}/control`, bearer()))).toEqual([
      404,
      "session_not_found",
      null,
    ]);
    const client = await connect(url);
    await client.event("session.created");
    await gone(client);
  });

  test("[N30] a subprotocol that holds a key is not echoed", async () => {
    const { id, client } = await plain();
    const offered = "realtime, openai-insecure-api-key.key-one";
    const observer = await connect(`/v1/sessions/${id}/control`, { "Sec-WebSocket-Protocol": offered });
    expect(observer.protocol).toBe("realtime");
    await gone(observer);
    await gone(client);
  });
});

describe("observers beside a client", () => {
  test("[N31] [N34] [N35] two of them see the call, change it and end it", async () => {
    const client = await DuplexClient.open("echo");
    const [one, two] = [await observe(client.id), await observe(client.id, "?audio=true")];
    await one.event("session.created");
    client.send(hello("Hello."));
    for (const each of [one, two]) {
      const added = await each.event("conversation.item.added");
      expect(added).toMatchObject({ item: { role: "user" } });
      expect(added).not.toHaveProperty("server_event_seq");
    }
    one.send({ type: "session.update", session: { instructions: "Be brief." } });
    for (const each of [client.socket, two])
      expect((await each.event("session.updated"))["session"]).toMatchObject({ instructions: "Be brief." });
    client.speak(1, 3);
    const heard = await two.event("relay.input_audio.delta");
    expect(Uint8Array.fromBase64(String(heard["delta"])).byteLength).toBeGreaterThan(0);
    two.send({ type: "input_audio_buffer.commit", event_id: "no" });
    expect(await two.event("error")).toMatchObject({ error: { event_id: "no" } });
    one.send({ type: "relay.end" });
    for (const each of [client.socket, one, two]) expect((await each.closed).code).toBe(1000);
    await vi.waitFor(async () => expect(await keysOf(client.id)).toEqual(["used"]));
  });

  test("[N33] one that dies, and one that ends, are not noticed by the call", async () => {
    const client = await DuplexClient.open("echo");
    const observer = await observe(client.id);
    await observer.event("session.created");
    observer.close(3999);
    await observer.closed;
    client.send(hello("Hello."));
    await client.event("conversation.item.done");
    expect(await stateOf(client.id)).toMatchObject({ status: "connected" });
    await client.hangUp();
  });

  test("[N33] the client comes back by its token, with its own numbers, and the observer stays", async () => {
    const client = await DuplexClient.open("echo");
    const observer = await observe(client.id);
    client.send(hello("One."));
    await client.event("conversation.item.done");
    client.socket.close(3000);
    await client.socket.closed;
    observer.send(hello("Two, while nobody is there."));
    await observer.event("conversation.item.done");
    expect((await client.resume()).verdict).toBe("resumed");
    await client.event("conversation.item.done");
    const { numbers } = client;
    expect(numbers).toEqual([...new Set(numbers)]);
    client.send(hello("Three."));
    await observer.event("conversation.item.done");
    await client.hangUp();
    await gone(observer);
  });

  test("[N38] they are told apart after hibernation: who is the client, who sees, who hears", async () => {
    // Upstreams that refuse every dial let a session come to rest.
    vi.stubGlobal("fetch", async () => new Response(null, { status: 503 }));
    const client = await connect("/v1/realtime?model=demo", bearer());
    const { id } = (await client.event("session.created"))["session"] as { id: string };
    const [sees, hears] = [await observe(id), await observe(id, "?audio=true")];
    await sees.event("session.created");
    await hears.event("session.created");
    for (let minute = 0; minute < 3; minute += 1) await pass(id, 60_000);
    expect(await keysOf(id)).toContain("asleep");
    await evict(id, { webSockets: "hibernate" });
    // An observer's word wakes it.
    sees.send({ type: "session.update", session: { instructions: "Awake." } });
    for (const each of [client, sees, hears]) {
      await pass(id, 2000);
      expect((await each.event("session.updated"))["session"]).toMatchObject({ instructions: "Awake." });
    }
    client.send({ type: "input_audio_buffer.append", audio: new Uint8Array(960).toBase64() });
    client.send(hello("Still the client."));
    expect(await hears.event("relay.input_audio.delta")).toMatchObject({ type: "relay.input_audio.delta" });
    let told = await sees.next();
    while (!(told instanceof Uint8Array) && told.type !== "conversation.item.done") {
      expect(told.type).not.toBe("relay.input_audio.delta");
      told = await sees.next();
    }
    const third = await observe(id);
    await third.event("conversation.item.done");
    const sockets = await runInDurableObject(objectOf(id), (_, state) => state.getWebSockets().length);
    expect(sockets).toBe(4);
    await call(`/v1/sessions/${id}`, { method: "DELETE", headers: bearer() });
    for (const each of [client, sees, hears, third]) expect((await each.closed).code).toBe(1000);
  });

  test("[N38] one that outlives a crash is put out with 1012, and may come again while the client is waited for", async () => {
    const client = await DuplexClient.open("echo");
    const observer = await observe(client.id);
    client.send(hello("One."));
    await client.event("conversation.item.done");
    await pass(client.id, 2000);
    await evict(client.id, { webSockets: "hibernate" });
    await stateOf(client.id);
    expect((await observer.closed).code).toBe(1012);
    const again = await observe(client.id);
    await again.event("conversation.item.done");
    again.send({ type: "response.create", event_id: "early" });
    expect(await again.event("error")).toMatchObject({ error: { code: "session_waiting" } });
    expect((await client.resume()).verdict).toBe("resumed");
    again.send(hello("Two."));
    await client.event("conversation.item.done");
    await client.hangUp();
  });
});
