import { describe, expect, test } from "vitest";
import { Shell } from "../../durable-objects/shell.ts";
import { CLIENT, type Action } from "../../src/session/io.ts";
import { dialTo, PaperSocket, ScriptedSession, settled, surroundings } from "./scripted.ts";

function setUp() {
  const session = new ScriptedSession();
  const host = surroundings();
  const shell = new Shell(session, host, null);
  const client = new PaperSocket("client", host.log);
  /** Answers the next input with these actions. */
  const script = (...actions: Action[]) => session.answers.push(actions);
  const connect = () => {
    shell.clientOpened(client, "realtime");
    session.inputs.length = 0;
    host.log.length = 0;
  };
  return { session, host, shell, client, script, connect, log: host.log, clock: host.clock };
}

const toClient = (data: string): Action => ({ type: "send", peer: CLIENT, data });

describe("actions", () => {
  test("[O1] are performed in the session's order", () => {
    const { shell, script, connect, log } = setUp();
    connect();
    script(
      toClient("1"),
      dialTo("http://a", "up0.1"),
      toClient("2"),
      { type: "metric", name: "speech_started", value: 1 },
      { type: "metric", name: "upstream_lost", value: 2, upstream: "demo" },
      { type: "send", peer: CLIENT, data: Uint8Array.of(3) },
      { type: "close", peer: CLIENT, code: 1001, reason: "bye" },
    );
    shell.clientMessage("x");
    expect(log).toEqual([
      "client < 1",
      "metric upstream_dials 1",
      "dial http://a",
      "client < 2",
      "metric speech_started 1",
      "metric upstream_lost 2 demo",
      "client < [3]",
      "client close 1001 bye",
    ]);
  });

  test("[O1] to peers that are gone are nothing", () => {
    const { shell, script, connect, log, client, session } = setUp();
    connect();
    client.broken = true;
    script(
      toClient("1"),
      { type: "send", peer: "up7.1", data: "2" },
      { type: "close", peer: "up7.1", code: 1000, reason: "" },
    );
    shell.clientMessage("x");
    shell.clientClosed(1006, "");
    script(toClient("3"));
    shell.woken();
    expect(log).toEqual([]);
    expect(session.inputs.map((input) => input.type)).toEqual(["message", "close", "timeout"]);
  });

  test("[O1] with codes and reasons that no close frame may carry are made fit", () => {
    const { shell, script, log } = setUp();
    for (const code of [1005, 1006, 1015, 999, 5000, 0, 1004, 4999]) {
      const client = new PaperSocket("client", log);
      shell.clientOpened(client, "realtime");
      script({ type: "close", peer: CLIENT, code, reason: "é".repeat(100) });
      shell.clientMessage("x");
    }
    const closes = log.filter((line) => line.startsWith("client close"));
    expect(closes.map((line) => line.split(" ")[2])).toEqual([...Array(7).fill("1000"), "4999"]);
    for (const line of closes) expect(new TextEncoder().encode(line.split(" ")[3]).byteLength).toBe(122);
  });
});

describe("upstreams", () => {
  test("[O3] an open socket, its messages and its end are inputs of its peer", () => {
    const { shell, script, connect, host, session, log } = setUp();
    connect();
    script(dialTo("http://a", "up0.1"));
    shell.clientMessage("x");
    const events = host.calls[0]?.events;
    script({ type: "send", peer: "up0.1", data: "greeting" });
    events?.opened(new PaperSocket("up", log));
    events?.message("m");
    events?.closed(1001, "bye");
    expect(session.inputs.slice(1)).toEqual([
      { type: "open", peer: "up0.1" },
      { type: "message", peer: "up0.1", data: "m" },
      { type: "close", peer: "up0.1", code: 1001, reason: "bye" },
    ]);
    expect(log).toContain("up < greeting");
  });

  test("[O3] a call that the session closes is hung up, and nothing is sent on it", () => {
    const { shell, script, connect, log } = setUp();
    connect();
    script(dialTo("http://a", "up0.1"), { type: "close", peer: "up0.1", code: 1000, reason: "" });
    shell.clientMessage("x");
    script({ type: "send", peer: "up0.1", data: "late" });
    shell.clientMessage("y");
    expect(log).toEqual(["metric upstream_dials 1", "dial http://a", "hang up http://a 1000"]);
  });
});

describe("the client", () => {
  test("[O2] a second one puts the first out and the session goes on with it", () => {
    const { shell, session, log } = setUp();
    const [first, second] = [new PaperSocket("first", log), new PaperSocket("second", log)];
    shell.clientOpened(first, "realtime");
    shell.clientOpened(second, "duplex.v1");
    expect(log).toContain("first close 4001 another connection took over");
    expect([shell.isClient(first), shell.isClient(second)]).toEqual([false, true]);
    expect(session.inputs).toEqual([
      { type: "open", peer: CLIENT, dialect: "realtime" },
      { type: "open", peer: CLIENT, dialect: "duplex.v1" },
    ]);
  });
});

describe("time", () => {
  test("[O5] the session is called at its deadline, and not before", () => {
    const { shell, session, connect, clock } = setUp();
    session.deadline = clock.now() + 500;
    connect();
    clock.advance(499);
    expect(session.inputs).toEqual([]);
    clock.advance(1);
    expect(session.inputs).toEqual([{ type: "timeout" }]);
    session.deadline = null;
    shell.clientMessage("x");
    clock.advance(60_000);
    expect(session.inputs).toHaveLength(2);
  });

  test("[O5] a deadline that moves away with every frame sets one timer, one that comes nearer a new one", () => {
    const { shell, session, connect, clock } = setUp();
    let armed = 0;
    const schedule = clock.schedule.bind(clock);
    clock.schedule = (run, delayMs) => {
      armed += 1;
      return schedule(run, delayMs);
    };
    session.deadline = clock.now() + 500;
    connect();
    for (let frame = 0; frame < 20; frame += 1) {
      clock.advance(20);
      session.deadline = clock.now() + 500;
      shell.clientMessage("frame");
    }
    expect(armed).toBe(1);
    session.deadline = clock.now() + 5;
    shell.clientMessage("sooner");
    expect([armed, clock.pending]).toEqual([2, 1]);
    session.inputs.length = 0;
    clock.advance(5);
    expect(session.inputs).toEqual([{ type: "timeout" }]);
  });

  test("[O5] a deadline beyond what a timer can hold is waited for all the same", () => {
    const { session, connect, clock } = setUp();
    session.deadline = clock.now() + 2 ** 31 + 10;
    connect();
    clock.advance(2 ** 31 + 9);
    expect(session.inputs).toEqual([]);
    clock.advance(1);
    expect(session.inputs).toEqual([{ type: "timeout" }]);
  });

  test("[O5] a deadline that stays where it was is no loop", () => {
    const { session, connect, clock } = setUp();
    session.stuck = true;
    session.deadline = clock.now() + 10;
    connect();
    clock.advance(20);
    expect(session.inputs.length).toBeGreaterThan(1);
    expect(session.inputs.length).toBeLessThan(12);
  });

  test("[O11] what waits for a peer's network is reported when it changes", () => {
    const { shell, script, session, connect, client, clock } = setUp();
    connect();
    script(toClient("audio"));
    shell.clientMessage("x");
    client.bufferedAmount = 4800;
    clock.advance(250);
    clock.advance(250);
    client.bufferedAmount = 0;
    clock.advance(5000);
    expect(session.inputs.slice(1)).toEqual([
      { type: "buffered", peer: CLIENT, bytes: 4800 },
      { type: "buffered", peer: CLIENT, bytes: 0 },
    ]);
    expect(clock.pending).toBe(0);
  });
});

describe("snapshots", () => {
  const persist: Action = { type: "persist" };

  test("[O6] are taken after the sends of their tick, once, with the peers there are", () => {
    const { shell, script, connect, log, clock } = setUp();
    connect();
    script(persist, toClient("1"), dialTo("http://a", "up0.1"), persist);
    shell.clientMessage("x");
    expect(log).toEqual(["client < 1", "metric upstream_dials 1", "dial http://a"]);
    clock.advance(0);
    expect(log.at(-1)).toBe('save {"version":1,"number":1} with client up0.1');
  });

  test("[O6] are taken once per second at most, and the last wish is not forgotten", async () => {
    const { shell, script, connect, session, clock } = setUp();
    connect();
    for (let frame = 0; frame < 110; frame += 1) {
      script(persist);
      shell.clientMessage("x");
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

  test("[O15] are told to the session when they are durable, and never overlap", async () => {
    const { shell, script, connect, host, session, clock } = setUp();
    connect();
    host.slowDisk = true;
    script(persist);
    shell.clientMessage("x");
    clock.advance(0);
    script(persist);
    shell.clientMessage("y");
    clock.advance(5000);
    expect([session.snapshots, session.inputs.at(-1)?.type]).toEqual([1, "message"]);
    await host.write(true);
    expect(session.inputs.at(-1)).toEqual({ type: "persisted" });
    clock.advance(0);
    expect(session.snapshots).toBe(2);
    shell.clientMessage("z");
    await host.write(true);
    expect(session.inputs.filter((input) => input.type === "persisted")).toHaveLength(2);
    clock.advance(60_000);
    expect(session.snapshots).toBe(2);
  });

  test("[O15] that could not be stored are not told, and taken again, ever less often", async () => {
    const { shell, script, connect, host, session, clock } = setUp();
    connect();
    host.slowDisk = true;
    script(persist);
    shell.clientMessage("x");
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
    expect(session.inputs.at(-1)).toEqual({ type: "persisted" });
    clock.advance(600_000);
    expect(session.snapshots).toBe(5);
  });

  test("[O15] that became durable after the end are told to nobody", async () => {
    const { shell, script, connect, host, session, clock } = setUp();
    connect();
    host.slowDisk = true;
    script(persist);
    shell.clientMessage("x");
    clock.advance(0);
    script({ type: "end", reason: "done" });
    shell.clientMessage("y");
    await host.write(true);
    expect(session.inputs.map((input) => input.type)).toEqual(["message", "message"]);
  });
});

describe("sleep", () => {
  test("[O10] a quiet session without upstreams is stored and left alone until its deadline", async () => {
    const { shell, session, connect, log, clock } = setUp();
    session.quiet = true;
    session.deadline = clock.now() + 3_600_000;
    connect();
    clock.advance(4999);
    expect(log).toEqual([]);
    clock.advance(1);
    await settled();
    clock.advance(0);
    expect(log).toEqual(['save {"version":1,"number":1} with client', `sleep ${session.deadline}`]);
    expect(clock.pending).toBe(0);
    session.quiet = false;
    shell.clientMessage("good morning");
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
    expect(log).toEqual([
      'save {"version":1,"number":1} with client',
      "client < acknowledged",
      'save {"version":1,"number":2} with client',
      "sleep null",
    ]);
    expect(clock.pending).toBe(0);
  });

  test("[O16] a session that never comes to rest, or cannot be stored, sleeps all the same, and that is known", async () => {
    const restless = setUp();
    restless.session.quiet = true;
    restless.connect();
    for (let each = 0; each < 3; each += 1) restless.script(toClient("again"));
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
    expect(unstored.log).toEqual([
      'save {"version":1,"number":1} with client',
      "sleep null behind",
      'save {"version":1,"number":2} with client',
    ]);
  });

  test("[O16] a session that comes back as it was stored has no timer until something comes", () => {
    const session = new ScriptedSession();
    const { clock, log, ...host } = surroundings();
    session.deadline = clock.now() + 60_000;
    const shell = new Shell(session, { ...host, clock }, new PaperSocket("client", log), true);
    expect(clock.pending).toBe(0);
    shell.clientMessage("x");
    shell.clientMessage("y");
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
    linked.shell.clientMessage("x");
    for (const { clock, log } of [busy, near, linked]) {
      clock.advance(14_000);
      expect(log.filter((line) => line.startsWith("sleep"))).toEqual([]);
    }
  });
});

describe("the end", () => {
  test("[O9] closes what is open, stops every timer, and nothing comes after it", () => {
    const { shell, script, session, connect, host, log, clock } = setUp();
    connect();
    session.deadline = clock.now() + 500;
    script(dialTo("http://a", "up0.1"), { type: "persist" });
    shell.clientMessage("x");
    log.length = 0;
    script({ type: "end", reason: "done" });
    shell.clientMessage("y");
    expect(log).toEqual(["client close 1000 session ended", "hang up http://a 1000", "ended"]);
    expect([shell.over, clock.pending]).toEqual([true, 0]);
    session.inputs.length = 0;
    host.calls[0]?.events.message("late");
    shell.clientMessage("late");
    shell.woken();
    shell.terminate();
    expect(session.inputs).toEqual([]);
    expect(log).toHaveLength(3);
  });

  test("[O8] an exception of the core is an error event and 1011, once", () => {
    const { shell, session, connect, log, clock, script } = setUp();
    connect();
    script(dialTo("http://a", "up0.1"));
    shell.clientMessage("x");
    log.length = 0;
    session.failure = new RangeError("what the caller said");
    shell.clientMessage("y");
    shell.clientMessage("z");
    const [event = "", ...rest] = log;
    expect(JSON.parse(event.slice("client < ".length))).toEqual({
      type: "error",
      event_id: "event_internal_error",
      error: {
        type: "server_error",
        code: "internal_error",
        message: "The relay failed and closes this session.",
        param: null,
        event_id: null,
      },
    });
    expect(rest).toEqual([
      "metric session_failures 1",
      "client close 1011 internal error",
      "hang up http://a 1000",
      "failed RangeError",
    ]);
    expect(clock.pending).toBe(0);
  });

  test("[O8] so is one while a snapshot is taken", () => {
    const { shell, session, connect, log, script, clock } = setUp();
    connect();
    session.snapshot = () => {
      throw new TypeError("no");
    };
    script({ type: "persist" });
    shell.clientMessage("x");
    clock.advance(0);
    expect(log.at(-1)).toBe("failed TypeError");
  });
});
