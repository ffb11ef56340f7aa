import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { bearer, call, createSession } from "./doors.ts";
import { DuplexClient, FRAME, resumeRefused, sounds } from "./duplex-client.ts";
import { evict, inObject, keysOf, objectOf, pass, stateOf } from "./object.ts";
import { structuredSize } from "./structured-size.ts";
import { type DialledUpstream, type ProviderSocket, stubUpstreams } from "./upstream.ts";

// As in voice-session.test.ts: tests say when a snapshot is taken.
beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] }));

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

async function crash(client: DuplexClient): Promise<void> {
  await evict(client.id, { webSockets: "close" });
  await client.socket.closed;
}

/** As `crash`, where an outgoing socket is open: eviction would wait for it. */
async function abort(client: DuplexClient): Promise<void> {
  const aborted = runInDurableObject(objectOf(client.id), (_, state) => state.abort("a crash"));
  await expect(aborted).rejects.toThrow("a crash");
  await client.socket.closed;
}

describe("an object that died", () => {
  test("[O17] in mid-sentence takes the client back: what was acknowledged is kept, the rest is sent again", async () => {
    const client = await DuplexClient.open("echo");
    client.speak(1, 20);
    await client.hear(20 * FRAME);
    await pass(client.id, 1000);
    await client.acknowledgement(20);
    client.speak(21, 30);
    await client.hear(30 * FRAME);
    const last = client.lastReceived;
    await crash(client);
    const verdict = await client.resume();
    // The relay can not know what it sent after its last snapshot, and says so.
    expect(verdict).toMatchObject({ verdict: "partial", last_received: 20 });
    expect(verdict.forgotten?.[1]).toBe(last);
    const before = client.heard.byteLength;
    client.speak(21, 40);
    await pass(client.id, 1000);
    await client.hear(before + 20 * FRAME);
    expect(client.heard.subarray(before)).toEqual(sounds(21, 40));
    expect(Math.min(...client.numbers.filter((number) => number > last))).toBeGreaterThan(last);
    await client.acknowledgement(40);
    await client.hangUp();
  });

  test("[O15] had acknowledged nothing that was not durable", async () => {
    const client = await DuplexClient.open("echo");
    await pass(client.id, 1000);
    const disk = Promise.withResolvers<void>();
    await inObject(client.id, (storage) => void vi.spyOn(storage, "sync").mockReturnValue(disk.promise));
    client.speak(1, 10);
    await client.hear(10 * FRAME);
    await inObject(client.id, () => vi.advanceTimersByTimeAsync(3000));
    client.speak(11, 11);
    await client.hear(11 * FRAME);
    expect(client.acknowledged).toBe(0);
    await inObject(client.id, () => disk.resolve());
    await client.acknowledgement(10);
    expect(client.acknowledged).toBe(10);
    await client.hangUp();
  });

  test("[O15] has acknowledged nothing that could not be stored", async () => {
    const client = await DuplexClient.open("echo");
    await pass(client.id, 1000);
    const put = await inObject(client.id, (storage) =>
      vi.spyOn(storage, "put").mockRejectedValue(new Error("the disk is full")),
    );
    client.speak(1, 10);
    await client.hear(10 * FRAME);
    await inObject(client.id, () => vi.advanceTimersByTimeAsync(1500));
    client.speak(11, 11);
    await client.hear(11 * FRAME);
    expect(client.acknowledged).toBe(0);
    expect(await stateOf(client.id)).toMatchObject({ metrics: { snapshot_failures: 1 } });
    put.mockRestore();
    await pass(client.id, 2000);
    await client.acknowledgement(11);
    await client.hangUp();
  });

  test("[O63] died of a write that failed, and goes on from the last snapshot that is durable", async () => {
    const client = await DuplexClient.open("echo");
    client.speak(1, 10);
    await client.hear(10 * FRAME);
    await pass(client.id, 4000);
    await client.acknowledgement(10);
    const known = client.lastReceived;
    await inObject(client.id, (storage) => {
      vi.spyOn(storage, "sync").mockRejectedValue(new Error("no quorum"));
    });
    client.speak(11, 20);
    await client.hear(20 * FRAME);
    const last = client.lastReceived;
    await inObject(client.id, () => vi.advanceTimersByTimeAsync(4000)).catch(() => {});
    expect((await client.socket.closed).code).not.toBe(1000);
    expect(await stateOf(client.id)).toMatchObject({ status: "waiting", audio: { received_ms: 200 } });
    const { forgotten } = await client.resume();
    // Something of the last write may be there.
    expect(forgotten?.[0]).toBeGreaterThan(known);
    expect(forgotten?.[1]).toBe(last);
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
    // Nothing was sent after the last snapshot: the client has seen no more than the relay knows.
    expect((await client.resume()).verdict).toBe("resumed");
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
    client.speak(1, 5);
    await client.hear(5 * FRAME);
    await pass(client.id, 1000);
    await crash(client);
    expect(await stateOf(client.id)).toMatchObject({ status: "waiting", audio: { received_ms: 100 } });
    const ended = await call(`/v1/sessions/${client.id}`, { method: "DELETE", headers: bearer() });
    expect(ended.status).toBe(204);
    expect(await resumeRefused(client.id, client.token)).toEqual([4004, "session_not_found"]);
    expect(await keysOf(client.id)).toEqual(["used"]);
  });

  test("[O17] with megabytes of unacknowledged messages takes the client back with all of them", async () => {
    const client = await DuplexClient.open("echo");
    const update = (n: number) => ({
      type: "session.update",
      session: { type: "realtime", instructions: `${n} ${"€".repeat(10_000)}` },
    });
    for (let n = 0; n < 140; n += 1) {
      client.send(update(n));
      await client.event("session.updated");
      // Many at once wait for their step, and the clock stands still here.
      if (n % 35 === 34) await pass(client.id, 200);
    }
    const last = client.lastReceived;
    await pass(client.id, 1000);
    // 2 MB are what production takes of one value; workerd in the tests takes more.
    const sizes = await inObject(client.id, (storage) =>
      Array.from(storage.kv.list(), ([, value]) => structuredSize(value)),
    );
    expect(Math.max(...sizes)).toBeLessThan(1_500_000);
    await crash(client);
    const verdict = await client.resume(last - 139);
    expect(verdict).toMatchObject({ verdict: "resumed", replayed: 139 });
    expect(await stateOf(client.id)).not.toMatchObject({
      metrics: { snapshot_failures: expect.any(Number) },
    });
    await client.hangUp();
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
    await evict(client.id);
    client.send({ type: "input_audio_buffer.clear" });
    await client.event("input_audio_buffer.cleared");
    expect(client.numbers).toEqual(Array.from(client.numbers, (_, at) => at + 1));
    expect(await keysOf(client.id)).not.toContain("asleep");
    await client.hangUp();
  });

  test("[O16] and died after it was woken puts out a socket that outlived it, and says what it forgot", async () => {
    const client = await sleeping();
    client.send({ type: "input_audio_buffer.clear" });
    await client.event("input_audio_buffer.cleared");
    const last = client.lastReceived;
    await evict(client.id);
    await stateOf(client.id);
    expect(await client.socket.closed).toEqual({ code: 1012, reason: "the session was restored" });
    expect((await client.resume()).forgotten).toEqual([last, last]);
    client.send({ type: "input_audio_buffer.clear" });
    await client.event("input_audio_buffer.cleared");
    const { numbers } = client;
    expect(numbers).toEqual(Array.from(numbers, (_, at) => at + 1));
    await client.hangUp();
  });
});

describe("an object that nobody comes back to", () => {
  test("[O18] wakes after the client's time is over, waits for it once more, and leaves nothing behind", async () => {
    const client = await DuplexClient.open("echo");
    await pass(client.id, 1000);
    const alarmAt = await inObject(client.id, (storage) => storage.getAlarm());
    expect(alarmAt).toBeGreaterThanOrEqual(Date.now() + 60_000);
    expect(alarmAt).toBeLessThanOrEqual(Date.now() + 120_000);
    await crash(client);
    vi.setSystemTime(alarmAt ?? 0);
    expect(await runDurableObjectAlarm(objectOf(client.id))).toBe(true);
    expect(await stateOf(client.id)).toMatchObject({ status: "waiting" });
    // It sleeps meanwhile.
    for (let n = 0; n < 3; n += 1) await pass(client.id, 3000);
    await evict(client.id);
    const nextAt = (await inObject(client.id, (storage) => storage.getAlarm())) ?? 0;
    expect(nextAt).toBe((alarmAt ?? 0) + 30_000);
    vi.setSystemTime(nextAt);
    await runDurableObjectAlarm(objectOf(client.id));
    expect((await keysOf(client.id)).filter((key) => key !== "used")).toEqual([]);
    expect(await resumeRefused(client.id, client.token)).toEqual([4004, "session_not_found"]);
    vi.setSystemTime((await inObject(client.id, (storage) => storage.getAlarm())) ?? Date.now());
    await runDurableObjectAlarm(objectOf(client.id));
    expect(await keysOf(client.id)).toEqual([]);
  });

  test("[O18] in its first moment does not stay either", async () => {
    const { id } = await createSession({ model: "echo", prewarm: true, location_hint: "weur" });
    const alarmAt = await inObject(id, (storage) => storage.getAlarm());
    expect(alarmAt).not.toBeNull();
    await evict(id);
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
    client.speak(1, 2);
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
