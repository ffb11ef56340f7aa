import { describe, expect, test } from "vitest";

import { FRAME_AUDIO, writeFrame } from "../../src/protocol/frame.ts";
import { Call, type CallOptions } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const MANUAL = { audio: { input: { turn_detection: null } } };
const STORY = voice(8000, 24_000, 11);

/** A client that numbers, and can lose its connection and resume. */
class Resumer {
  readonly call: Call;
  token: string;
  received = 0;
  #sent = 0;

  constructor(options: CallOptions = {}) {
    this.call = new Call({ dialect: "duplex.v1", ...options });
    const { relay } = this.call.last("session.created")["session"] as { relay: { resume_token: string } };
    this.token = relay.resume_token;
  }

  /** Highest number received, counting everything that arrived. */
  get last(): number {
    const text = this.call.events.map((event) => Number(event["server_event_seq"] ?? 0));
    return Math.max(0, ...text, ...this.call.frames.map((frame) => frame.header.sequence));
  }

  audio(samples: Int16Array, sequence = (this.#sent += 1)): void {
    const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
    this.call.client(writeFrame({ kind: FRAME_AUDIO, stream: 0, response: 0, sequence }, bytes));
  }

  drop(): void {
    this.call.open.delete("client");
    this.call.input({ type: "close", peer: "client", code: 1006, reason: "" });
  }

  resume(lastReceived: number, token = this.token): void {
    this.call.connect("duplex.v1");
    this.call.client({ type: "session.resume", resume_token: token, last_received: lastReceived });
    const next = this.call.last("session.resumed")["resume_token"];
    if (typeof next === "string") this.token = next;
  }
}

function heard(call: Call): Uint8Array {
  return Uint8Array.from(call.frames.flatMap((one) => [...one.payload]));
}

describe("delivery", () => {
  test("[Y1] after a resume the client has every message once, in order, and the answer goes on where it stopped", () => {
    const client = new Resumer();
    const { call } = client;
    call.client({ type: "response.create" });
    call.answer(STORY);
    call.advance(1000);
    // The last messages were sent and never arrived.
    const arrived = client.last - 4;
    const frames = call.frames.filter((frame) => frame.header.sequence <= arrived);
    client.drop();
    call.advance(7000);
    expect(client.last).toBe(arrived + 4);
    call.frames.length = 0;
    call.frames.push(...frames);
    client.resume(arrived);
    expect(call.last("session.resumed")).toMatchObject({ verdict: "resumed", replayed: 4 });
    for (let second = 0; second < 9; second += 1) {
      call.client({ type: "session.heartbeat" });
      call.advance(1000);
    }
    expect(heard(call)).toEqual(new Uint8Array(STORY.buffer));
    const numbers = call.frames.map((frame) => frame.header.sequence);
    expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
  });

  test("[Y2] what the client sends again is taken once: every sample reaches the upstream exactly once", () => {
    const client = new Resumer({ session: MANUAL });
    const audio = voice(2000);
    const frames = Array.from({ length: 100 }, (_, at) => audio.subarray(at * 480, at * 480 + 480));
    for (const [at, frame] of frames.slice(0, 60).entries()) client.audio(frame, at + 1);
    client.drop();
    client.resume(client.last);
    expect(client.call.last("session.resumed")["last_received"]).toBe(60);
    for (const [at, frame] of frames.entries()) if (at >= 40) client.audio(frame, at + 1);
    client.call.client({ type: "input_audio_buffer.commit" });
    expect(client.call.heard()).toEqual(new Uint8Array(audio.buffer));
  });

  test("[Y3] input is acknowledged only when a snapshot that holds it is durable", () => {
    const client = new Resumer({ session: MANUAL });
    const { call } = client;
    for (let at = 0; at < 10; at += 1) client.audio(voice(20));
    call.advance(3100);
    expect(call.actions.some((action) => action.type === "persist")).toBe(true);
    expect(call.types()).not.toContain("session.ack");
    const { covers } = call.session.snapshot();
    client.audio(voice(20));
    call.session.snapshot();
    call.input({ type: "persisted", covers });
    expect(call.last("session.ack")).toEqual({ type: "session.ack", last_received: 10 });
    // The client is lost, comes back and begins anew: what was stored of before says nothing of its new numbers.
    const before = call.session.snapshot().covers;
    client.drop();
    call.connect("duplex.v1");
    client.audio(voice(20), 1);
    call.clearEvents();
    call.input({ type: "persisted", covers: before });
    expect(call.types()).not.toContain("session.ack");
    call.input({ type: "persisted", covers: call.session.snapshot().covers });
    expect(call.last("session.ack")).toEqual({ type: "session.ack", last_received: 1 });
  });

  test("[Y4] what does not fit into the bound is named: partial, with numbers and milliseconds", () => {
    const client = new Resumer({ limits: { outboxBytes: 20_000 } });
    const { call } = client;
    const before = client.last;
    call.client({ type: "response.create" });
    call.answer(voice(2000));
    call.advance(3000);
    const last = client.last;
    client.drop();
    client.resume(before);
    const verdict = call.last("session.resumed") as unknown as {
      verdict: string;
      missing: { messages: number; ms: number; ranges: [number, number][] };
      replayed: number;
    };
    expect(verdict.verdict).toBe("partial");
    expect(verdict.missing.ranges).toHaveLength(1);
    expect(verdict.missing.ranges[0]?.[0]).toBe(before + 1);
    expect(verdict.missing.messages + verdict.replayed).toBe(last - before);
    expect(verdict.missing.ms).toBeGreaterThan(500);
  });

  test("[Y5] acknowledged messages are forgotten; an acknowledgement of what was never sent is an error", () => {
    const client = new Resumer();
    const { call } = client;
    call.client({ type: "session.ack", last_received: client.last });
    expect(call.session.snapshot().port.outbox.groups).toEqual([]);
    call.client({ type: "session.ack", last_received: 999, event_id: "a" });
    expect(call.last("error")["error"]).toMatchObject({ param: "last_received", event_id: "a" });
  });

  test("[Y6] a wrong token is refused as lost and its connection closed; the session waits for the right one", () => {
    const client = new Resumer();
    client.drop();
    client.resume(0, "rt_wrong");
    expect(client.call.last("session.resumed")).toMatchObject({ verdict: "lost" });
    expect(client.call.actions.at(-1) ?? {}).not.toMatchObject({ type: "end" });
    expect(client.call.open.has("client")).toBe(false);
    client.resume(client.last);
    expect(client.call.last("session.resumed")).toMatchObject({ verdict: "resumed" });
  });

  test("[Y7] a token is spent by a resume; resumable says so", () => {
    const client = new Resumer();
    const first = client.token;
    expect(client.call.session.resumable(first)).toBe(true);
    client.drop();
    client.resume(client.last);
    expect(client.token).not.toBe(first);
    client.drop();
    client.resume(client.last);
    expect(client.call.session.resumable(first)).toBe(false);
    expect(client.call.session.resumable(client.token)).toBe(true);
    expect(client.call.session.resumable("")).toBe(false);
  });

  test("[Y14] the token of a resume that no snapshot has seen still opens the session after a crash", () => {
    const client = new Resumer();
    const kept = structuredClone(client.call.session.snapshot());
    client.drop();
    client.resume(client.last);
    client.call.crash(kept);
    expect(client.call.session.resumable(client.token)).toBe(true);
    client.resume(client.last);
    expect(client.call.last("session.resumed")).toMatchObject({ verdict: "resumed" });
    client.call.crash(structuredClone(client.call.session.snapshot()));
    expect(client.call.session.resumable(client.token)).toBe(true);
  });

  test("[Y8] a half-open connection is closed after five seconds of nothing, and the session waits", () => {
    const client = new Resumer();
    const { call } = client;
    call.client({ type: "session.heartbeat" });
    call.advance(4700);
    expect(call.open.has("client")).toBe(true);
    call.client({ type: "session.heartbeat" });
    call.advance(4700);
    expect(call.open.has("client")).toBe(true);
    call.advance(200);
    expect(call.actions).toContainEqual(
      expect.objectContaining({ type: "close", peer: "client", code: 4008 }),
    );
    expect(call.session.state().status).toBe("waiting");
    client.resume(client.last);
    expect(call.last("session.resumed")).toMatchObject({ verdict: "resumed" });
  });

  test("[Y15] what an upstream says to a client that is away is bounded; the answer then ends incomplete", () => {
    const client = new Resumer({ limits: { laneBytes: 96_000 } });
    const { call } = client;
    call.client({ type: "response.create" });
    call.beginAnswer();
    client.drop();
    for (let second = 0; second < 5; second += 1) {
      const audio = new Uint8Array(voice(1000).buffer).toBase64();
      call.upstream({ type: "audio", response: "r", item: "i", audio });
    }
    call.finishAnswer();
    const [[, lane] = []] = call.session.snapshot().responses.gate;
    expect(lane?.reduce((sum, event) => sum + (event.type === "audio" ? event.bytes.length : 0), 0)).toBe(
      96_000,
    );
    client.resume(client.last);
    for (let second = 0; second < 4; second += 1) {
      call.client({ type: "session.heartbeat" });
      call.advance(1000);
    }
    expect(heard(call).length).toBe(96_000);
    expect(call.last("response.done")["response"]).toMatchObject({
      status: "incomplete",
      status_details: { reason: "listener_away" },
    });
  });

  test("[Y9] the relay says something at least every two seconds to a client that can be told", () => {
    const client = new Resumer();
    const { call } = client;
    for (let second = 0; second < 10; second += 1) {
      call.client({ type: "session.heartbeat" });
      call.advance(1000);
    }
    expect(call.types().filter((type) => type === "session.heartbeat").length).toBeGreaterThanOrEqual(4);
  });

  test("[Y10] speech goes on across a gap: one turn, with all of its words", () => {
    const client = new Resumer();
    const { call } = client;
    const turn = concat(silence(600), voice(1600), silence(900));
    const frames = Array.from({ length: 155 }, (_, at) => turn.subarray(at * 480, at * 480 + 480));
    for (const [at, frame] of frames.entries()) {
      if (at === 70) {
        client.drop();
        call.advance(3000);
        client.resume(client.last);
      }
      client.audio(frame, at + 1);
      call.advance(20);
    }
    expect(call.types().filter((type) => type === "input_audio_buffer.committed").length).toBe(1);
    const whole = new Call();
    whole.speak(turn);
    expect(call.heard()).toEqual(whole.heard());
  });

  test("[Y11] a second connection takes the session over", () => {
    const client = new Resumer();
    client.resume(client.last);
    expect(client.call.last("session.resumed")).toMatchObject({ verdict: "resumed" });
  });

  test("[Y12] session.resume in the middle of a connection is an error", () => {
    const client = new Resumer();
    const event = { type: "session.resume", resume_token: client.token, last_received: 0, event_id: "r" };
    client.call.client(event);
    expect(client.call.last("error")["error"]).toMatchObject({ event_id: "r" });
  });

  test("[Y13] a crash with an old snapshot gives no name twice, and the verdict names what is forgotten", () => {
    const client = new Resumer();
    const { call } = client;
    const known = client.last;
    const kept = structuredClone(call.session.snapshot());
    call.client({ type: "response.create" });
    call.answer(voice(500));
    const ids = new Set(call.events.map((event) => event["event_id"]));
    const { last } = client;
    call.crash(kept);
    call.clearEvents();
    client.resume(last);
    expect(call.last("session.resumed")).toMatchObject({
      verdict: "partial",
      forgotten: [known + 1, last],
      replayed: 0,
    });
    call.advance(300);
    call.client({ type: "response.create" });
    const numbers = call.events.map((event) => event["server_event_seq"]).filter((number) => number);
    expect(numbers).toEqual(Array.from(numbers, (_, at) => last + 1 + at));
    expect(numbers.length).toBeGreaterThan(0);
    for (const event of call.events) expect(ids.has(event["event_id"])).toBe(false);
  });

  test("[P30] what was forgotten is told again when the verdict did not arrive, and not when it did", () => {
    const client = new Resumer();
    const { call, token, last: known } = client;
    const kept = structuredClone(call.session.snapshot());
    call.client({ type: "response.create" });
    const { last } = client;
    call.crash(kept);
    client.resume(last);
    const told = { verdict: "partial", forgotten: [known + 1, last] };
    // Neither the verdict nor anything after it arrived: its token is not known, and the object sleeps meanwhile.
    client.drop();
    call.hibernate();
    client.resume(last, token);
    expect(call.last("session.resumed")).toMatchObject(told);
    call.client({ type: "session.ack", last_received: last });
    client.drop();
    client.resume(last);
    expect(call.last("session.resumed")["verdict"]).toBe("resumed");
  });

  test("[Y13] a number that no session can have given in that time is not believed", () => {
    const client = new Resumer();
    const known = client.last;
    client.call.crash(structuredClone(client.call.session.snapshot()));
    client.resume(2 ** 40);
    expect(client.call.last("session.resumed")["forgotten"]).toEqual([known + 1, known + 10_000]);
  });

  test("[Y16] a client that saw nothing after the snapshot goes on exactly there", () => {
    const client = new Resumer();
    const { call } = client;
    call.client({ type: "response.create" });
    call.answer(STORY);
    call.advance(1000);
    const { last } = client;
    call.crash(structuredClone(call.session.snapshot()));
    call.advance(3000);
    expect(client.last).toBe(last);
    client.resume(last);
    expect(call.last("session.resumed")).toMatchObject({ verdict: "resumed", replayed: 0 });
    for (let second = 0; second < 9; second += 1) {
      call.client({ type: "session.heartbeat" });
      call.advance(1000);
    }
    const numbers = call.events
      .map((event) => Number(event["server_event_seq"] ?? 0))
      .filter((n) => n > last);
    const all = [...numbers, ...call.frames.map(({ header }) => header.sequence).filter((n) => n > last)];
    expect(Math.min(...all)).toBe(last + 1);
    // The provider had said all of it before the object died: the listener hears all of it, gapless.
    expect(heard(call)).toEqual(new Uint8Array(STORY.buffer));
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
  });

  test("[Y17] nothing that was forgotten is said again; what is owed is asked for under a new name", () => {
    const client = new Resumer({ session: MANUAL });
    const { call } = client;
    call.client({ type: "response.create" });
    const asked = call.last("response.created")["response"] as { id: string };
    const kept = structuredClone(call.session.snapshot());
    call.beginAnswer();
    call.upstream({ type: "transcript", response: "r", item: "i", delta: "Once" });
    call.crash(kept);
    call.clearEvents();
    client.resume(99);
    expect(JSON.stringify(call.events)).not.toContain(asked.id);
    const created = call.events.filter((event) => event.type === "response.created");
    expect(created).toHaveLength(1);
    expect(call.session.snapshot().responses.records.find(({ id }) => id === asked.id)).toMatchObject({
      phase: "failed",
    });
    call.accept("up0.2");
    call.answer(voice(200), "Once upon a time.", "up0.2");
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
  });

  test("[Y17] the turn being spoken is announced anew, and is heard and kept with all of its audio", () => {
    const client = new Resumer();
    const { call } = client;
    const turn = concat(silence(600), voice(1600), silence(900));
    const frames = Array.from({ length: 155 }, (_, at) => turn.subarray(at * 480, at * 480 + 480));
    let kept = structuredClone(call.session.snapshot());
    for (const [at, frame] of frames.entries()) {
      if (at === 70) kept = structuredClone(call.session.snapshot());
      if (at === 80) {
        call.client({ type: "session.update", session: { type: "realtime" } });
        call.crash(kept);
        client.resume(client.last);
        call.accept("up0.2");
        for (const [again, missed] of frames.slice(70, 80).entries()) client.audio(missed, 71 + again);
      }
      client.audio(frame, at + 1);
      call.advance(20);
    }
    const items = (type: string) =>
      call.events.filter((one) => one.type === type).map((one) => one["item_id"]);
    const [first, second] = items("input_audio_buffer.speech_started");
    expect(items("input_audio_buffer.speech_started")).toHaveLength(2);
    expect(first).not.toBe(second);
    expect(items("input_audio_buffer.committed")).toEqual([second]);
    const whole = new Call();
    whole.speak(turn);
    expect(call.heard("up0.2")).toEqual(whole.heard());
    call.client({ type: "conversation.item.retrieve", item_id: second as string });
    const { content } = call.last("conversation.item.retrieved")["item"] as { content: { audio: string }[] };
    expect(Uint8Array.fromBase64(content[0]?.audio ?? "")).toEqual(whole.heard());
  });

  test("[Y18] until a client says what it has seen, a session whose object died does nothing but end", () => {
    const client = new Resumer();
    const { call } = client;
    call.client({ type: "response.create" });
    call.crash(structuredClone(call.session.snapshot()));
    call.actions.length = 0;
    call.advance(10_000);
    // Asked for its snapshot, and restored again: the client's time is not begun anew.
    call.crash(structuredClone(call.session.snapshot()));
    call.advance(19_000);
    expect(call.actions).toEqual([]);
    call.advance(1001);
    expect(call.actions).toEqual([{ type: "end", reason: "client_gone" }]);
  });

  test("[Y19] what was announced of a turn, a response or a tool call is asked to be stored at once", () => {
    const call = new Call({ dialect: "duplex.v1" });
    const urgent = (act: () => void): number => {
      call.actions.length = 0;
      act();
      return call.actions.filter((action) => action.type === "persist" && action.urgent).length;
    };
    expect(urgent(() => call.speak(concat(silence(600), voice(1200), silence(900))))).toBe(2);
    expect(urgent(() => call.beginAnswer())).toBe(0);
    const tool = { type: "item.started", response: "r", item: "f", kind: "function_call" } as const;
    call.upstream({ ...tool, name: "look", callId: "c1" });
    expect(
      urgent(() =>
        call.upstream({ type: "item.done", status: "completed", response: "r", item: "f", arguments: "{}" }),
      ),
    ).toBe(1);
    expect(urgent(() => call.finishAnswer())).toBe(1);
  });
});
