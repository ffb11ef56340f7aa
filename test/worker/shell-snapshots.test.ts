import { describe, expect, test } from "vitest";
import { Shell } from "../../durable-objects/shell.ts";
import type { Action } from "../../src/session/io.ts";
import { dialTo, PaperSocket, ScriptedSession, settled, setUp, surroundings, toClient } from "./scripted.ts";

describe("snapshots", () => {
  const persist: Action = { type: "persist" };

  test("[O6] are taken after the sends of their tick, once, with the peers there are", () => {
    const { say, script, connect, log, clock } = setUp();
    connect();
    script(persist, toClient("1"), dialTo("http://a", "up0.1"), persist);
    say("x");
    expect(log).toEqual(["client < 1", "metric upstream_dials 1", "dial http://a"]);
    clock.advance(0);
    expect(log.at(-1)).toBe("save 1 with client up0.1");
  });

  test("[O6] are taken once per second at most, and the last wish is not forgotten", async () => {
    const { say, script, connect, session, clock } = setUp();
    connect();
    for (let frame = 0; frame < 110; frame += 1) {
      script(persist);
      say("x");
      clock.advance(20);
      await settled();
    }
    expect(session.snapshots).toBe(3);
    clock.advance(1000);
    expect(session.snapshots).toBe(4);
    await settled();
    clock.advance(60_000);
    expect(session.snapshots).toBe(4);
  });

  test("[O6] that are urgent are taken at once, but never while one is being stored", async () => {
    const { say, script, connect, host, session, clock } = setUp();
    connect();
    host.slowDisk = true;
    const urge = (urgent: boolean): void => {
      script(urgent ? { type: "persist", urgent: true } : persist);
      say("x");
      clock.advance(0);
    };
    urge(false);
    expect(session.snapshots).toBe(1);
    urge(true);
    clock.advance(500);
    expect(session.snapshots).toBe(1);
    await host.write(true);
    clock.advance(0);
    expect(session.snapshots).toBe(2);
    await host.write(true);
    urge(false);
    expect(session.snapshots).toBe(2);
    urge(true);
    expect(session.snapshots).toBe(3);
  });

  test("[W20] that are urgent are taken at once four times, and then twice a second: the last of them as well", async () => {
    const { say, script, connect, session, clock } = setUp();
    connect();
    const urge = async (): Promise<void> => {
      script({ type: "persist", urgent: true });
      say("x");
      clock.advance(0);
      await settled();
    };
    for (let n = 1; n <= 4; n += 1) {
      await urge();
      expect(session.snapshots).toBe(n);
    }
    for (let n = 0; n < 50; n += 1) {
      await urge();
      clock.advance(20);
      await settled();
    }
    expect(session.snapshots).toBe(6);
    await urge();
    expect(session.snapshots).toBe(6);
    clock.advance(500);
    await settled();
    expect(session.snapshots).toBe(7);
    clock.advance(60_000);
    await settled();
    expect(session.snapshots).toBe(7);
  });

  test("[O15] are told to the session when they are durable, and never overlap", async () => {
    const { say, script, connect, host, session, clock } = setUp();
    connect();
    host.slowDisk = true;
    script(persist);
    say("x");
    clock.advance(0);
    script(persist);
    say("y");
    clock.advance(5000);
    expect([session.snapshots, session.inputs.at(-1)?.type]).toEqual([1, "message"]);
    await host.write(true);
    expect(session.inputs.at(-1)).toEqual({ type: "persisted", covers: { count: 0, received: 1 } });
    clock.advance(0);
    expect(session.snapshots).toBe(2);
    say("z");
    await host.write(true);
    expect(session.inputs.filter((input) => input.type === "persisted")).toHaveLength(2);
    clock.advance(60_000);
    expect(session.snapshots).toBe(2);
  });

  test("[O15] that could not be stored are not told, and taken again, ever less often", async () => {
    const { say, script, connect, host, session, clock } = setUp();
    connect();
    host.slowDisk = true;
    script(persist);
    say("x");
    const takenAt: number[] = [];
    const beganAt = clock.now();
    for (let second = 0; second < 16; second += 1) {
      const before = session.snapshots;
      clock.advance(second === 0 ? 0 : 1000);
      if (session.snapshots > before) takenAt.push(clock.now() - beganAt);
      await host.write(false);
    }
    expect(takenAt).toEqual([0, 2000, 6000, 14_000]);
    expect(session.inputs.map((input) => input.type)).toEqual(["message"]);
    clock.advance(20_000);
    await host.write(true);
    expect(session.inputs.at(-1)).toEqual({ type: "persisted", covers: { count: 0, received: 5 } });
    clock.advance(600_000);
    expect(session.snapshots).toBe(5);
  });

  test("[O15] that became durable after the end are told to nobody", async () => {
    const { say, script, connect, host, session, clock } = setUp();
    connect();
    host.slowDisk = true;
    script(persist);
    say("x");
    clock.advance(0);
    script({ type: "end", reason: "done" });
    say("y");
    await host.write(true);
    expect(session.inputs.map((input) => input.type)).toEqual(["message", "message"]);
  });

  test("[E46] wait while a long message is worked through, urgent ones too", () => {
    const { say, script, session, connect, clock, log } = setUp();
    connect();
    session.busy = true;
    script({ type: "persist", urgent: true });
    say("x");
    clock.advance(3000);
    expect(log).toEqual([]);
    session.busy = false;
    clock.advance(50);
    expect(log).toEqual(["save 1 with client"]);
  });
});

describe("sleep", () => {
  test("[O10] a quiet session without upstreams is stored and left alone until its deadline", async () => {
    const { say, session, connect, log, clock } = setUp();
    session.quiet = true;
    session.deadline = clock.now() + 3_600_000;
    connect();
    clock.advance(4999);
    expect(log).toEqual([]);
    clock.advance(1);
    await settled();
    clock.advance(0);
    expect(log).toEqual(["save 1 with client", `sleep ${session.deadline}`]);
    expect(clock.pending).toBe(0);
    session.quiet = false;
    say("good morning");
    expect(log.at(-1)).toBe("awake");
    expect(clock.pending).toBe(1);
  });

  test("[O16] what storing the snapshot has for a consequence is stored too before the session sleeps", async () => {
    const { session, connect, log, clock, script } = setUp();
    session.quiet = true;
    connect();
    script(toClient("acknowledged"));
    clock.advance(5000);
    await settled();
    clock.advance(1000);
    await settled();
    clock.advance(0);
    expect(log).toEqual(["save 1 with client", "client < acknowledged", "save 2 with client", "sleep null"]);
    expect(clock.pending).toBe(0);
  });

  test("[O16] a session that never comes to rest, or cannot be stored, sleeps all the same, and that is known", async () => {
    const restless = setUp();
    restless.session.quiet = true;
    restless.connect();
    restless.session.handle = ({ type }) => (type === "persisted" ? [toClient("again")] : []);
    const unstored = setUp();
    unstored.session.quiet = true;
    unstored.connect();
    unstored.host.slowDisk = true;
    for (const { clock, host } of [restless, unstored]) {
      for (let second = 0; second < 8; second += 1) {
        clock.advance(1000);
        await host.write(false);
      }
    }
    expect(restless.log.at(-1)).toBe("sleep null behind");
    expect(unstored.log).toEqual(["save 1 with client", "sleep null behind", "save 2 with client"]);
  });

  test("[O16] a session that comes back as it was stored has no timer until something comes", () => {
    const session = new ScriptedSession();
    const { clock, log, ...host } = surroundings();
    session.deadline = clock.now() + 60_000;
    const client = new PaperSocket("client", log);
    const found = { client, pending: [], asleep: true, vacantSince: null };
    const shell = new Shell(session, { ...host, clock }, found);
    expect(clock.pending).toBe(0);
    shell.clientMessage(client, "x");
    shell.clientMessage(client, "y");
    expect(log).toEqual(["awake"]);
    expect(clock.pending).toBe(1);
  });

  test("[O10] an open upstream, a near deadline or a busy session keeps it awake", () => {
    const busy = setUp();
    busy.connect();
    const near = setUp();
    near.session.quiet = true;
    near.session.deadline = near.clock.now() + 14_999;
    near.connect();
    const linked = setUp();
    linked.session.quiet = true;
    linked.connect();
    linked.script(dialTo("http://a", "up0.1"));
    linked.say("x");
    for (const { clock, log } of [busy, near, linked]) {
      clock.advance(14_000);
      expect(log.filter((line) => line.startsWith("sleep"))).toEqual([]);
    }
  });
});
