import { describe, expect, test } from "vitest";
import type { ObserverMark } from "../../durable-objects/observers.ts";
import { Shell } from "../../durable-objects/shell.ts";
import { CLIENT } from "../../src/session/io.ts";
import { PaperSocket, ScriptedSession, setUp, surroundings } from "./scripted.ts";

/** A session with a client, and observers that come. */
function live() {
  const it = setUp();
  it.connect();
  const come = (name: string, audio = false): PaperSocket => {
    const socket = new PaperSocket(name, it.log);
    it.shell.observerCame(socket, audio, null);
    return socket;
  };
  return { ...it, come };
}

describe("the shell and observers", () => {
  test("[N31] each is a peer of its own, and none is the client", () => {
    const { shell, session, script, say, come, log } = live();
    const [one, two] = [come("one"), come("two", true)];
    expect(session.inputs).toEqual([
      { type: "observer", peer: "control:1", audio: false, again: false },
      { type: "observer", peer: "control:2", audio: true, again: false },
    ]);
    script(
      { type: "send", peer: "control:2", data: "to two" },
      { type: "send", peer: CLIENT, data: "to the client" },
    );
    shell.clientMessage(one, "from one");
    say("from the client");
    shell.clientClosed(two, 1006, "");
    expect(session.inputs.slice(2)).toEqual([
      { type: "message", peer: "control:1", data: "from one" },
      { type: "message", peer: CLIENT, data: "from the client" },
      { type: "close", peer: "control:2", code: 1006, reason: "" },
    ]);
    expect(log).toEqual(["two < to two", "client < to the client"]);
    expect(shell.attended).toBe(true);
  });

  test("[N36] how much waits in an observer's socket is told the session, and what comes after it was dropped is nobody's", () => {
    const { shell, session, script, say, come, clock, log } = live();
    const slow = come("slow");
    slow.bufferedAmount = 500;
    script({ type: "send", peer: "control:1", data: "x" });
    say("go");
    clock.advance(250);
    expect(session.inputs.at(-1)).toEqual({ type: "buffered", peer: "control:1", bytes: 500 });
    script({ type: "close", peer: "control:1", code: 4010, reason: "the observer does not read" });
    say("drop it");
    expect(log.at(-1)).toBe("slow close 4010 the observer does not read");
    const before = session.inputs.length;
    for (let at = 0; at < 1000; at += 1) shell.clientMessage(slow, "late");
    shell.clientClosed(slow, 4010, "");
    clock.advance(1000);
    expect(session.inputs.slice(before)).toEqual([]);
    expect(log).not.toContain("cut");
  });

  test("[N36] one that reads is known to, though its socket is never seen full", () => {
    const { session, script, say, come, clock } = live();
    come("quick");
    script({ type: "send", peer: "control:1", data: "x" });
    say("go");
    clock.advance(250);
    expect(session.inputs.at(-1)).toEqual({ type: "buffered", peer: "control:1", bytes: 0 });
  });

  test("[N38] [N40] those that hibernated are told the session before anything else, and new ones have other names", () => {
    const it = setUp();
    const boss = { id: "boss", fingerprint: "0123456789abcdef" };
    const former = new PaperSocket("former", it.log);
    it.shell.observerCame(former, true, boss);
    const session = new ScriptedSession();
    const host = surroundings();
    const mark = former.attachment as ObserverMark;
    const observers = [[former, mark]] as const;
    const found = { client: null, pending: [], observers, asleep: true, vacantSince: null };
    const shell = new Shell(session, host, found);
    expect(session.inputs).toEqual([{ type: "observer", peer: "control:1", audio: true, again: true }]);
    expect(host.log).toEqual([]);
    shell.observerCame(new PaperSocket("next", host.log), false, null);
    expect(session.inputs.at(-1)).toMatchObject({ peer: "control:2", again: false });
    expect(host.log).toEqual(["awake"]);
    // By which key it came is known still.
    expect(shell.observerKeys).toEqual([boss]);
    shell.observerKeyGone({ ...boss, fingerprint: "another" });
    expect(session.inputs).toHaveLength(2);
    shell.observerKeyGone(boss);
    expect(session.inputs.at(-1)).toMatchObject({ type: "close", peer: "control:1", code: 1008 });
    expect(shell.observerKeys).toEqual([]);
  });

  test("[N35] at the end all are closed", () => {
    const { shell, come, log } = live();
    come("one");
    come("two");
    shell.terminate();
    expect(log).toEqual(
      expect.arrayContaining(["one close 1000 session ended", "two close 1000 session ended", "ended"]),
    );
  });
});
