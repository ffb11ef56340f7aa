import { describe, expect, test } from "vitest";
import { describeFailure } from "../../durable-objects/failure.ts";
import { CLIENT } from "../../src/session/io.ts";
import { BY_KEY, dialTo, PaperSocket, settled, setUp, toClient } from "./scripted.ts";

describe("actions", () => {
  test("[O1] are performed in the session's order", () => {
    const { say, script, connect, log } = setUp();
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
    say("x");
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
    const { say, shell, script, connect, log, client, session } = setUp();
    connect();
    client.broken = true;
    script(
      toClient("1"),
      { type: "send", peer: "up7.1", data: "2" },
      { type: "close", peer: "up7.1", code: 1000, reason: "" },
    );
    say("x");
    shell.clientClosed(client, 1006, "");
    script(toClient("3"));
    shell.woken();
    expect(log).toEqual([]);
    expect(session.inputs.map((input) => input.type)).toEqual(["message", "close", "timeout"]);
  });

  test("[O1] with codes and reasons that no close frame may carry are made fit", () => {
    const { shell, script, log } = setUp();
    for (const code of [1005, 1006, 1015, 999, 5000, 0, 1004, 4999]) {
      const client = new PaperSocket("client", log);
      shell.clientOpened(client, "realtime", BY_KEY);
      script({ type: "close", peer: CLIENT, code, reason: "é".repeat(100) });
      shell.clientMessage(client, "x");
    }
    const closes = log.filter((line) => line.startsWith("client close"));
    expect(closes.map((line) => line.split(" ")[2])).toEqual([...Array(7).fill("1000"), "4999"]);
    for (const line of closes) expect(new TextEncoder().encode(line.split(" ")[3]).byteLength).toBe(122);
  });
});

describe("upstreams", () => {
  test("[O3] an open socket, its messages and its end are inputs of its peer", () => {
    const { say, script, connect, host, session, log } = setUp();
    connect();
    script(dialTo("http://a", "up0.1"));
    say("x");
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
    const { say, script, connect, log } = setUp();
    connect();
    script(dialTo("http://a", "up0.1"), { type: "close", peer: "up0.1", code: 1000, reason: "" });
    say("x");
    script({ type: "send", peer: "up0.1", data: "late" });
    say("y");
    expect(log).toEqual(["metric upstream_dials 1", "dial http://a", "hang up http://a 1000"]);
  });
});

describe("a guard's moderators", () => {
  test("[X234] are asked what the session asks, and their word or failure is an input; after the end it is none", async () => {
    const { say, shell, script, connect, host, session, log } = setUp();
    connect();
    for (const id of [1, 2, 3]) script({ type: "moderate", id, side: "output", moderator: 1, text: "words" });
    for (const message of ["a", "b", "c"]) say(message);
    expect(log).toEqual(Array.from({ length: 3 }, () => "moderate output 1 words"));
    host.moderations[0]?.resolve("hate");
    host.moderations[1]?.reject(new Error("no"));
    await settled();
    expect(session.inputs.slice(-2)).toEqual([
      { type: "moderated", id: 1, moderator: 1, verdict: { category: "hate" } },
      { type: "moderated", id: 2, moderator: 1, verdict: null },
    ]);
    shell.terminate();
    host.moderations[2]?.resolve(null);
    await settled();
    expect(session.inputs).toHaveLength(5);
  });
});

describe("a tool of the relay's", () => {
  test("[X259] is called as the session says, and its result or failure is an input; after the end it is none", async () => {
    const { say, shell, script, connect, host, session, log } = setUp();
    connect();
    for (const id of ["a", "b", "c"])
      script({ type: "tool", id, callId: `call ${id}`, name: "weather", arguments: "{}" });
    for (const message of ["a", "b", "c"]) say(message);
    expect(log).toEqual(["tool a weather {}", "tool b weather {}", "tool c weather {}"]);
    host.toolCalls[0]?.resolve({ output: "grey" });
    host.toolCalls[1]?.reject(new Error("no"));
    await settled();
    expect(session.inputs.slice(-2)).toEqual([
      { type: "tool_answered", id: "a", result: { output: "grey" } },
      { type: "tool_answered", id: "b", result: { failure: "unreachable" } },
    ]);
    shell.terminate();
    host.toolCalls[2]?.resolve({ output: "late" });
    await settled();
    expect(session.inputs).toHaveLength(5);
  });
});

describe("an end-of-turn model", () => {
  test("[O31] is asked what the session asks, and its answer or failure is an input; after the end it is none", async () => {
    const { say, shell, script, connect, host, session, log } = setUp();
    connect();
    for (const id of [1, 2, 3]) script({ type: "consult", id, samples: new Int16Array(id) });
    for (const message of ["a", "b", "c"]) say(message);
    expect(log).toEqual(["consult 1", "consult 2", "consult 3"]);
    host.questions[0]?.resolve(0.75);
    host.questions[1]?.reject(new Error("no"));
    await settled();
    expect(session.inputs.slice(-2)).toEqual([
      { type: "consulted", id: 1, probability: 0.75 },
      { type: "consulted", id: 2, probability: null },
    ]);
    shell.terminate();
    host.questions[2]?.resolve(0.5);
    await settled();
    expect(session.inputs).toHaveLength(5);
  });
});

describe("the client", () => {
  test("[O70] one that was put out and goes on is cut off, once; later where another has taken over", () => {
    const { shell, session, log } = setUp();
    const [first, second] = [new PaperSocket("first", log), new PaperSocket("second", log)];
    shell.clientOpened(first, "realtime", BY_KEY);
    shell.clientOpened(second, "realtime", BY_KEY);
    for (let n = 0; n < 5000; n += 1) shell.clientMessage(first, "late");
    expect(log).not.toContain("cut");
    shell.clientMessage(first, "late");
    shell.clientMessage(first, "late");
    expect(log.filter((line) => line === "cut")).toHaveLength(1);
    expect(session.inputs).toHaveLength(2);
  });

  test("[O70] so is one after the session's end, or whose session nobody has taken over", () => {
    const { shell, log } = setUp();
    const socket = new PaperSocket("client", log);
    shell.clientOpened(socket, "realtime", BY_KEY);
    shell.terminate();
    for (let n = 0; n < 200; n += 1) shell.clientMessage(socket, "late");
    expect(log).not.toContain("cut");
    shell.clientMessage(socket, "late");
    expect(log).toContain("cut");
  });

  test("[O2] a second one puts the first out, whose late messages are dropped, and the session goes on with it", () => {
    const { shell, session, log } = setUp();
    const [first, second] = [new PaperSocket("first", log), new PaperSocket("second", log)];
    shell.clientOpened(first, "realtime", BY_KEY);
    shell.clientOpened(second, "duplex.v1", BY_KEY);
    shell.clientMessage(first, "late");
    shell.clientClosed(first, 1006, "");
    shell.clientMessage(second, "x");
    expect(log).toContain("first close 4001 another connection took over");
    expect(session.inputs).toEqual([
      { type: "open", peer: CLIENT, dialect: "realtime" },
      { type: "open", peer: CLIENT, dialect: "duplex.v1" },
      { type: "message", peer: CLIENT, data: "x" },
    ]);
  });
});

describe("time", () => {
  test("[O5] the session is called at its deadline, and not before", () => {
    const { say, session, connect, clock } = setUp();
    session.deadline = clock.now() + 500;
    connect();
    clock.advance(499);
    expect(session.inputs).toEqual([]);
    clock.advance(1);
    expect(session.inputs).toEqual([{ type: "timeout" }]);
    session.deadline = null;
    say("x");
    clock.advance(60_000);
    expect(session.inputs).toHaveLength(2);
  });

  test("[O5] a deadline that moves away with every frame sets one timer, one that comes nearer a new one", () => {
    const { say, session, connect, clock } = setUp();
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
      say("frame");
    }
    expect(armed).toBe(1);
    session.deadline = clock.now() + 5;
    say("sooner");
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
    const { say, script, session, connect, client, clock } = setUp();
    connect();
    script(toClient("audio"));
    say("x");
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

  test("[O11] that of the client is reported though it was read at once, once for what was sent", () => {
    const { say, script, session, connect, clock } = setUp();
    connect();
    script(toClient("audio"));
    say("x");
    clock.advance(5000);
    expect(session.inputs.slice(1)).toEqual([{ type: "buffered", peer: CLIENT, bytes: 0 }]);
  });

  test("[W12] much that was sent to the client is looked at within 20 ms, and before its next message", () => {
    const { say, script, session, connect, client, clock } = setUp();
    connect();
    const much = "x".repeat(300_000);
    script(toClient(much));
    say("1");
    client.bufferedAmount = 200_000;
    clock.advance(20);
    script(toClient(much));
    say("2");
    client.bufferedAmount = 500_000;
    say("3");
    expect(session.inputs.map((input) => (input.type === "buffered" ? input.bytes : input.type))).toEqual([
      "message",
      200_000,
      "message",
      500_000,
      "message",
    ]);
  });
});

describe("the end", () => {
  test("[O9] closes what is open, stops every timer, and nothing comes after it", () => {
    const { say, shell, script, session, connect, host, log, clock } = setUp();
    connect();
    session.deadline = clock.now() + 500;
    script(dialTo("http://a", "up0.1"), { type: "persist" });
    say("x");
    log.length = 0;
    script({ type: "end", reason: "done" });
    say("y");
    expect(log).toEqual(["client close 1000 session ended", "hang up http://a 1000", "ended"]);
    expect([shell.over, clock.pending]).toEqual([true, 0]);
    session.inputs.length = 0;
    host.calls[0]?.events.message("late");
    say("late");
    shell.woken();
    shell.terminate();
    expect(session.inputs).toEqual([]);
    expect(log).toHaveLength(3);
  });

  test("[O40] what a session wants done after its end is not done", () => {
    const { say, script, connect, log } = setUp();
    connect();
    script({ type: "end", reason: "client_gone" }, dialTo("http://a", "up0.1"), toClient("1"), {
      type: "metric",
      name: "upstream_dials",
      value: 1,
    });
    say("x");
    expect(log).toEqual(["client close 1000 session ended", "ended"]);
  });

  test("[O8] an exception of the core is an error event and 1011, once", () => {
    const { say, session, connect, log, clock, script } = setUp();
    connect();
    script(dialTo("http://a", "up0.1"));
    say("x");
    log.length = 0;
    session.failure = new RangeError("what the caller said");
    say("y");
    say("z");
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

  test("[O8] the log has its class and its place, and not a word of its message", () => {
    for (const said of ["what the caller said", "several\n    at lines of it", ""]) {
      const told = describeFailure(new RangeError(said));
      expect(told).toMatch(/^RangeError\n\s+at .*shell\.test/);
      if (said !== "") expect(told).not.toContain(said.slice(-10));
    }
    expect(describeFailure("what the caller said")).toBe("string");
  });

  test("[O8] so is one while a snapshot is taken", () => {
    const { say, session, connect, log, script, clock } = setUp();
    connect();
    session.snapshot = () => {
      throw new TypeError("no");
    };
    script({ type: "persist" });
    say("x");
    clock.advance(0);
    expect(log.at(-1)).toBe("failed TypeError");
  });
});
