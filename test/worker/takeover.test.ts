import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { bearer, post } from "./doors.ts";
import { DUPLEX, DuplexClient, FRAME, resumePath } from "./duplex-client.ts";
import { evict, keysOf, pass, stateOf } from "./object.ts";
import { type ClientSocket, connect } from "./socket.ts";

// As in voice-session.test.ts: tests say when a snapshot is taken, and what time it is in the object.
beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] }));
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function dial({ id, token }: DuplexClient): Promise<ClientSocket> {
  return connect(resumePath(id, token), DUPLEX);
}

function resume(socket: ClientSocket, client: DuplexClient, token = client.token): void {
  socket.send({ type: "session.resume", resume_token: token, last_received: client.lastReceived });
}

/** The n-th frame is said and echoed. */
async function talks(client: DuplexClient, n: number): Promise<void> {
  client.speak(n, n);
  await client.hear(n * FRAME);
}

describe("a connection that comes while the client is connected", () => {
  test("[Y50] a dial that was given up and arrives late changes nothing for the live call", async () => {
    const client = await DuplexClient.open("echo");
    await talks(client, 1);
    const lost = client.token;
    // The client dials, gives that up, dials again and resumes; only now the first one arrives.
    await client.resume();
    const late = await connect(resumePath(client.id, lost), DUPLEX);
    await talks(client, 2);
    late.close(1000);
    await late.closed;
    for (let second = 0; second < 5; second += 1) {
      client.send({ type: "session.heartbeat" });
      await pass(client.id, 1000);
    }
    await talks(client, 3);
    expect(await stateOf(client.id)).toMatchObject({ status: "connected" });
    await client.hangUp();
  });

  test.each([0, 2000, 10_000, 25_000])(
    "[Y54] %i ms after its upgrade it resumes, and only then",
    async (ms) => {
      const client = await DuplexClient.open("echo");
      await talks(client, 1);
      const next = await dial(client);
      for (let second = 0; second < ms / 1000; second += 1) {
        client.send({ type: "session.heartbeat" });
        await pass(client.id, 1000);
      }
      await talks(client, 2);
      resume(next, client);
      expect(await client.socket.closed).toEqual({ code: 4001, reason: "another connection took over" });
      expect(await next.next()).toMatchObject({ type: "session.resumed", verdict: "resumed" });
      client.socket = next;
      await talks(client, 3);
      await client.hangUp();
    },
  );

  test("[Y51] that says nothing for 30 s is closed with 4008, and was told nothing", async () => {
    const client = await DuplexClient.open("echo");
    const silent = await dial(client);
    await pass(client.id, 29_900);
    await talks(client, 1);
    await pass(client.id, 200);
    expect((await silent.closed).code).toBe(4008);
    await expect(silent.next()).rejects.toThrow("closed before");
    await talks(client, 2);
    await client.hangUp();
  });

  test("[Y52] a wrong or spent token is told and closed with 4003, and the call goes on", async () => {
    const client = await DuplexClient.open("echo");
    const other = await dial(client);
    resume(other, client, "rt_wrong");
    expect(await other.event("session.resumed")).toMatchObject({ verdict: "lost" });
    expect((await other.closed).code).toBe(4003);
    const spent = client.token;
    const late = await connect(resumePath(client.id, spent), DUPLEX);
    await client.resume();
    await talks(client, 1);
    // It has shown that it has the next token.
    client.send({ type: "session.ack", last_received: client.lastReceived });
    client.send({ type: "input_audio_buffer.clear", client_event_seq: 2 });
    await client.event("input_audio_buffer.cleared");
    resume(late, client, spent);
    expect((await late.closed).code).toBe(4003);
    client.speak(3, 3);
    await client.hear(2 * FRAME);
    await client.hangUp();
  });

  test("[Y53] by its owner's key, and says something else: it begins anew and the former is put out", async () => {
    const client = await DuplexClient.open("echo");
    await talks(client, 1);
    const other = await connect(`/v1/realtime?session_id=${client.id}`, { ...bearer(), ...DUPLEX });
    await talks(client, 2);
    other.send({ type: "session.update", client_event_seq: 1, session: { type: "realtime" } });
    const created = await other.event("session.created");
    expect(created["server_event_seq"]).toBe(1);
    expect((await client.socket.closed).code).toBe(4001);
    const { relay } = created["session"] as { relay: { resume_token: string } };
    expect(relay.resume_token).not.toBe(client.token);
    await other.event("session.updated");
    other.close(1000, "end");
    await other.closed;
    await vi.waitFor(async () => expect(await stateOf(client.id)).toMatchObject({ status: "ended" }));
  });

  test("[H28] by a client secret it waits too, where its session's client is gone, and never puts out one that came back", async () => {
    const response = await post("/v1/realtime/client_secrets", {
      session: { model: "echo" },
      resumable: true,
    });
    const { value } = await response.json<{ value: string }>();
    const open = () => connect("/v1/realtime", { ...bearer(value), ...DUPLEX });
    const first = await open();
    const created = await first.event("session.created");
    const { relay } = created["session"] as { relay: { session_id: string; resume_token: string } };
    first.close(1001);
    await first.closed;
    const again = await open();
    const back = await connect(resumePath(relay.session_id, relay.resume_token), DUPLEX);
    back.send({
      type: "session.resume",
      resume_token: relay.resume_token,
      last_received: first.lastSequence,
    });
    await back.event("session.resumed");
    again.send({ type: "session.update", session: { type: "realtime" } });
    expect((await again.event("error"))["error"]).toMatchObject({ code: "session_busy" });
    expect((await again.closed).code).toBe(4003);
    back.send({ type: "input_audio_buffer.clear" });
    await back.event("input_audio_buffer.cleared");
    back.close(1000, "end");
    await back.closed;
  });
});

describe("a pending connection and the life of the object", () => {
  test("[O41] after hibernation the client is the client, and the pending one resumes", async () => {
    // Upstreams that refuse every dial let a session come to rest.
    vi.stubGlobal("fetch", async () => new Response(null, { status: 503 }));
    const client = await DuplexClient.open("demo");
    for (let minute = 0; minute < 3; minute += 1) await pass(client.id, 60_000);
    expect(await keysOf(client.id)).toContain("asleep");
    const next = await dial(client);
    for (let n = 0; n < 4; n += 1) await pass(client.id, 2000);
    expect(await keysOf(client.id)).toContain("asleep");
    await evict(client.id);
    // Which of the two sockets is the client's is known from the sockets alone.
    client.send({ type: "input_audio_buffer.clear" });
    await client.event("input_audio_buffer.cleared");
    await pass(client.id, 1000);
    resume(next, client);
    expect((await client.socket.closed).code).toBe(4001);
    expect(await next.next()).toMatchObject({ type: "session.resumed", verdict: "resumed" });
    client.socket = next;
    await client.hangUp();
  });

  test("[O41] after a crash that its socket outlives it may still resume", async () => {
    const client = await DuplexClient.open("echo");
    await talks(client, 1);
    await pass(client.id, 1000);
    const next = await dial(client);
    await evict(client.id);
    client.send({ type: "session.heartbeat" });
    expect((await client.socket.closed).code).toBe(1012);
    resume(next, client);
    expect(await next.event("session.resumed")).toMatchObject({ resume_token: expect.any(String) });
    client.socket = next;
    await client.hangUp();
  });

  test("[O41] a client that dropped and dialled in time is waited for beyond its 30 s", async () => {
    const client = await DuplexClient.open("echo");
    await talks(client, 1);
    client.socket.close(1001);
    await client.socket.closed;
    await pass(client.id, 28_000);
    const next = await dial(client);
    await pass(client.id, 10_000);
    resume(next, client);
    expect(await next.event("session.resumed")).toMatchObject({ verdict: "resumed" });
    client.socket = next;
    await talks(client, 2);
    await client.hangUp();
  });
});
