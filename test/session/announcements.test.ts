/** What the application has said: where it is placed, what it gives way to, and what is told of it. */
import { describe, expect, test } from "vitest";

import type { JsonObject } from "../../src/protocol/json.ts";
import { begin, byType, finish, response, say } from "../support/answering.ts";
import { Call, type CallOptions, type Received } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";
import { Watcher } from "../support/watcher.ts";

const base64 = (ms: number): string => new Uint8Array(voice(ms).buffer).toBase64();
const SOUNDS = new Map([["ding", { rateHz: 16_000, samples: voice(200, 16_000) }]]);

function observed(options: CallOptions = {}): { readonly call: Call; readonly observer: Watcher } {
  const call = new Call({ dialect: "duplex.v1", sounds: SOUNDS, ...options });
  return { call, observer: new Watcher(call) };
}

const saying = (more: JsonObject = {}): JsonObject => ({
  type: "relay.say",
  say_id: "a",
  audio: base64(500),
  ...more,
});
const became = (observer: Watcher): readonly string[] =>
  observer.events
    .filter(({ type }) => type.startsWith("relay.say."))
    .map(({ type, reason }) => {
      const what = type.slice("relay.say.".length);
      return typeof reason === "string" ? `${what} ${reason}` : what;
    });
const own = (call: Call) =>
  byType(call, "response.created").filter(
    (event) => ((event["response"] as Received)["metadata"] as Received | null)?.["relay"] === "announcement",
  );
const frames = (call: Call, event: Received | undefined) => {
  const relay = (event?.["response"] as Received | undefined)?.["relay"] as Received | undefined;
  return call.frames.filter(({ header }) => header.response === relay?.["ordinal"]);
};
const ms = (of: ReturnType<typeof frames>) =>
  of.reduce((sum, { payload }) => sum + payload.byteLength / 48, 0);

/** An answer is being said: so many milliseconds of it came. */
function answering(call: Call, length: number): void {
  call.client({ type: "response.create" });
  begin(call);
  call.upstream({ type: "item.started", response: "r", item: "i", kind: "message" });
  say(call, length);
}

describe("where an announcement is placed", () => {
  test("[X310] in a gap at once: sound that was sent, or a sound of the configuration; no history and no model knows of it", () => {
    const { call, observer } = observed();
    const before = call.commands().length;
    observer.say(saying());
    expect(became(observer)).toEqual(["queued", "started"]);
    call.advance(2000);
    expect(became(observer)).toEqual(["queued", "started", "completed"]);
    expect(observer.last("relay.say.completed")).toMatchObject({ say_id: "a", played_ms: 500 });
    observer.say({ type: "relay.say", sound: "ding" });
    call.advance(2000);
    expect(own(call).map((event) => Math.round(ms(frames(call, event))))).toEqual([500, 200]);
    expect(call.commands()).toHaveLength(before);
    expect(call.session.snapshot().conversation.entries).toEqual([]);
    // No agent has spoken: its voice can still be chosen.
    call.client({ type: "session.update", session: { audio: { output: { voice: "verse" } } } });
    expect(call.types()).not.toContain("error");
    // The client knows what it hears, and what was told of it.
    expect(call.types()).toContain("relay.say.completed");
  });

  test("[X310] behind the answer that is being given, and behind the caller", () => {
    const { call, observer } = observed();
    answering(call, 600);
    observer.say(saying());
    finish(call);
    expect(own(call)).toEqual([]);
    call.advance(590);
    expect(own(call)).toEqual([]);
    call.advance(30);
    expect(own(call)).toHaveLength(1);
    const other = observed();
    other.call.speak(concat(silence(400), voice(600)));
    other.observer.say(saying());
    expect(own(other.call)).toEqual([]);
    other.call.speak(silence(900));
    expect(own(other.call)).toEqual([]);
    other.call.answer(voice(200));
    other.call.advance(300);
    expect(own(other.call)).toHaveLength(1);
  });

  test("[X310] where a provider takes the turns, not over speech that the relay hears and that one has not told of", () => {
    const upstreams = [{ name: "wire", options: { adapter: "wire", settings: { turns: "server" } } }];
    const { call, observer } = observed({ upstreams });
    call.speak(concat(silence(400), voice(600)));
    observer.say(saying());
    call.speak(voice(400));
    expect(own(call)).toEqual([]);
    call.speak(silence(1500));
    expect(own(call)).toHaveLength(1);
  });

  test("[X311] one that interrupts takes the answer's place, and never the caller's", () => {
    const { call, observer } = observed();
    answering(call, 3000);
    call.advance(500);
    observer.say(saying({ interrupt: true }));
    expect(own(call)).toHaveLength(1);
    call.advance(500);
    expect(response(call)).toMatchObject({ status: "cancelled" });
    const other = observed();
    other.call.speak(concat(silence(400), voice(600)));
    other.observer.say(saying({ interrupt: true }));
    other.call.speak(voice(400));
    expect(own(other.call)).toEqual([]);
    other.call.speak(silence(900));
    expect(own(other.call)).toHaveLength(1);
  });

  test("[X312] what is answered meanwhile is heard behind it, whole", () => {
    const { call, observer } = observed();
    observer.say(saying({ audio: base64(1000) }));
    call.advance(100);
    answering(call, 300);
    finish(call);
    const [announced] = own(call);
    const answer = byType(call, "response.created").at(-1);
    expect(frames(call, answer)).toEqual([]);
    call.advance(3000);
    expect([ms(frames(call, announced)), ms(frames(call, answer))].map(Math.round)).toEqual([1000, 300]);
    const last = call.frames.findLastIndex((frame) => frames(call, announced).includes(frame));
    const first = call.frames.findIndex((frame) => frames(call, answer).includes(frame));
    expect(first).toBeGreaterThan(last);
    expect(became(observer).at(-1)).toBe("completed");
  });

  test("[X386] it takes no answer's place: what is typed, said or cannot be asked for meanwhile is answered", () => {
    const session = {
      audio: { input: { turn_detection: { type: "server_vad", interrupt_response: false } } },
    };
    const typed = observed({ limits: { activeResponses: 1 } });
    typed.observer.say(saying({ audio: base64(5000) }));
    typed.call.client({ type: "response.create" });
    const said = observed({ limits: { activeResponses: 1 }, session });
    said.observer.say(saying({ audio: base64(5000) }));
    said.call.speak(concat(silence(400), voice(900), silence(1000)));
    for (const { call } of [typed, said]) {
      call.advance(10_000);
      expect(call.types()).not.toContain("error");
      expect(call.commandTypes().filter((type) => type === "respond")).toHaveLength(1);
    }
  });

  test("[X313] the caller interrupts it, and what was heard of it is told", () => {
    const { call, observer } = observed();
    observer.say(saying({ audio: base64(8000) }));
    call.speak(concat(silence(400), voice(1500, 24_000, 4)));
    expect(became(observer)).toEqual(["queued", "started", "interrupted"]);
    const played = Number(observer.last("relay.say.interrupted")["played_ms"]);
    expect(played).toBeGreaterThan(300);
    expect(played).toBeLessThan(1500);
    const cleared = call.types().indexOf("output_audio_buffer.cleared");
    expect(call.order.slice(call.order.indexOf("output_audio_buffer.cleared"))).not.toContain("frame");
    expect(cleared).toBeGreaterThan(0);
  });

  test("[X314] several are said in their order; one that finds no gap in time is dropped", () => {
    const { call, observer } = observed();
    observer.say(saying());
    observer.say(saying({ say_id: "b", audio: base64(100) }));
    call.advance(2000);
    expect(
      observer.events.filter(({ type }) => type === "relay.say.completed").map((one) => one["say_id"]),
    ).toEqual(["a", "b"]);
    answering(call, 4000);
    observer.say(saying({ say_id: "c", expires_ms: 1000 }));
    call.advance(1100);
    expect(became(observer).at(-1)).toBe("dropped expired");
  });

  test("[X314] one that may not wait is said now, or dropped", () => {
    const { call, observer } = observed();
    observer.say(saying({ expires_ms: 0 }));
    expect(became(observer)).toEqual(["queued", "started"]);
    call.advance(2000);
    expect(became(observer).at(-1)).toBe("completed");
    answering(call, 1000);
    observer.say(saying({ say_id: "b", expires_ms: 0 }));
    call.advance(5);
    expect(became(observer).slice(3)).toEqual(["queued", "dropped expired"]);
  });

  test("[X315] what is heard after its client came back is heard", () => {
    const { call, observer } = observed();
    const { relay } = call.last("session.created")["session"] as { relay: { resume_token: string } };
    observer.say(saying({ audio: base64(2000) }));
    call.advance(1800);
    const numbers = call.events.map((event) => Number(event["server_event_seq"] ?? 0));
    const last_received = Math.max(...numbers, ...call.frames.map(({ header }) => header.sequence));
    call.input({ type: "close", peer: "client", code: 1006, reason: "" });
    call.open.delete("client");
    call.advance(5000);
    expect(became(observer)).toEqual(["queued", "started"]);
    call.connect("duplex.v1");
    call.client({ type: "session.resume", resume_token: relay.resume_token, last_received });
    call.advance(2000);
    expect(became(observer)).toEqual(["queued", "started", "completed"]);
  });

  test("[X315] a plain client cannot play one, and a restored session has no samples of it: both is told", () => {
    const plain = observed({ dialect: "realtime" });
    plain.observer.say(saying());
    expect(became(plain.observer)).toEqual(["queued", "dropped not_playable"]);
    expect(own(plain.call)).toEqual([]);
    const { call, observer } = observed();
    observer.say(saying({ audio: base64(3000) }));
    call.advance(500);
    expect(JSON.stringify(call.session.snapshot().conduct)).not.toContain(base64(300).slice(0, 200));
    call.hibernate();
    const again = new Watcher(call, 2, { again: true });
    call.client({ type: "session.heartbeat" });
    expect(became(again)).toEqual(["dropped session_restored"]);
    expect(response(call)).toMatchObject({ status: "cancelled", metadata: { relay: "announcement" } });
  });
});

describe("what an observer may say", () => {
  test("[X316] what is none is refused with its field, and too many are", () => {
    const { call, observer } = observed();
    for (const [event, param] of [
      [saying({ audio: null }), "audio"],
      [saying({ sound: "ding" }), "audio"],
      [saying({ audio: "?" }), "audio"],
      [saying({ audio: "AAAA" }), "audio"],
      [saying({ audio: base64(31_000) }), "audio"],
      [saying({ audio: null, sound: "dong" }), "sound"],
      [saying({ say_id: "a b" }), "say_id"],
      [saying({ interrupt: 1 }), "interrupt"],
      [saying({ expires_ms: -1 }), "expires_ms"],
    ] as const) {
      observer.say(event);
      expect(observer.last("error")["error"], param).toMatchObject({ code: "invalid_value", param });
    }
    expect(became(observer)).toEqual([]);
    answering(call, 10_000);
    for (let n = 0; n < 9; n += 1) observer.say(saying({ say_id: `n${n}` }));
    expect(observer.last("error")["error"]).toMatchObject({ code: "too_many_announcements" });
    observer.say(saying({ say_id: "n0" }));
    expect(observer.events.filter(({ type }) => type === "relay.say.queued")).toHaveLength(8);
    call.client(saying());
    expect(call.last("error")["error"]).toMatchObject({ code: "invalid_value", param: "type" });
  });
});
