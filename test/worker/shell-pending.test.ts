import { describe, expect, test } from "vitest";
import type { Entry } from "../../durable-objects/callers.ts";
import { Shell } from "../../durable-objects/shell.ts";
import type { PendingMark } from "../../durable-objects/pending-clients.ts";
import { CLIENT } from "../../src/session/io.ts";
import { BY_KEY, PaperSocket, ScriptedSession, settled, setUp, surroundings } from "./scripted.ts";

const RESUME = JSON.stringify({ type: "session.resume", resume_token: "rt_good", last_received: 7 });
const BY_TOKEN: Entry = { token: "rt_good", secret: false };
const OPEN = { type: "open", peer: CLIENT, dialect: "duplex.v1" };

/** A `duplex.v1` session with a live client, and others that come. */
function live() {
  const it = setUp();
  it.session.extended = true;
  it.session.resumeToken = "rt_good";
  it.connect();
  const come = (name: string, entry = BY_TOKEN): PaperSocket => {
    const socket = new PaperSocket(name, it.log);
    it.shell.clientOpened(socket, "duplex.v1", entry);
    return socket;
  };
  return { ...it, come };
}

describe("a connection that comes to a session with a client", () => {
  test("[Y50] changes nothing until it has said session.resume; then the former is put out with 4001", () => {
    const { shell, session, client, log, come, clock } = live();
    const late = come("late");
    clock.advance(20_000);
    shell.clientMessage(client, "live");
    expect(log).toEqual([]);
    expect(session.inputs).toEqual([{ type: "pending" }, { type: "message", peer: CLIENT, data: "live" }]);
    shell.clientMessage(late, RESUME);
    expect(log).toEqual(["client close 4001 another connection took over", "metric client_connections 1"]);
    expect(session.inputs.slice(2)).toEqual([OPEN, { type: "message", peer: CLIENT, data: RESUME }]);
    shell.clientMessage(client, "too late");
    shell.clientMessage(late, "next");
    expect(session.inputs.slice(4)).toEqual([{ type: "message", peer: CLIENT, data: "next" }]);
  });

  test("[Y51] and closes again, or says nothing for 30 s, leaves the client alone", () => {
    const { shell, session, log, come, clock } = live();
    const gone = come("gone");
    const silent = come("silent");
    clock.advance(10_000);
    shell.clientClosed(gone, 1006, "");
    clock.advance(19_999);
    expect(log).toEqual([]);
    clock.advance(1);
    expect(log).toEqual(["silent close 4008 nothing was said for 30 s"]);
    shell.clientMessage(silent, RESUME);
    expect(session.inputs).toEqual([{ type: "pending" }, { type: "pending" }]);
    expect(shell.attended).toBe(true);
  });

  test("[Y51] of which there are at most four: the oldest is put out", () => {
    const { log, come } = live();
    for (const name of ["a", "b", "c", "d", "e"]) come(name);
    expect(log).toEqual(["a close 4008 other connections came, and this one said nothing"]);
  });

  test("[Y52] with a token that is not good (any more) is told so and closed with 4003", () => {
    const { shell, session, log, come } = live();
    const wrong = come("wrong");
    shell.clientMessage(wrong, RESUME.replace("rt_good", "rt_bad"));
    const [verdict = "", close] = log;
    expect(JSON.parse(verdict.slice("wrong < ".length))).toMatchObject({
      type: "session.resumed",
      verdict: "lost",
      reason: "resume_token_refused",
    });
    expect(close).toBe("wrong close 4003 resume token refused");
    // It was good when it came, and is spent by now: what is said first is of no matter.
    const spent = come("spent");
    session.resumeToken = "rt_next";
    shell.clientMessage(spent, '{"type":"input_audio_buffer.clear"}');
    expect(log[2]).toContain('"code":"resume_refused"');
    expect(log[3]).toMatch(/^spent close 4003/);
    expect(session.inputs).toEqual([{ type: "pending" }, { type: "pending" }]);
    expect(shell.attended).toBe(true);
  });

  test("[Y52] with a session.resume that cannot be read is told which field, and may try again", () => {
    const { shell, log, come, session } = live();
    const client = come("client");
    shell.clientMessage(client, '{"type":"session.resume","event_id":"r","resume_token":"rt_good"}');
    expect(log).toHaveLength(1);
    expect(JSON.parse(log[0]?.slice("client < ".length) ?? "")).toMatchObject({
      type: "error",
      error: { type: "invalid_request_error", param: "last_received", event_id: "r" },
    });
    shell.clientMessage(client, RESUME);
    expect(session.inputs.slice(1)).toEqual([OPEN, { type: "message", peer: CLIENT, data: RESUME }]);
  });

  test("[M93] [Y52] ten times: then it is closed, and what it still sends is nobody's", () => {
    const { shell, log, come, session } = live();
    const client = come("client");
    for (let n = 0; n < 1000; n += 1) shell.clientMessage(client, '{"type":"session.resume"}');
    expect(log.filter((line) => line.startsWith("client < "))).toHaveLength(10);
    expect(log.filter((line) => line.startsWith("client close"))).toEqual([
      "client close 4003 no session.resume that can be read",
    ]);
    expect(session.inputs).toEqual([{ type: "pending" }]);
  });

  test.each(['{"type":"input_audio_buffer.clear"}', Uint8Array.of(1, 0, 0, 0, 1, 0, 0, 0), "rubbish"])(
    "[Y53] and says something else than session.resume begins anew: %s",
    (data) => {
      const { shell, session, log, come } = live();
      shell.clientMessage(come("other"), data);
      expect(log[0]).toBe("client close 4001 another connection took over");
      expect(session.inputs.slice(1)).toEqual([OPEN, { type: "message", peer: CLIENT, data }]);
    },
  );

  test("[H28] by a client secret begins nothing anew over a live client", () => {
    const { shell, session, log, come } = live();
    const other = come("other", { token: null, secret: true });
    shell.clientMessage(other, '{"type":"session.update"}');
    expect(log[0]).toContain('"code":"session_busy"');
    expect(log[1]).toMatch(/^other close 4003/);
    shell.clientClosed(other, 1006, "");
    shell.clientMessage(come("resuming", { token: null, secret: true }), RESUME);
    expect(session.inputs.slice(2)).toEqual([OPEN, { type: "message", peer: CLIENT, data: RESUME }]);
  });

  test("[Y46] of the dialect realtime takes over as it comes, and so does the first duplex.v1 client of a session", () => {
    const { shell, session, log, client } = live();
    const plain = new PaperSocket("plain", log);
    shell.clientOpened(plain, "realtime", BY_KEY);
    expect(log).toContain("client close 4001 another connection took over");
    session.extended = false;
    shell.clientOpened(client, "duplex.v1", BY_KEY);
    expect(log).toContain("plain close 4001 another connection took over");
  });

  test("[Y51] is closed with the session", () => {
    const { shell, log, come } = live();
    come("waiting");
    shell.terminate();
    expect(log).toContain("waiting close 1000 session ended");
  });
});

describe("after hibernation", () => {
  test("[O41] a pending connection is known for what it is, its time goes on, and it may still resume", () => {
    const session = new ScriptedSession();
    session.extended = true;
    session.resumeToken = "rt_good";
    const { clock, log, ...host } = surroundings();
    const [client, early, late] = ["client", "early", "late"].map((name) => new PaperSocket(name, log));
    if (!client || !early || !late) throw new Error("no sockets");
    const mark = (since: number): PendingMark => ({ ...BY_TOKEN, since });
    const pending = [
      [early, mark(clock.now() - 29_000)],
      [late, mark(clock.now() - 1000)],
    ] as const;
    const shell = new Shell(
      session,
      { ...host, clock },
      { client, pending, asleep: true, vacantSince: null },
    );
    clock.advance(1000);
    shell.woken();
    expect(log).toEqual(["awake", "early close 4008 nothing was said for 30 s"]);
    shell.clientMessage(client, "still here");
    shell.clientMessage(late, RESUME);
    expect(log.at(-2)).toBe("client close 4001 another connection took over");
    expect(session.inputs).toEqual([
      { type: "timeout" },
      { type: "message", peer: CLIENT, data: "still here" },
      OPEN,
      { type: "message", peer: CLIENT, data: RESUME },
    ]);
    expect(late.attachment).toBeNull();
  });

  test("[O41] a session sleeps with a pending connection no longer than that may wait", async () => {
    const { session, come, clock, log } = live();
    session.quiet = true;
    const waiting = come("waiting");
    const until = clock.now() + 30_000;
    expect(waiting.attachment).toEqual({ ...BY_TOKEN, since: until - 30_000 });
    clock.advance(6000);
    await settled();
    clock.advance(1000);
    expect(log.filter((line) => line.startsWith("sleep"))).toEqual([`sleep ${until}`]);
  });
});
