import { describe, expect, test } from "vitest";

import { FRAME_AUDIO, writeFrame } from "../../src/protocol/frame.ts";
import { Call, type CallOptions } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const MANUAL = { audio: { input: { turn_detection: null } } };

/** A `duplex.v1` client that counts what it got, can lose its connection, and comes back when it likes. */
class Client {
  readonly call: Call;
  token: string;

  constructor(options: CallOptions = {}) {
    this.call = new Call({ dialect: "duplex.v1", ...options });
    this.token = this.told();
  }

  /** The token of the last `session.created`. */
  told(): string {
    const { relay } = this.call.last("session.created")["session"] as { relay: { resume_token: string } };
    return relay.resume_token;
  }

  get last(): number {
    const text = this.call.events.map((event) => Number(event["server_event_seq"] ?? 0));
    return Math.max(0, ...text, ...this.call.frames.map((frame) => frame.header.sequence));
  }

  drop(code = 1006, reason = ""): void {
    this.call.open.delete("client");
    this.call.input({ type: "close", peer: "client", code, reason });
  }

  resume(lastReceived = this.last, token = this.token): void {
    this.call.client({ type: "session.resume", resume_token: token, last_received: lastReceived });
    const next = this.call.last("session.resumed")["resume_token"];
    if (typeof next === "string") this.token = next;
  }

  /** Beats for so many seconds. */
  beat(seconds: number): void {
    for (let second = 0; second < seconds; second += 1) {
      this.call.client({ type: "session.heartbeat" });
      this.call.advance(1000);
    }
  }
}

function say(call: Call, samples: Int16Array, sequence: number): void {
  const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
  call.client(writeFrame({ kind: FRAME_AUDIO, stream: 0, response: 0, sequence }, bytes));
}

describe("a client that comes back and takes its time", () => {
  test.each([1.5, 2.5, 10, 25])("[Y54] %f s after its upgrade its session.resume is one", (seconds) => {
    const client = new Client();
    const { call, last } = client;
    client.drop();
    call.clearEvents();
    call.connect("duplex.v1");
    call.advance(seconds * 1000);
    expect(call.types()).toEqual([]);
    client.resume(last);
    expect(call.last("session.resumed")).toMatchObject({ verdict: "resumed" });
    expect(call.types()).not.toContain("session.created");
  });

  test("[Y54] says nothing at all: it is closed with 4008, nothing began anew, and the session waits on", () => {
    const client = new Client();
    const { call } = client;
    const { last } = client;
    client.drop();
    call.clearEvents();
    call.connect("duplex.v1");
    call.advance(30_001);
    expect(call.open.has("client")).toBe(false);
    expect(call.actions).toContainEqual({
      type: "close",
      peer: "client",
      code: 4008,
      reason: "nothing was said",
    });
    expect(call.types()).toEqual([]);
    call.advance(5000);
    call.connect("duplex.v1");
    client.resume(last);
    expect(call.last("session.resumed")).toMatchObject({ verdict: "resumed" });
  });

  test.each([false, true])(
    "[Y55] and dialled within its 30 s is waited for, 30 s more, also after a crash: %s",
    (crashed) => {
      const client = new Client();
      const { call } = client;
      if (crashed) call.crash(structuredClone(call.session.snapshot()));
      else client.drop();
      call.advance(29_000);
      call.input({ type: "pending" });
      // Whatever happens meanwhile, its time goes on.
      if (crashed) call.crash(structuredClone(call.session.snapshot()));
      call.advance(29_000);
      expect(call.session.state().status).toBe("waiting");
      call.connect("duplex.v1");
      client.resume();
      expect(call.last("session.resumed")).toMatchObject({ verdict: "resumed" });
      client.drop();
      call.input({ type: "pending" });
      call.advance(30_001);
      expect(call.session.state().status).toBe("ended");
    },
  );

  test("[Y55] a connection that may be it changes nothing for a client that is there", () => {
    const { call } = new Client();
    call.input({ type: "pending" });
    call.advance(60_000);
    expect(call.session.state().status).toBe("connected");
  });
});

describe("another client of the session", () => {
  test("[Y56] of another dialect: numbers begin with one, both ways, and its audio is heard from the first frame", () => {
    const call = new Call({ session: MANUAL });
    call.client({ type: "session.update", session: { type: "realtime" } });
    for (const dialect of ["duplex.v1", "realtime", "duplex.v1"] as const) {
      call.clearEvents();
      call.connect(dialect);
      const numbers = call.events.map((event) => event["server_event_seq"]);
      const expected = dialect === "realtime" ? numbers.map(() => undefined) : numbers.map((_, at) => at + 1);
      expect(numbers).toEqual(expected);
      expect(call.types()[0]).toBe("session.created");
      if (dialect === "realtime") continue;
      const before = call.heard().length;
      for (let frame = 1; frame <= 50; frame += 1) say(call, voice(20), frame);
      call.client({ type: "input_audio_buffer.commit" });
      expect(call.heard().length - before).toBe(48_000);
      call.client({ type: "input_audio_buffer.clear" });
      call.client({ type: "session.ack", last_received: numbers.length });
    }
  });

  test("[Y56] puts an end to the tokens of the one before, whose numbers are gone", () => {
    const client = new Client();
    const { call } = client;
    const first = client.token;
    call.connect("realtime");
    expect(call.session.resumable(first)).toBe(false);
    call.connect("duplex.v1");
    const second = client.told();
    expect([second === first, call.session.resumable(first), call.session.resumable(second)]).toEqual([
      false,
      false,
      true,
    ]);
    // The same dialect, and it begins anew.
    call.connect("duplex.v1");
    call.client({ type: "input_audio_buffer.clear" });
    expect(call.session.resumable(second)).toBe(false);
    expect(call.session.resumable(client.told())).toBe(true);
  });

  test("[Y56] is not held to the heartbeats of the one before", () => {
    const client = new Client();
    client.beat(2);
    client.call.connect("duplex.v1");
    client.call.client({ type: "input_audio_buffer.clear" });
    client.call.advance(20_000);
    expect(client.call.open.has("client")).toBe(true);
  });

  test("[Y56] a crash before the next snapshot does not bring the former numbers back: it is asked for at once", () => {
    const { call } = new Client();
    call.connect("duplex.v1");
    call.actions.length = 0;
    call.client({ type: "input_audio_buffer.clear" });
    expect(call.actions).toContainEqual({ type: "persist", urgent: true });
  });

  test.each([false, true])(
    "[Y56] nor does one before that: who resumes then is another one of whom nothing is known (came while the other was there: %s)",
    (there) => {
      const client = new Client();
      const { call } = client;
      call.client({ type: "input_audio_buffer.clear", client_event_seq: 1 });
      call.client({ type: "input_audio_buffer.clear", client_event_seq: 2 });
      const kept = structuredClone(call.session.snapshot());
      if (!there) client.drop();
      call.clearEvents();
      call.connect("duplex.v1");
      call.client({ type: "input_audio_buffer.clear", client_event_seq: 1 });
      const [token, last] = [client.told(), client.last];
      call.crash(kept);
      expect(call.session.resumable(token)).toBe(true);
      call.connect("duplex.v1");
      call.clearEvents();
      client.resume(last, token);
      expect(call.last("session.resumed")).toMatchObject({
        verdict: "partial",
        last_received: 0,
        replayed: 0,
        forgotten: [1, last],
      });
      call.client({ type: "input_audio_buffer.clear", client_event_seq: 1 });
      expect(call.last("input_audio_buffer.cleared")["server_event_seq"]).toBe(client.last);
      expect(call.session.snapshot().covers.received).toBe(1);
    },
  );
});

describe("half a sample", () => {
  test.each(["realtime", "duplex.v1"] as const)(
    "[M210] of a client that is gone is no part of what the next one says (%s)",
    (dialect) => {
      const call = new Call({ dialect, session: MANUAL });
      const bytes = new Uint8Array(voice(100).buffer);
      const says = (part: Uint8Array) =>
        call.client({ type: "input_audio_buffer.append", audio: part.toBase64() });
      says(bytes.subarray(0, 961));
      call.input({ type: "close", peer: "client", code: 1006, reason: "" });
      call.open.delete("client");
      call.connect(dialect);
      says(bytes);
      expect([...call.heard()]).toEqual([...bytes.subarray(0, 960), ...bytes]);
    },
  );
});

describe("a resume token", () => {
  test("[Y57] the token that was used is dead with the first message of who resumed by it, and lives until then", () => {
    const messages: (string | Uint8Array)[] = [
      '{"type":"session.heartbeat"}',
      JSON.stringify({ type: "session.ack", last_received: 0 }),
      JSON.stringify({ type: "input_audio_buffer.append", audio: "AAAA" }),
      writeFrame({ kind: 1, stream: 0, response: 0, sequence: 1 }, new Uint8Array(2)),
    ];
    for (const data of messages) {
      const client = new Client();
      const { call } = client;
      const first = client.token;
      client.drop();
      call.connect("duplex.v1");
      client.resume();
      expect(call.session.resumable(first)).toBe(true);
      call.input({ type: "message", peer: "client", data });
      expect(call.session.resumable(first)).toBe(false);
      expect(call.session.resumable(client.token)).toBe(true);
      call.hibernate();
      expect(call.session.resumable(first)).toBe(false);
    }
  });
});

describe("a client that hangs up", () => {
  test.each([
    [1000, "end", "ended"],
    [1001, "end", "ended"],
    [1000, "", "waiting"],
    [1001, "", "waiting"],
    [1006, "", "waiting"],
    [4008, "end", "waiting"],
  ] as const)("[Y58] duplex.v1, with %i '%s': %s", (code, reason, status) => {
    const client = new Client();
    client.drop(code, reason);
    expect(client.call.session.state().status).toBe(status);
  });
});

describe("what was not received", () => {
  /** A ten-second answer; the network takes nothing after two seconds of it, which is found out five seconds later. */
  function blackHole(seconds = 2): { client: Client; arrived: number } {
    const client = new Client();
    const { call } = client;
    call.client({ type: "response.create" });
    call.answer(voice(10_000, 24_000, 11), "One two three four five six seven eight nine ten.");
    client.beat(seconds);
    const arrived = client.last;
    call.advance(4900);
    expect(call.open.has("client")).toBe(false);
    call.advance(500);
    call.connect("duplex.v1");
    call.clearEvents();
    client.resume(arrived);
    return { client, arrived };
  }

  test("[Y59] is heard after the resume: the answer is audible, and never more than the lead ahead, to its very end", () => {
    const { client } = blackHole();
    const { call } = client;
    // What arrived was heard in the hole; with the next frames the listener is where the relay takes them to be.
    const again = call.frames.reduce((sum, frame) => sum + frame.payload.length / 48, 0);
    expect(again).toBeGreaterThan(3700);
    client.beat(7);
    expect(call.types()).not.toContain("response.done");
    client.beat(2);
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
  });

  test("[Y59] speech over its tail interrupts it, where the listener is", () => {
    const { client } = blackHole();
    const { call } = client;
    client.beat(6);
    call.clearEvents();
    // The listener has some 8.2 s; by the time that went by the relay would take all ten for heard.
    call.speak(concat(voice(900), silence(900)));
    expect(call.types()).toContain("output_audio_buffer.cleared");
    const { audio_end_ms: heard } = call.last("conversation.item.truncated") as unknown as {
      audio_end_ms: number;
    };
    expect(heard).toBeGreaterThan(7800);
    expect(heard).toBeLessThan(9700);
  });

  test("[Y4] counts the milliseconds of what fell out and was not received, and no others", () => {
    const client = new Client({ limits: { outboxBytes: 60_000 } });
    const { call } = client;
    call.client({ type: "response.create" });
    call.answer(voice(5000), "Hello.");
    call.advance(5000);
    const sizes = new Map(call.frames.map((frame) => [frame.header.sequence, frame.payload.length / 48]));
    const { last } = client;
    const half = Math.floor(last / 2);
    client.drop();
    for (const [received, by] of [
      [half, "a drop"],
      [half + 5, "another"],
    ] as const) {
      call.connect("duplex.v1");
      client.resume(received);
      const { missing } = call.last("session.resumed") as unknown as {
        missing: { ms: number; ranges: [number, number][] };
      };
      const [[from, to] = [0, 0]] = missing.ranges;
      expect([from, missing.ranges.length, by]).toEqual([received + 1, 1, by]);
      const ms = [...sizes].filter(([n]) => n >= from && n <= to).reduce((sum, [, each]) => sum + each, 0);
      expect(missing.ms).toBe(Math.round(ms));
      client.drop();
    }
  });
});

describe("an object that dies again and again", () => {
  test("[Y60] does not begin its client's time anew: the first life that knows asks for a snapshot at once", () => {
    const { call } = new Client();
    const kept = structuredClone(call.session.snapshot());
    call.actions.length = 0;
    call.crash(kept);
    expect(call.actions).toEqual([{ type: "persist", urgent: true }]);
    for (let life = 0; life < 3; life += 1) {
      call.advance(9000);
      call.actions.length = 0;
      call.crash(structuredClone(call.session.snapshot()));
      expect(call.actions).toEqual([]);
    }
    call.advance(3001);
    expect(call.session.state().status).toBe("ended");
  });
});
