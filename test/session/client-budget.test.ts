import { describe, expect, test } from "vitest";

import { CLIENT } from "../../src/session/io.ts";
import type { Command, Upstream, UpstreamFactory } from "../../src/upstreams/upstream.ts";
import { Call, type Received } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";
import { createWireUpstream } from "../support/wire-upstream.ts";

const MANUAL = { audio: { input: { turn_detection: null } } };
const errorsOf = (call: Call) =>
  call.events.filter(({ type }) => type === "error").map((event) => event["error"] as Received);
const closeOf = (call: Call) => call.actions.findLast(({ type }) => type === "close");
/** An append of so many milliseconds of PCM at 24 kHz. */
const audio = (ms: number) => ({
  type: "input_audio_buffer.append",
  audio: "A".repeat(Math.ceil((ms * 48) / 3) * 4),
});
const beat = (id: string) => ({ type: "input_audio_buffer.clear", event_id: id });

describe("events", () => {
  test("[E30] beyond 2,000 at once and 100 a second are refused: once a second, with how many", () => {
    const call = new Call();
    for (let n = 0; n < 2000; n += 1) call.client(beat(`e${n}`));
    expect(errorsOf(call)).toEqual([]);
    for (let n = 0; n < 50; n += 1) call.client(beat(`over${n}`));
    const [first, ...others] = errorsOf(call);
    expect(first).toMatchObject({ code: "rate_limit_exceeded", event_id: "over0" });
    expect(first?.["message"]).toBe(
      "At most 100 events a second beyond 2000 at once: 1 message was not taken.",
    );
    expect(others).toEqual([]);
    expect(call.types().filter((type) => type === "input_audio_buffer.cleared")).toHaveLength(2000);
    call.advance(1000);
    expect(errorsOf(call).at(-1)?.["message"]).toContain("49 messages were not taken");
    for (let n = 0; n < 100; n += 1) call.client(beat(`again${n}`));
    expect(errorsOf(call)).toHaveLength(2);
  });

  test("[E30] what is refused changes nothing and reaches no provider", () => {
    const call = new Call({ limits: { clientEventsBurst: 1, clientEventsPerSecond: 1 } });
    call.client({ type: "response.cancel" });
    const before = call.commands().length;
    call.client({ type: "session.update", session: { instructions: "Other." } });
    call.client({ type: "response.create" });
    expect(call.commands()).toHaveLength(before);
    expect(call.session.snapshot().config.instructions).toBe("");
  });

  test("[E33] who goes on all the same is closed with 1008, and earns nothing by dialling again", () => {
    const call = new Call();
    for (let n = 0; n < 480; n += 1) call.client("{}");
    expect(call.open.has(CLIENT)).toBe(true);
    for (let n = 0; n < 150 && call.open.has(CLIENT); n += 1) call.client("{}");
    expect(closeOf(call)).toMatchObject({ peer: CLIENT, code: 1008 });
    expect(call.session.state().status).toBe("waiting");
    call.connect("realtime");
    call.clearEvents();
    call.client(beat("again"));
    expect(call.types()).not.toContain("input_audio_buffer.cleared");
    expect(call.open.has(CLIENT)).toBe(false);
    call.advance(10_000);
    call.connect("realtime");
    call.clearEvents();
    call.client(beat("later"));
    expect(errorsOf(call)).toEqual([]);
    expect(call.last("input_audio_buffer.cleared")).toBeDefined();
  });

  test("[E33] an event whose JSON is too wide or too deep counts four times its size", () => {
    const wide = { x: Array.from({ length: 400_000 }, () => 0), event_id: "wide" };
    const deep = `{"x":${"[".repeat(400_000)}${"]".repeat(400_000)},"event_id":"deep"}`;
    for (const [message, code] of [
      [wide, "message_too_large"],
      [deep, "invalid_json"],
    ] as const) {
      const call = new Call();
      let sent = 0;
      for (; sent < 100 && call.open.has(CLIENT); sent += 1) call.client(message);
      // 800 kB are forty-nine messages of 16 KiB.
      expect(sent).toBe(11);
      expect(closeOf(call)).toMatchObject({ peer: CLIENT, code: 1008 });
      expect(errorsOf(call)[0]).toMatchObject({ code });
    }
  });

  test("[E33] a sleep between does not give it back", () => {
    const call = new Call();
    for (let n = 0; n < 2000; n += 1) call.client(beat(`e${n}`));
    call.hibernate();
    call.client(beat("over"));
    expect(errorsOf(call)[0]).toMatchObject({ code: "rate_limit_exceeded", event_id: "over" });
  });

  test("[E33] frames that are none count as well", () => {
    const call = new Call();
    const frame = new Uint8Array([9, 0, 0, 0, 0, 0, 0, 0, 1]);
    for (let n = 0; n < 480; n += 1) call.client(frame);
    expect(call.open.has(CLIENT)).toBe(true);
    for (let n = 0; n < 150 && call.open.has(CLIENT); n += 1) call.client(frame);
    expect(closeOf(call)).toMatchObject({ peer: CLIENT, code: 1008 });
  });

  test("[E50] fifty members of an event count as another event", () => {
    const call = new Call();
    const members = Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`k${n}`, n]));
    const update = (): void => {
      call.client({ type: "session.update", session: { x: members } });
      call.input({ type: "buffered", peer: CLIENT, bytes: 0 });
    };
    for (let n = 0; n < 19; n += 1) update();
    expect(errorsOf(call)).toEqual([]);
    update();
    expect(errorsOf(call)[0]?.["message"]).toContain("At most 100 events a second");
    call.advance(1000);
    call.clearEvents();
    call.client({ type: "session.update", session: {} });
    expect(call.types()).toContain("session.updated");
  });

  test("[E51] what is shown again has a bound of its own: the configuration, with each update", () => {
    const call = new Call();
    call.client({ type: "session.update", session: { instructions: "x".repeat(250 * 1024) } });
    for (let n = 0; n < 20; n += 1) {
      call.client({ type: "session.update", event_id: `u${n}`, session: { max_output_tokens: 100 + n } });
      call.input({ type: "buffered", peer: CLIENT, bytes: 0 });
    }
    expect(call.types().filter((type) => type === "session.updated")).toHaveLength(10);
    expect(errorsOf(call)[0]).toMatchObject({ code: "rate_limit_exceeded", event_id: "u9" });
    expect(call.session.snapshot().config.max_output_tokens).toBe(108);
    call.clearEvents();
    call.advance(4000);
    call.client({ type: "session.update", session: {} });
    expect(call.types()).toContain("session.updated");
  });

  test("[E51] and items that are retrieved", () => {
    const call = new Call();
    const content = [{ type: "input_text", text: "x".repeat(250 * 1024) }];
    call.client({
      type: "conversation.item.create",
      item: { id: "large", type: "message", role: "user", content },
    });
    call.clearEvents();
    for (let n = 0; n < 20; n += 1) {
      call.client({ type: "conversation.item.retrieve", item_id: "large" });
      call.input({ type: "buffered", peer: CLIENT, bytes: 0 });
    }
    const told = call.types().filter((type) => type === "conversation.item.retrieved").length;
    expect(told).toBe(9);
    expect(errorsOf(call)[0]).toMatchObject({ code: "rate_limit_exceeded" });
    call.advance(2000);
    call.client({ type: "conversation.item.retrieve", item_id: "large" });
    expect(call.types().at(-1)).toBe("conversation.item.retrieved");
  });

  test("[E34] of more than 200 errors at once, and 20 a second, the rest is told by its code once a second", () => {
    const call = new Call();
    for (let n = 0; n < 500; n += 1) call.client({ type: `session.dance${n}`, event_id: `e${n}` });
    expect(errorsOf(call)).toHaveLength(201);
    call.advance(1000);
    call.clearEvents();
    for (let n = 0; n < 21; n += 1) call.client({ type: `session.dance${n}`, event_id: `e${n}` });
    expect(errorsOf(call)).toHaveLength(21);
    expect(errorsOf(call).at(-1)?.["message"]).toContain("299 more such messages");
  });

  test("[E48] an error repeats no more than 1,024 characters of what was sent", () => {
    const call = new Call();
    const long = "x".repeat(100_000);
    call.client({ type: "response.create", response: { metadata: { [long]: 1 } } });
    call.client({
      type: "conversation.item.create",
      previous_item_id: long,
      item: { type: "message", role: "user", content: [{ type: "input_text", text: "Hi." }] },
    });
    expect(errorsOf(call)).toHaveLength(2);
    for (const error of errorsOf(call)) expect(JSON.stringify(error).length).toBeLessThan(2500);
  });
});

describe("audio", () => {
  test("[E31] 330 s at once are taken, whole, and four times real time after them", () => {
    const call = new Call({ session: MANUAL });
    for (let n = 0; n < 33; n += 1) call.client(audio(10_000));
    for (let n = 0; n < 20; n += 1) {
      call.advance(1000);
      call.client(audio(4000));
    }
    expect(errorsOf(call)).toEqual([]);
    expect(call.session.state().audio.received_ms).toBe(410_000);
  });

  test("[E31] what is more is refused aloud, with its milliseconds, and nothing of it is heard", () => {
    const call = new Call({ session: MANUAL });
    for (let n = 0; n < 33; n += 1) call.client(audio(10_000));
    call.client({ event_id: "over", ...audio(1000) });
    call.client(audio(1000));
    call.client(audio(1000));
    expect(errorsOf(call)).toHaveLength(1);
    expect(errorsOf(call)[0]).toMatchObject({
      code: "rate_limit_exceeded",
      param: "audio",
      event_id: "over",
      message:
        "At most 4 s of audio a second beyond 330 s at once: 1 message was not taken, 1000 ms of audio.",
    });
    call.advance(1000);
    expect(errorsOf(call)[1]?.["message"]).toContain("2 messages were not taken, 2000 ms of audio.");
    expect(call.session.state().audio.received_ms).toBe(330_000);
  });

  test("[E31] it is counted in the format that is spoken, in JSON of any spelling, in frames and in items", () => {
    const limits = { clientAudioBurstMs: 1000 };
    const pcmu = { audio: { input: { format: { type: "audio/pcmu" }, turn_detection: null } } };
    const half = new Uint8Array(4800);
    const frame = new Uint8Array(8 + half.length);
    frame[0] = 1;
    const spellings = [
      { type: "input_audio_buffer.append", audio: half.toBase64() },
      `{"audio":"${half.toBase64()}","type":"input_audio_buffer.append"}`,
      frame,
      {
        type: "conversation.item.create",
        item: { type: "message", role: "user", content: [{ type: "input_audio", audio: half.toBase64() }] },
      },
    ];
    for (const spelled of spellings) {
      const call = new Call({ session: pcmu, dialect: "duplex.v1", limits });
      call.client(spelled);
      expect(errorsOf(call)).toEqual([]);
      call.client(spelled);
      expect(errorsOf(call)[0]).toMatchObject({ code: "rate_limit_exceeded" });
    }
  });

  test("[E62] an update and a question count as eight events each", () => {
    for (const type of ["session.update", "response.create"]) {
      const call = new Call();
      const more = type === "session.update" ? { session: {} } : {};
      for (let n = 0; n < 251; n += 1) {
        call.client({ type, ...more });
        call.input({ type: "buffered", peer: CLIENT, bytes: 0 });
      }
      expect(errorsOf(call).at(-1)?.["message"]).toContain("At most 100 events a second beyond 2000 at once");
    }
  });

  test("[E32] bytes are counted too, those of the answers to events among them", () => {
    const call = new Call({ limits: { clientBytesBurst: 10_000, clientBytesPerSecond: 1000 } });
    for (let n = 0; n < 20; n += 1) {
      call.client({ type: "session.update", session: {}, event_id: `e${n}` });
    }
    const told = call.types().filter((type) => type === "session.updated").length;
    expect(told).toBeLessThan(15);
    expect(errorsOf(call)[0]).toMatchObject({ code: "rate_limit_exceeded", event_id: `e${told}` });
    call.advance(60_000);
    call.client({ type: "session.update", session: {} });
    expect(call.types().filter((type) => type === "session.updated")).toHaveLength(told + 1);
  });
});

describe("answers", () => {
  test("[E43] at most 120 a minute are asked for by the client", () => {
    const call = new Call();
    for (let n = 0; n < 120; n += 1) {
      call.client({ type: "response.create" });
      call.answer(voice(20));
    }
    call.client({ type: "response.create", event_id: "over" });
    expect(errorsOf(call)).toMatchObject([{ code: "rate_limit_exceeded", event_id: "over" }]);
    call.advance(500);
    call.client({ type: "response.create" });
    call.answer(voice(20));
    expect(errorsOf(call)).toHaveLength(1);
  });

  test("[E43] a turn that is one too many is in the conversation and not answered, which is told", () => {
    const call = new Call({ limits: { answersPerMinute: 1 } });
    const turn = concat(silence(300), voice(600), silence(800));
    call.speak(turn);
    call.answer(voice(20));
    call.speak(turn);
    expect(errorsOf(call)).toMatchObject([{ code: "rate_limit_exceeded", event_id: null }]);
    expect(call.types().filter((type) => type === "input_audio_buffer.committed")).toHaveLength(2);
    expect(call.types().filter((type) => type === "response.created")).toHaveLength(1);
  });

  test("[E44] of silences at most three are answered without a word of the caller between them", () => {
    const turn = { type: "server_vad", idle_timeout_ms: 5000 };
    const call = new Call({ session: { audio: { input: { turn_detection: turn } } } });
    const timeouts = () =>
      call.types().filter((type) => type === "input_audio_buffer.timeout_triggered").length;
    const wait = () => {
      for (let n = 0; n < 6; n += 1) {
        call.answer(voice(100));
        const before = timeouts();
        call.advance(8000);
        if (timeouts() === before) return;
      }
    };
    call.client({ type: "response.create" });
    wait();
    expect(timeouts()).toBe(3);
    call.hibernate();
    call.advance(60_000);
    expect(timeouts()).toBe(3);
    call.client({ type: "response.create" });
    wait();
    expect(timeouts()).toBe(6);
    call.speak(concat(voice(600), silence(800)));
    wait();
    expect(timeouts()).toBe(9);
  });

  test("[E45] at most 20 answers a minute are asked for in advance", () => {
    const session = {
      relay: { eager_ms: 100 },
      audio: { input: { turn_detection: { type: "server_vad", silence_duration_ms: 3000 } } },
    };
    const call = new Call({ session, limits: { eagerPerMinute: 3 } });
    for (let n = 0; n < 6; n += 1) call.speak(concat(voice(600), silence(500)));
    const asked = call.actions.filter((action) => action.type === "metric" && action.name === "eager_asked");
    expect(asked).toHaveLength(3);
  });
});

/** An upstream whose adapter fails at what `fails` says. */
const faulty =
  (fails: (command: Command) => boolean): UpstreamFactory =>
  (options) =>
    new Proxy<Upstream>(createWireUpstream(options), {
      get: (target, name) =>
        name === "encode"
          ? (command: Command) => {
              if (fails(command)) throw new RangeError("Maximum call stack size exceeded");
              return target.encode(command);
            }
          : Reflect.get(target, name, target),
    });

describe("a fault of the relay's own", () => {
  test("[E42] at a client's event is told under its id, and the call goes on", () => {
    const createUpstream = faulty((command) => command.type === "delete");
    const call = new Call({ createUpstream, faulty: true });
    const content = [{ type: "input_text", text: "Hi." }];
    const item = { id: "one", type: "message", role: "user", content };
    call.client({ type: "conversation.item.create", item });
    call.client({ type: "conversation.item.delete", item_id: "one", event_id: "boom" });
    expect(errorsOf(call)).toMatchObject([
      { type: "server_error", code: "internal_error", event_id: "boom" },
    ]);
    call.client({ type: "response.create" });
    call.answer(voice(50));
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
  });

  test("[E42] at its audio too", () => {
    const createUpstream = faulty((command) => command.type === "audio");
    const call = new Call({ createUpstream, faulty: true, session: MANUAL });
    call.client(audio(200));
    expect(errorsOf(call)).toMatchObject([{ type: "server_error", code: "internal_error" }]);
    expect(call.open.has(CLIENT)).toBe(true);
  });
});
