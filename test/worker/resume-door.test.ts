import { listDurableObjectIds } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { bearer, call, createSession, problemOf } from "./doors.ts";
import { DUPLEX, DuplexClient, FRAME, resumePath, resumeRefused, sounds } from "./duplex-client.ts";
import { keysOf, stateOf } from "./object.ts";
import { connect, turnedAway, upgrade } from "./socket.ts";

describe("a client whose socket was dropped", () => {
  test("[H25] comes back by its resume token alone, and hears every message once", async () => {
    const client = await DuplexClient.open("echo");
    client.speak(1, 20);
    await client.hear(12 * FRAME);
    const dropped = client.socket;
    dropped.close(1001);
    await dropped.closed;
    const verdict = await client.resume();
    expect(verdict).toMatchObject({ verdict: "resumed", last_received: 20 });
    expect(verdict.replayed).toBeGreaterThan(0);
    client.speak(15, 40);
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
    client.speak(1, 3);
    await client.hear(3 * FRAME);
    expect(client.heard).toEqual(sounds(1, 3));
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
    expect(await resumeRefused(client.id, spent[0] ?? "")).toEqual([4003, "resume_refused"]);
    client.speak(1, 2);
    await client.hear(2 * FRAME);
    await client.hangUp();
  });

  test.each([
    ["another session's", (other: string) => other],
    ["an empty one", () => ""],
    ["one of 15 kB", () => "x".repeat(15_000)],
    ["part of it", (_: string, own: string) => own.slice(0, -1)],
  ])("[H26] %s is closed with 4003 and leaves the client alone", async (_, forge) => {
    const other = await DuplexClient.open("echo");
    const client = await DuplexClient.open("echo");
    expect(await resumeRefused(client.id, forge(other.token, client.token))).toEqual([
      4003,
      "resume_refused",
    ]);
    client.speak(1, 1);
    await client.hear(FRAME);
    for (const each of [client, other]) await each.hangUp();
  });

  test("[H26] of a session that is not there is closed with 4004 and leaves nothing behind", async () => {
    const { id } = await createSession();
    expect(await resumeRefused(id, "rt_0123456789abcdefghijk")).toEqual([4004, "session_not_found"]);
    expect(await keysOf(id)).toEqual([]);
  });

  test("[H27] under a name that the relay never gave reaches no object", async () => {
    const { id } = await createSession();
    const before = (await listDurableObjectIds(env.VOICE_SESSION)).length;
    const forged = `${id.slice(0, -1)}${id.endsWith("0") ? "1" : "0"}`;
    for (const name of [forged, "sess_0123456789abcdefghijklmn", "nobody", id.toUpperCase()]) {
      expect(await resumeRefused(name, "rt_0123456789abcdefghijk")).toEqual([4004, "session_not_found"]);
      for (const method of ["GET", "DELETE"]) {
        const response = await call(`/v1/sessions/${name}`, { method, headers: bearer() });
        expect(await problemOf(response)).toEqual([404, "session_not_found", null]);
      }
      expect(await turnedAway(`/v1/realtime?session_id=${name}`, bearer())).toEqual([
        4004,
        "session_not_found",
      ]);
    }
    expect((await listDurableObjectIds(env.VOICE_SESSION)).length).toBe(before);
  });

  test("[H25] is of use with duplex.v1 only", async () => {
    const client = await DuplexClient.open("echo");
    const named = "Sec-WebSocket-Protocol";
    const refused = await upgrade(resumePath(client.id, client.token), { [named]: "realtime" });
    expect(await problemOf(refused)).toEqual([400, "invalid_value", named]);
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
    const answer = await connect(resumePath(client.id, spent), DUPLEX);
    expect(JSON.stringify(await answer.event("error"))).not.toContain(spent);
    await client.hangUp();
  });
});
