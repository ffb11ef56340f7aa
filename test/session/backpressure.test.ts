import { describe, expect, test } from "vitest";

import { Call, WIRE } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const TURN = concat(silence(600), voice(1200), silence(900));
const samplesOf = (bytes: Uint8Array) => new Int16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
const MiB = 1024 * 1024;

function buffered(call: Call, peer: string, bytes: number): void {
  call.input({ type: "buffered", peer, bytes });
}

function played(call: Call): Int16Array {
  return samplesOf(Uint8Array.from(call.frames.flatMap((frame) => [...frame.payload])));
}

describe("a client that does not read", () => {
  test("[W1] is sent no more of an answer until it does, and then all of it", () => {
    const call = new Call({ dialect: "duplex.v1", session: { relay: { lead_ms: null } } });
    call.client({ type: "response.create" });
    call.beginAnswer();
    const answer = voice(3000);
    const part = (from: number, to: number) =>
      call.upstream({
        type: "audio",
        response: "r",
        item: "i",
        audio: new Uint8Array(answer.slice(from * 24, to * 24).buffer).toBase64(),
      });
    part(0, 1000);
    buffered(call, "client", 2 * MiB);
    part(1000, 3000);
    call.finishAnswer();
    expect(played(call)).toHaveLength(24_000);
    buffered(call, "client", MiB * 0.7);
    expect(played(call)).toHaveLength(24_000);
    buffered(call, "client", MiB * 0.4);
    expect(played(call)).toEqual(answer);
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
  });

  test("[W2] and takes nothing for 20 seconds is closed with 4008; it may resume", () => {
    const call = new Call({ dialect: "duplex.v1" });
    buffered(call, "client", 2 * MiB);
    call.advance(15_000);
    buffered(call, "client", 1.9 * MiB);
    call.advance(15_000);
    expect(call.open.has("client")).toBe(true);
    call.advance(5001);
    expect(call.actions.findLast((action) => action.type === "close")).toMatchObject({
      peer: "client",
      code: 4008,
    });
    expect(call.session.state().status).toBe("waiting");
    const plain = new Call({ dialect: "realtime" });
    buffered(plain, "client", 2 * MiB);
    plain.advance(20_001);
    expect(plain.open.has("client")).toBe(false);
  });
});

describe("what stands unread in a client's socket", () => {
  const item = (id: string, size: number) => ({
    type: "conversation.item.create",
    item: {
      id,
      type: "message",
      role: "user",
      content: [{ type: "input_image", image_url: "x".repeat(size) }],
    },
  });
  const closes = (call: Call) => call.actions.filter((action) => action.type === "close");

  test("[W10] is counted as it is sent: beyond 4 MiB the connection is closed with 4008, at once", () => {
    const call = new Call();
    buffered(call, "client", 1000);
    const update = (n: number) =>
      call.client({ type: "session.update", session: { instructions: `${n} `.repeat(60_000) } });
    for (let n = 10; n < 60 && call.open.has("client"); n += 1) update(n);
    expect(closes(call)).toMatchObject([{ peer: "client", code: 4008 }]);
    const sent = call.actions.flatMap((one) =>
      one.type === "send" && one.peer === "client" ? [one.data] : [],
    );
    const size = sent.reduce((sum, data) => sum + data.length, 0);
    expect(size).toBeGreaterThan(3.5 * MiB);
    expect(size).toBeLessThan(4 * MiB);
    expect(call.session.state().status).toBe("waiting");
  });

  test("[W10] what its own large item or a retrieval has it told is no reason, but read it must first", () => {
    const call = new Call();
    call.client(item("a", 5 * MiB));
    call.client({ type: "session.update", session: { instructions: "Other." } });
    expect(closes(call)).toEqual([]);
    call.client(item("b", MiB));
    expect(call.last("error")["error"]).toMatchObject({ code: "rate_limit_exceeded" });
    buffered(call, "client", 0);
    call.client({ type: "conversation.item.retrieve", item_id: "a" });
    call.client({
      type: "conversation.item.create",
      item: { type: "message", role: "user", content: [{ type: "input_text", text: "Hi." }] },
    });
    expect(closes(call)).toEqual([]);
    expect(call.session.snapshot().conversation.entries).toHaveLength(2);
  });

  test("[W10] what a client that comes back is told of the conversation may all wait to be read", () => {
    const call = new Call();
    for (const id of ["a", "b", "c"]) {
      call.client(item(id, MiB));
      buffered(call, "client", 0);
    }
    call.open.delete("client");
    call.input({ type: "close", peer: "client", code: 1006, reason: "" });
    call.clearEvents();
    call.connect("realtime");
    expect(call.types().filter((type) => type === "conversation.item.added")).toHaveLength(3);
    buffered(call, "client", 6 * MiB);
    call.client({ type: "response.create" });
    expect(closes(call)).toEqual([]);
    expect(call.last("response.created")).toBeDefined();
  });

  test("[W11] nothing is said once more that was asked for again meanwhile", () => {
    const call = new Call();
    call.client(item("a", 0.6 * MiB));
    call.clearEvents();
    call.client({ type: "conversation.item.retrieve", item_id: "a", event_id: "again" });
    expect(call.last("error")["error"]).toMatchObject({ code: "rate_limit_exceeded", event_id: "again" });
    for (const session of [{}, { instructions: "" }]) {
      call.clearEvents();
      call.client({ type: "session.update", session, event_id: "same" });
      expect(call.events).toMatchObject([{ error: { code: "rate_limit_exceeded", event_id: "same" } }]);
    }
    call.client({ type: "session.update", session: { instructions: "Other." } });
    expect(call.last("session.updated")["session"]).toMatchObject({ instructions: "Other." });
    buffered(call, "client", 0);
    call.client({ type: "conversation.item.retrieve", item_id: "a" });
    expect(call.last("conversation.item.retrieved")).toBeDefined();
  });

  test("[W12] an answer waits when more than 1 MiB was sent since anybody looked, and goes on then", () => {
    const call = new Call();
    buffered(call, "client", 0);
    call.client({ type: "response.create" });
    call.beginAnswer();
    const second = new Uint8Array(voice(1000).buffer).toBase64();
    for (let n = 0; n < 40; n += 1) {
      call.upstream({ type: "audio", response: "r", item: "i", audio: second });
    }
    call.finishAnswer();
    const sent = () => call.types().filter((type) => type === "response.output_audio.delta").length;
    expect(sent()).toBeGreaterThan(10);
    expect(sent()).toBeLessThan(20);
    for (let n = 0; n < 3; n += 1) buffered(call, "client", 0);
    expect(sent()).toBe(40);
    expect(closes(call)).toEqual([]);
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
  });
});

describe("an upstream that does not read", () => {
  test("[W3] gets the turn later, at its end at the latest, and whole", () => {
    const call = new Call();
    const reference = new Call();
    reference.speak(TURN);
    call.speak(TURN.subarray(0, 24 * 900));
    buffered(call, "up0.1", MiB);
    const before = call.heard().length;
    call.speak(TURN.subarray(24 * 900, 24 * 1500));
    expect(call.heard()).toHaveLength(before);
    call.speak(TURN.subarray(24 * 1500));
    expect(call.heard()).toEqual(reference.heard());
    expect(call.commandTypes()).toEqual(["greet", "audio", "commit", "respond"]);
  });

  test("[W4] and falls seconds behind is given up; the next connection hears all of the turn", () => {
    const call = new Call({ dialect: "duplex.v1" });
    const speech = concat(silence(400), voice(6500));
    call.speak(speech.subarray(0, 24 * 600));
    buffered(call, "up0.1", MiB);
    call.speak(speech.subarray(24 * 600));
    expect(call.last("error")["error"]).toMatchObject({ code: "upstream_congested" });
    call.accept("up0.2");
    call.speak(silence(1000));
    const reference = new Call();
    reference.speak(concat(speech, silence(1000)));
    expect(call.heard("up0.2")).toEqual(reference.heard());
  });

  test("[W5] and hears everything is spared the silence, and told of; speech it gets whole", () => {
    const duplex = [{ name: "wire", options: { adapter: "wire", settings: { turns: "none" } } }];
    const session = { audio: { input: { turn_detection: null } } };
    const call = new Call({ upstreams: duplex, session, dialect: "duplex.v1" });
    call.speak(silence(1000));
    buffered(call, "up0.1", MiB);
    call.speak(silence(3000));
    const dropped = call.events.filter((event) => event.type === "relay.audio_dropped");
    const droppedMs = dropped.reduce((sum, event) => sum + Number(event["ms"]), 0);
    expect(droppedMs).toBeGreaterThan(1900);
    expect(dropped[0]).toMatchObject({ upstream: "wire" });
    const speech = voice(2000);
    call.speak(speech);
    buffered(call, "up0.1", 0);
    call.speak(silence(500));
    const heard = samplesOf(call.heard());
    expect(heard.subarray(heard.length - speech.length - 12_000, heard.length - 12_000)).toEqual(speech);
    expect(heard.length).toBe(24 * (1000 + 3000 - droppedMs + 2000 + 500));
  });
});

describe("answers of nothing", () => {
  /** @param tokens what it says that it put out; null: it says nothing of that */
  const nothing = (call: Call, peer = "up0.1", tokens: number | null = 0) => {
    const ask = call.commands(peer).findLast(({ type }) => type === "respond");
    const answers = ask?.type === "respond" ? ask.responseId : null;
    const response = `r${call.commands(peer).length}`;
    call.upstream({ type: "response.started", response, answers }, peer);
    const usage = tokens === null ? null : { input_tokens: 900, output_tokens: tokens };
    const done = { reason: null, error: null, usage, metadata: null };
    call.upstream({ type: "response.done", response, status: "completed", ...done }, peer);
  };
  const statuses = (call: Call) =>
    call.events.flatMap(({ type, response }) =>
      type === "response.done" ? [(response as { status: string }).status] : [],
    );

  test("[L402] are passed on once; the second one in a row is asked of another connection, which is told the conversation", () => {
    for (const tokens of [0, null]) {
      const call = new Call();
      call.speak(TURN);
      nothing(call, "up0.1", tokens);
      expect(statuses(call)).toEqual(["completed"]);
      expect(call.open.has("up0.1")).toBe(true);
      call.speak(TURN);
      nothing(call, "up0.1", tokens);
      expect(call.open.has("up0.1")).toBe(false);
      expect(statuses(call)).toEqual(["completed"]);
      call.advance(1000);
      call.accept("up0.2");
      expect(call.commandTypes("up0.2").at(-1)).toBe("respond");
      call.answer(voice(300), "Hello.", "up0.2");
      expect(statuses(call)).toEqual(["completed", "completed"]);
      expect(call.last("response.done")["response"]).toMatchObject({ output: [{ type: "message" }] });
    }
  });

  test("[L402] that go on fail aloud, and those that a model was paid for are its own", () => {
    const call = new Call();
    call.speak(TURN);
    nothing(call);
    call.speak(TURN);
    nothing(call);
    for (const peer of ["up0.2", "up0.3"]) {
      call.advance(2000);
      call.accept(peer);
      nothing(call, peer);
    }
    call.advance(2000);
    expect(call.last("response.done")["response"]).toMatchObject({
      status: "failed",
      status_details: { error: { code: "upstream_silent" } },
    });
    const silent = new Call();
    for (let n = 0; n < 5; n += 1) {
      silent.speak(TURN);
      nothing(silent, "up0.1", 3);
    }
    expect(silent.open.has("up0.1")).toBe(true);
    expect(statuses(silent)).toEqual(Array.from({ length: 5 }, () => "completed"));
  });

  test("[L402] are two in a row in another isolate too", () => {
    const call = new Call();
    call.speak(TURN);
    nothing(call);
    call.hibernate();
    call.speak(TURN);
    nothing(call);
    expect(call.open.has("up0.1")).toBe(false);
  });
});

describe("an answer that nobody can hear", () => {
  const SILENT = new Uint8Array(24_000 * 2).toBase64();
  const say = (call: Call, seconds: number) => {
    call.upstream({ type: "transcript", response: "r", item: "i", delta: "Hello." });
    for (let at = 0; at < seconds; at += 1)
      call.upstream({ type: "audio", response: "r", item: "i", audio: SILENT });
  };

  test("[L34] is a failure of its provider where there is a fallback, which answers the same turn", () => {
    const call = new Call({
      upstreams: [{ ...WIRE, fallback: [{ adapter: "wire" }] }],
      dialect: "duplex.v1",
    });
    call.speak(TURN);
    call.beginAnswer();
    say(call, 2);
    expect(call.open.has("up0.1")).toBe(true);
    say(call, 1);
    expect(call.open.has("up0.1")).toBe(false);
    expect(call.last("response.done")["response"]).toMatchObject({
      status: "failed",
      status_details: { error: { code: "upstream_silent" } },
    });
    call.advance(1);
    call.accept("up0.2");
    // Of what was not heard nothing is told, and the whole answer is asked for.
    expect(call.commandTypes("up0.2")).toEqual(["greet", "audio", "commit", "respond"]);
    expect(call.commands("up0.2").at(-1)).toMatchObject({ options: { params: {} } });
    call.answer(voice(300), "Hello.", "up0.2");
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
  });

  test("[L401] is one in words alone where sound was asked for: the fallback answers, or the client is told", () => {
    const written = (call: Call, peer?: string) => {
      call.beginAnswer(peer);
      call.upstream({ type: "text", response: "r", item: "i", delta: "Hello." }, peer);
      call.finishAnswer(peer);
    };
    const call = new Call({ upstreams: [{ ...WIRE, fallback: [{ adapter: "wire" }] }] });
    call.speak(TURN);
    written(call);
    expect(call.open.has("up0.1")).toBe(false);
    expect(call.last("response.done")["response"]).toMatchObject({
      status: "failed",
      status_details: { error: { code: "upstream_silent" } },
    });
    call.advance(1);
    call.accept("up0.2");
    expect(call.commandTypes("up0.2").at(-1)).toBe("respond");
    call.answer(voice(300), "Hello.", "up0.2");
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });

    const alone = new Call({ dialect: "duplex.v1" });
    alone.speak(TURN);
    written(alone);
    expect(alone.last("response.done")["response"]).toMatchObject({ status: "completed" });
    expect(alone.last("error")["error"]).toMatchObject({ code: "upstream_silent" });
    const plain = new Call();
    plain.speak(TURN);
    written(plain);
    expect(plain.types()).not.toContain("error");

    // Words were asked for, or a tool is called.
    const reads = new Call({ session: { output_modalities: ["text"] } });
    reads.speak(TURN);
    written(reads);
    expect(reads.types()).not.toContain("error");
    const calls = new Call({ upstreams: [{ ...WIRE, fallback: [{ adapter: "wire" }] }] });
    calls.speak(TURN);
    calls.beginAnswer();
    calls.upstream({ type: "text", response: "r", item: "i", delta: "Hello." });
    const f = { response: "r", item: "f", kind: "function_call", name: "look", callId: "c" } as const;
    calls.upstream({ type: "item.started", ...f });
    calls.upstream({ type: "item.done", status: "completed", response: "r", item: "f", arguments: "{}" });
    calls.finishAnswer();
    expect(calls.open.has("up0.1")).toBe(true);
  });

  test("[L35] is told once where there is none, and not while it can be heard", () => {
    const call = new Call({ dialect: "duplex.v1" });
    call.speak(TURN);
    call.beginAnswer();
    say(call, 2);
    const audio = new Uint8Array(voice(200).buffer).toBase64();
    call.upstream({ type: "audio", response: "r", item: "i", audio });
    say(call, 2);
    expect(call.types()).not.toContain("error");
    say(call, 8);
    const errors = call.events.filter((event) => event.type === "error");
    expect(errors).toHaveLength(1);
    expect(errors[0]?.["error"]).toMatchObject({ code: "upstream_silent" });
  });
});
