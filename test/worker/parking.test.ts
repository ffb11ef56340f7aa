import { runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { DuplexClient } from "./duplex-client.ts";
import { evict, inObject, objectOf, pass } from "./object.ts";
import { stubUpstreams } from "./upstream.ts";

// As in voice-session.test.ts: an object with a timer under way could not be evicted.
beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] }));

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const BEAT = { type: "session.heartbeat" };

describe("a parked session", () => {
  test("[K8] leaves memory; heartbeats are answered without it, and the first word finds it as it was", async () => {
    const upstreams = stubUpstreams();
    const client = await DuplexClient.open("demo");
    const dialled = await upstreams.next();
    await inObject(client.id, () => void dialled.accept());
    client.send({ type: "session.update", session: { type: "realtime", instructions: "Remember me." } });
    // The provider says nothing of it: what is in force is told after a while (G15).
    await pass(client.id, 2000);
    await client.event("session.updated");
    for (let second = 0; second < 150; second += 2) {
      client.send(BEAT);
      await pass(client.id, 2000);
    }
    // Nothing keeps it awake: the runtime would refuse to evict an object with a timer or an outgoing socket.
    await evict(client.id, { webSockets: "hibernate" });
    client.send(BEAT);
    await client.event("session.heartbeat");
    const answered = await runInDurableObject(objectOf(client.id), (_, state) =>
      state.getWebSockets().map((socket) => state.getWebSocketAutoResponseTimestamp(socket) !== null),
    );
    expect(answered).toEqual([true]);
    client.send({ type: "response.create" });
    expect((await upstreams.next()).url).toMatch(/^http:\/\/demo\.invalid/);
    client.send({ type: "session.update", session: { type: "realtime", output_modalities: ["text"] } });
    await pass(client.id, 2000);
    const updated = await client.event("session.updated");
    expect(updated["session"]).toMatchObject({ instructions: "Remember me.", output_modalities: ["text"] });
    await client.hangUp();
  });
});
