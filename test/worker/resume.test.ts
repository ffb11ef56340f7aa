import {
  evictDurableObject,
  listDurableObjectIds,
  runDurableObjectAlarm,
  runInDurableObject,
} from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { bearer, call, createSession, problemOf } from "./doors.ts";
import { DuplexClient, resumePath, sound, sounds } from "./duplex-client.ts";
import { connect, upgrade } from "./socket.ts";
import { type DialledUpstream, type ProviderSocket, stubUpstreams } from "./upstream.ts";

const DUPLEX = { "Sec-WebSocket-Protocol": "duplex.v1" };

// As in voice-session.test.ts: tests say when a snapshot is taken.
beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] }));

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

function objectOf(id: string) {
  return env.VOICE_SESSION.get(env.VOICE_SESSION.idFromName(id));
}

function inObject<T>(id: string, run: (storage: DurableObjectStorage) => T | Promise<T>): Promise<T> {
  return runInDurableObject(objectOf(id), (_, state) => run(state.storage));
}

/** Lets the object's timers run, and its writes reach the disk. */
function pass(id: string, ms: number): Promise<void> {
  return inObject(id, async (storage) => {
    await vi.advanceTimersByTimeAsync(ms);
    await storage.sync();
    // A turn of the event loop, in which the object hears of it.
    await storage.getAlarm();
    await vi.advanceTimersByTimeAsync(0);
  });
}

async function crash(client: DuplexClient): Promise<void> {
  await evictDurableObject(objectOf(client.id), { webSockets: "close" });
  await client.socket.closed;
}

/** As `crash`, where an outgoing socket is open: eviction would wait for it. */
async function abort(client: DuplexClient): Promise<void> {
  const aborted = runInDurableObject(objectOf(client.id), (_, state) => state.abort("a crash"));
  await expect(aborted).rejects.toThrow("a crash");
  await client.socket.closed;
}

async function stateOf(id: string): Promise<Record<string, unknown>> {
  return (await call(`/v1/sessions/${id}`, { headers: bearer() })).json();
}

function keysOf(id: string): Promise<string[]> {
  return inObject(id, (storage) => Array.from(storage.kv.list(), ([key]) => key));
}

function refusalOf(id: string, token: string, headers: Record<string, string> = DUPLEX) {
  return upgrade(resumePath(id, token), headers).then(problemOf);
}

function speak(client: DuplexClient, from: number, to: number): void {
  for (let n = from; n <= to; n += 1) client.speak(n, sound(n));
}

const FRAME = sound(0).byteLength;

describe("a client whose socket was dropped", () => {
  test("[H25] comes back by its resume token alone, and hears every message once", async () => {
    const client = await DuplexClient.open("echo");
    speak(client, 1, 20);
    await client.hear(12 * FRAME);
    const dropped = client.socket;
    dropped.close(1001);
    await dropped.closed;
    const verdict = await client.resume();
    expect(verdict).toMatchObject({ verdict: "resumed", last_received: 20 });
    expect(verdict.replayed).toBeGreaterThan(0);
    speak(client, 15, 40);
    await client.hear(40 * FRAME);
    expect(client.heard).toEqual(sounds(1, 40));
    const { numbers } = client;
    expect(numbers).toEqual(Array.from(numbers, (_, at) => at + 1));
    expect(await stateOf(client.id)).toMatchObject({ status: "connected" });
    await client.hangUp();
  });

  test("[O2] or is half open: the connection that resumes puts it out with 4001", async () => {
    const client = await DuplexClient.open("echo");
    const former = client.socket;
    expect((await client.resume()).verdict).toBe("resumed");
    expect(await former.closed).toEqual({ code: 4001, reason: "another connection took over" });
    speak(client, 1, 3);
    await client.hear(3 * FRAME);
    expect(client.heard).toEqual(sounds(1, 3));
    await client.hangUp();
  });
});

describe("an object that died", () => {
  test("[O17] in mid-sentence takes the client back: what was acknowledged is kept, the rest is sent again", async () => {
    const client = await DuplexClient.open("echo");
    speak(client, 1, 20);
    await client.hear(20 * FRAME);
    await pass(client.id, 1000);
    await client.acknowledgement(20);
    speak(client, 21, 30);
    await client.hear(30 * FRAME);
    const last = client.lastReceived;
    await crash(client);
    const verdict = await client.resume();
    // The relay can not know what it sent after its last snapshot, and says so.
    expect(verdict).toMatchObject({ verdict: "partial", last_received: 20 });
    expect(verdict.missing?.ranges[0]?.[0]).toBe(last + 1);
    const before = client.heard.byteLength;
    speak(client, 21, 40);
    await pass(client.id, 1000);
    await client.hear(before + 20 * FRAME);
    expect(client.heard.subarray(before)).toEqual(sounds(21, 40));
    expect(Math.min(...client.numbers.filter((number) => number > last))).toBeGreaterThan(last);
    await client.acknowledgement(40);
    await client.hangUp();
  });

  test("[O15] had acknowledged nothing that its snapshot did not hold", async () => {
    const client = await DuplexClient.open("echo");
    speak(client, 1, 10);
    await client.hear(10 * FRAME);
    await inObject(client.id, () => vi.advanceTimersByTimeAsync(999));
    expect(client.acknowledged).toBe(0);
    await crash(client);
    const verdict = await client.resume();
    expect(verdict.last_received).toBeLessThanOrEqual(10);
    expect(client.acknowledged).toBeLessThanOrEqual(verdict.last_received);
    await client.hangUp();
  });

  test("[O17] in mid-answer ends that answer, dials again, and answers the next turn", async () => {
    const upstreams = stubUpstreams();
    const client = await DuplexClient.open("demo", { audio: { input: { turn_detection: null } } });
    const first = await greet(client, await upstreams.next());
    client.send({ type: "response.create" });
    const asked = await client.event("response.created");
    await inObject(client.id, () => answer(first, "first", sounds(1, 5), false));
    await client.hear(5 * FRAME);
    await pass(client.id, 1000);
    await abort(client);
    const again = stubUpstreams();
    expect((await client.resume()).verdict).toBe("partial");
    await pass(client.id, 2000);
    const done = await client.event("response.done");
    expect(responseOf(done)).toMatchObject({ id: responseOf(asked)["id"], status: "failed" });
    const second = await greet(client, await again.next());
    client.send({ type: "response.create" });
    await inObject(client.id, () => answer(second, "second", sounds(6, 9), true));
    await client.hear(9 * FRAME);
    expect(client.heard).toEqual(sounds(1, 9));
    expect(responseOf(await client.event("response.done"))).toMatchObject({ status: "completed" });
    await client.hangUp();
  });

  test("[O17] shows its state, and can be ended, and is then unknown to whoever resumes", async () => {
    const client = await DuplexClient.open("echo");
    speak(client, 1, 5);
    await client.hear(5 * FRAME);
    await pass(client.id, 1000);
    await crash(client);
    expect(await stateOf(client.id)).toMatchObject({ status: "waiting", audio: { received_ms: 100 } });
    const ended = await call(`/v1/sessions/${client.id}`, { method: "DELETE", headers: bearer() });
    expect(ended.status).toBe(204);
    expect(await refusalOf(client.id, client.token)).toEqual([404, "session_not_found", null]);
    expect(await keysOf(client.id)).toEqual(["used"]);
  });

  test("[O17] more than once takes the client back each time", async () => {
    const client = await DuplexClient.open("echo");
    for (let time = 0; time < 3; time += 1) {
      await pass(client.id, 1000);
      await crash(client);
      expect(["resumed", "partial"]).toContain((await client.resume()).verdict);
    }
    await client.hangUp();
  });
});

describe("an object that slept", () => {
  /** Upstreams that refuse every dial let a session come to rest. */
  async function sleeping(): Promise<DuplexClient> {
    vi.stubGlobal("fetch", async () => new Response(null, { status: 503 }));
    const client = await DuplexClient.open("demo");
    for (let minute = 0; minute < 3; minute += 1) await pass(client.id, 60_000);
    expect(await keysOf(client.id)).toContain("asleep");
    return client;
  }

  test("[O16] goes on with the very next number", async () => {
    const client = await sleeping();
    await evictDurableObject(objectOf(client.id));
    client.send({ type: "input_audio_buffer.clear" });
    await client.event("input_audio_buffer.cleared");
    expect(client.numbers).toEqual(Array.from(client.numbers, (_, at) => at + 1));
    expect(await keysOf(client.id)).not.toContain("asleep");
    await client.hangUp();
  });

  test("[O16] and died after it was woken keeps clear of the numbers it may have given", async () => {
    const client = await sleeping();
    client.send({ type: "input_audio_buffer.clear" });
    await client.event("input_audio_buffer.cleared");
    const last = client.lastReceived;
    await evictDurableObject(objectOf(client.id));
    client.send({ type: "input_audio_buffer.clear" });
    await client.event("input_audio_buffer.cleared");
    expect(client.lastReceived).toBeGreaterThan(last + 1);
    await client.hangUp();
  });
});

describe("an object that nobody comes back to", () => {
  test("[O18] wakes once after the client's time is over, and leaves nothing behind", async () => {
    const client = await DuplexClient.open("echo");
    await pass(client.id, 1000);
    const alarmAt = await inObject(client.id, (storage) => storage.getAlarm());
    expect(alarmAt).toBeGreaterThanOrEqual(Date.now() + 60_000);
    expect(alarmAt).toBeLessThanOrEqual(Date.now() + 120_000);
    await crash(client);
    vi.setSystemTime(alarmAt ?? 0);
    expect(await runDurableObjectAlarm(objectOf(client.id))).toBe(true);
    expect(await keysOf(client.id)).toEqual([]);
    expect(await refusalOf(client.id, client.token)).toEqual([404, "session_not_found", null]);
  });

  test("[O18] in its first moment does not stay either", async () => {
    const { id } = await createSession({ model: "echo", prewarm: true });
    const alarmAt = await inObject(id, (storage) => storage.getAlarm());
    expect(alarmAt).not.toBeNull();
    await evictDurableObject(objectOf(id));
    vi.setSystemTime(alarmAt ?? 0);
    expect(await runDurableObjectAlarm(objectOf(id))).toBe(true);
    expect((await keysOf(id)).filter((key) => key !== "used")).toEqual([]);
  });

  test("[O18] but is left alone while its client is there", async () => {
    const client = await DuplexClient.open("echo");
    await pass(client.id, 1000);
    vi.setSystemTime(Date.now() + 120_000);
    expect(await runDurableObjectAlarm(objectOf(client.id))).toBe(true);
    expect(await inObject(client.id, (storage) => storage.getAlarm())).toBeGreaterThan(Date.now());
    speak(client, 1, 2);
    await client.hear(2 * FRAME);
    await client.hangUp();
  });

  test("[O18] or was taken back meanwhile", async () => {
    const client = await DuplexClient.open("echo");
    await pass(client.id, 1000);
    await crash(client);
    vi.setSystemTime(Date.now() + 70_000);
    await client.resume();
    expect(await runDurableObjectAlarm(objectOf(client.id))).toBe(true);
    expect(await stateOf(client.id)).toMatchObject({ status: "connected" });
    await client.hangUp();
  });
});

describe("a resume token", () => {
  test("[H26] is good once; the one before the last is refused, and the session goes on", async () => {
    const client = await DuplexClient.open("echo");
    const spent: string[] = [];
    for (let time = 0; time < 2; time += 1) {
      spent.push(client.token);
      await client.resume();
    }
    expect(new Set([...spent, client.token]).size).toBe(3);
    expect(await refusalOf(client.id, spent[0] ?? "")).toEqual([409, "resume_refused", null]);
    speak(client, 1, 2);
    await client.hear(2 * FRAME);
    await client.hangUp();
  });

  test.each([
    ["another session's", (other: string) => other],
    ["an empty one", () => ""],
    ["one of 15 kB", () => "x".repeat(15_000)],
    ["part of it", (_: string, own: string) => own.slice(0, -1)],
  ])("[H26] %s is 409 and leaves the client alone", async (_, forge) => {
    const other = await DuplexClient.open("echo");
    const client = await DuplexClient.open("echo");
    expect(await refusalOf(client.id, forge(other.token, client.token))).toEqual([
      409,
      "resume_refused",
      null,
    ]);
    speak(client, 1, 1);
    await client.hear(FRAME);
    for (const each of [client, other]) await each.hangUp();
  });

  test("[H26] of an unknown session is 404 and leaves nothing behind", async () => {
    const before = (await listDurableObjectIds(env.VOICE_SESSION)).length;
    for (const id of ["sess_0123456789abcdefghijklmn", "nobody"]) {
      expect(await refusalOf(id, "rt_0123456789abcdefghijk")).toEqual([404, "session_not_found", null]);
    }
    const { id } = await createSession();
    expect(await refusalOf(id, "rt_0123456789abcdefghijk")).toEqual([404, "session_not_found", null]);
    for (const each of [id, "sess_0123456789abcdefghijklmn"]) expect(await keysOf(each)).toEqual([]);
    expect((await listDurableObjectIds(env.VOICE_SESSION)).length - before).toBeLessThanOrEqual(2);
  });

  test("[H25] is of use with duplex.v1 only", async () => {
    const client = await DuplexClient.open("echo");
    const named = "Sec-WebSocket-Protocol";
    expect(await refusalOf(client.id, client.token, { [named]: "realtime" })).toEqual([
      400,
      "invalid_value",
      named,
    ]);
    const back = await connect(resumePath(client.id, client.token), { [named]: "realtime, duplex.v1" });
    expect(back.protocol).toBe("duplex.v1");
    back.close(1000);
    await back.closed;
  });

  test("[H26] is in no state and no answer", async () => {
    const client = await DuplexClient.open("echo");
    expect(JSON.stringify(await stateOf(client.id))).not.toContain(client.token);
    const spent = client.token;
    await client.resume();
    await client.resume();
    const answer = await upgrade(resumePath(client.id, spent), DUPLEX);
    expect(await answer.text()).not.toContain(spent);
    await client.hangUp();
  });
});

type JsonMap = Readonly<Record<string, unknown>>;

function responseOf(event: JsonMap): JsonMap {
  return event["response"] as JsonMap;
}

/** The provider takes the call and its configuration. */
function greet(client: DuplexClient, dialled: DialledUpstream): Promise<ProviderSocket> {
  return inObject(client.id, async () => {
    const provider = dialled.accept();
    const say = (type: string) => provider.send(JSON.stringify({ type, session: { type: "realtime" } }));
    say("session.created");
    await provider.next();
    say("session.updated");
    return provider;
  });
}

/** Waits to be asked, and answers: in OpenAI's words, to the end or not. */
async function answer(
  provider: ProviderSocket,
  id: string,
  pcm: Uint8Array,
  toTheEnd: boolean,
): Promise<void> {
  const say = (type: string, rest: JsonMap) => provider.send(JSON.stringify({ type, ...rest }));
  while (!String(await provider.next()).includes('"response.create"'));
  const item = { id: `item_${id}`, type: "message", role: "assistant", content: [] };
  const at = { response_id: id, item_id: item.id, output_index: 0, content_index: 0 };
  say("response.created", { response: { id, status: "in_progress", output: [] } });
  say("response.output_item.added", { ...at, item });
  say("response.content_part.added", { ...at, part: { type: "audio", transcript: "" } });
  say("response.output_audio.delta", { ...at, delta: pcm.toBase64() });
  if (!toTheEnd) return;
  say("response.output_audio.done", at);
  say("response.output_item.done", { ...at, item });
  say("response.done", { response: { id, status: "completed", output: [item] } });
}
