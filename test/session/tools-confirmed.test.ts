/** Calls that wait for the caller's silence, and what takes them back. */
import { describe, expect, test } from "vitest";

import { begin, DONE, say } from "../support/answering.ts";
import type { Call, CallOptions, Received } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";
import { Watcher } from "../support/watcher.ts";
import {
  asks,
  calling,
  callsTools,
  gives,
  made,
  resultsTold,
  store,
  toldOfTools,
  tool,
  tooled,
} from "../support/tools.ts";

const BOOK = tool("book", "Books.", { confirmMs: 1000 });
const BACK = "The call was not made: the caller spoke up before it was. Ask what is wanted.";
const careful = (options: CallOptions = {}) => tooled({ tools: [tool("weather"), BOOK], ...options });
const booking = (options: CallOptions = {}) => calling(careful(options), [{ name: "book" }]);

const CUT = { type: "conversation.item.truncate", content_index: 0 } as const;

/** An answer announces what it calls, and has ended before it was heard. */
function saysAndBooks(call: Call): { readonly response: string; readonly item: string } {
  call.client({ type: "response.create" });
  begin(call);
  call.upstream({ type: "item.started", response: "r", item: "i", kind: "message" });
  say(call, 350);
  const { response_id, item } = call.last("response.output_item.added");
  const at = { response: "r", item: "c" };
  call.upstream({ type: "item.started", ...at, kind: "function_call", name: "book", callId: "c1" });
  call.upstream({ type: "item.done", ...at, status: "completed", arguments: "{}" });
  call.upstream({ type: "response.done", response: "r", status: "completed", ...DONE });
  store(call);
  return { response: String(response_id), item: String((item as Received)["id"]) };
}

describe("a call that the caller may take back", () => {
  test("[X300] is made when so long has passed in silence, and not before", () => {
    const call = booking();
    expect(toldOfTools(call)).toMatchObject([
      { type: "relay.tool.confirming", name: "book", confirm_ms: 1000 },
    ]);
    call.advance(999);
    expect(made(call)).toEqual([]);
    call.advance(1);
    expect(made(call)).toMatchObject([{ name: "book" }]);
    gives(call, "booked");
    expect(asks(call)).toBe(2);
    expect(toldOfTools(call).map(({ type }) => type)).toEqual([
      "relay.tool.confirming",
      "relay.tool.started",
      "relay.tool.completed",
    ]);
  });

  test("[X300] the silence begins when its answer has been heard to its end", () => {
    const call = careful();
    saysAndBooks(call);
    call.advance(1340);
    expect(made(call)).toEqual([]);
    call.advance(20);
    expect(made(call)).toHaveLength(1);
  });

  test("[X300] other calls of the same answer do not wait for it", () => {
    const call = calling(careful(), [{ callId: "a" }, { callId: "b", name: "book" }]);
    expect(made(call).map(({ name }) => name)).toEqual(["weather"]);
    gives(call, "grey");
    expect(asks(call)).toBe(1);
    call.advance(1000);
    gives(call, "booked", 1);
    expect(asks(call)).toBe(2);
  });

  test("[X301] who speaks takes it back: its model is told so, and what was said is answered with that", () => {
    const call = booking();
    call.advance(200);
    call.speak(concat(silence(200), voice(600)));
    expect(toldOfTools(call).at(-1)).toMatchObject({ type: "relay.tool.failed", reason: "taken_back" });
    expect(resultsTold(call)).toEqual([["call0", BACK]]);
    expect(asks(call)).toBe(1);
    call.speak(silence(900));
    call.advance(20_000);
    expect(made(call)).toEqual([]);
    expect(asks(call)).toBe(2);
  });

  test("[X301] so does who types, stops the agent, or was speaking already", () => {
    const typed = booking();
    const content = [{ type: "input_text", text: "No, wait." }];
    typed.client({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
    const stopped = booking();
    stopped.client({ type: "output_audio_buffer.clear" });
    const speaking = careful({
      session: { audio: { input: { turn_detection: { type: "server_vad", interrupt_response: false } } } },
    });
    speaking.client({ type: "response.create" });
    callsTools(speaking, [{ name: "book" }], { ends: false });
    speaking.speak(concat(silence(400), voice(700)));
    speaking.upstream({ type: "response.done", response: "r", status: "completed", ...DONE });
    store(speaking);
    for (const call of [typed, stopped, speaking]) {
      call.advance(5000);
      expect(made(call)).toEqual([]);
      expect(resultsTold(call)).toEqual([["call0", BACK]]);
    }
  });

  test("[X301] a picture says nothing: a camera that is on takes nothing back", () => {
    const call = booking();
    const content = [{ type: "input_image", image_url: "data:image/png;base64,AAAA" }];
    call.client({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
    call.advance(1000);
    expect(made(call)).toHaveLength(1);
  });

  test("[X470] in push to talk who presses the button puts it off, until it is known that they said something", () => {
    const session = { audio: { input: { turn_detection: null } } };
    for (const [end, count] of [
      ["input_audio_buffer.commit", 0],
      ["input_audio_buffer.clear", 1],
      ["", 0],
    ] as const) {
      const call = booking({ session });
      call.advance(300);
      call.speak(voice(2000));
      expect(made(call)).toEqual([]);
      if (end === "") call.advance(30_000);
      else call.client({ type: end });
      call.advance(2000);
      expect(made(call), end).toHaveLength(count);
      expect(resultsTold(call), end).toHaveLength(1 - count);
    }
    // Whose microphone is always open has said nothing by that.
    const open = careful({ session });
    open.speak(silence(400));
    calling(open, [{ name: "book" }]);
    open.speak(silence(1100));
    expect(made(open)).toHaveLength(1);
  });

  test("[X470] where a provider takes the turns it says so, and until it does what the relay hears puts it off", () => {
    const settings = { turns: "server" };
    const upstreams = [{ name: "wire", options: { adapter: "wire", settings } }];
    for (const says of [true, false]) {
      const call = careful({ upstreams });
      calling(call, [{ name: "book" }]);
      call.speak(concat(silence(700), voice(600)));
      expect(made(call)).toEqual([]);
      if (says) call.upstream({ type: "speech", state: "started" });
      call.speak(silence(2000));
      expect(made(call)).toHaveLength(says ? 0 : 1);
    }
  });

  test("[X470] beside a model that speaks when it likes the relay itself hears who speaks", () => {
    const settings = { turns: "none" };
    const upstreams = [{ name: "wire", options: { adapter: "wire", settings } }];
    const session = { audio: { input: { turn_detection: { type: "duplex", frame_ms: 80 } } } };
    const call = careful({ upstreams, session });
    call.upstream({ type: "response.started", response: "r", answers: null });
    const at = { response: "r", item: "c" };
    call.upstream({ type: "item.started", ...at, kind: "function_call", name: "book", callId: "call0" });
    call.upstream({ type: "item.done", ...at, status: "completed", arguments: "{}" });
    call.upstream({ type: "response.done", response: "r", status: "completed", ...DONE });
    store(call);
    expect(toldOfTools(call)).toHaveLength(1);
    call.speak(concat(silence(300), voice(600), silence(2000)));
    expect(made(call)).toEqual([]);
    expect(resultsTold(call)).toEqual([["call0", BACK]]);
  });

  test("[X301] so does who cuts what is still heard, or cancels an answer that has ended", () => {
    for (const dialect of ["realtime", "duplex.v1"] as const)
      for (const stop of ["truncate", "cancel", "cancel by name", "cancel another"] as const) {
        const call = careful({ dialect });
        const told = saysAndBooks(call);
        call.advance(100);
        if (stop === "truncate") call.client({ ...CUT, item_id: told.item, audio_end_ms: 50 });
        else if (stop === "cancel by name")
          call.client({ type: "response.cancel", response_id: told.response });
        else if (stop === "cancel") call.client({ type: "response.cancel" });
        else {
          call.client({ type: "response.create", response: { conversation: "none" } });
          const beside = (call.last("response.created")["response"] as Received)["id"];
          call.client({ type: "response.cancel", response_id: String(beside) });
        }
        call.advance(5000);
        expect(made(call), `${dialect} ${stop}`).toHaveLength(stop === "cancel another" ? 1 : 0);
      }
  });

  test("[X301] [X311] so does an announcement that takes the place of what announced it", () => {
    const call = careful();
    const observer = new Watcher(call);
    saysAndBooks(call);
    const audio = new Uint8Array(voice(500).buffer).toBase64();
    observer.say({ type: "relay.say", interrupt: true, audio });
    expect(resultsTold(call)).toEqual([["c1", BACK]]);
    call.advance(5000);
    expect(made(call)).toEqual([]);
    const behind = booking();
    new Watcher(behind).say({ type: "relay.say", interrupt: true, audio });
    behind.advance(5000);
    expect(made(behind)).toHaveLength(1);
  });

  test("[X392] the silence that it waits for is no idle one, which would be a turn", () => {
    const session = { audio: { input: { turn_detection: { type: "server_vad", idle_timeout_ms: 5000 } } } };
    const call = calling(tooled({ tools: [tool("book", "Books.", { confirmMs: 8000 })], session }), [
      { name: "book" },
    ]);
    call.speak(silence(7900));
    expect(made(call)).toEqual([]);
    call.speak(silence(200));
    expect(made(call)).toHaveLength(1);
    call.speak(silence(6000));
    expect(asks(call)).toBe(1);
    gives(call, "booked");
    call.answer(voice(200));
    call.speak(silence(5500));
    expect(asks(call)).toBe(3);
  });

  test("[X302] while nobody is there who could say no it waits", () => {
    const call = booking();
    call.advance(500);
    call.input({ type: "close", peer: "client", code: 1006, reason: "" });
    call.advance(5000);
    expect(made(call)).toEqual([]);
    call.connect("duplex.v1");
    call.client({ type: "session.heartbeat" });
    call.advance(1100);
    expect(made(call)).toHaveLength(1);
  });

  test("[X302] and for the whole time again when somebody is, however long they were away, or the object was", () => {
    for (const [awayMs, dies] of [
      [50, false],
      [800, false],
      [1899, false],
      [1899, true],
    ] as const) {
      const call = booking();
      const { relay } = call.last("session.created")["session"] as { relay: { resume_token: string } };
      const seen = Math.max(...call.events.map((event) => Number(event["server_event_seq"] ?? 0)));
      call.advance(100);
      if (dies) call.crash(call.session.snapshot());
      else call.input({ type: "close", peer: "client", code: 1006, reason: "" });
      call.open.delete("client");
      call.advance(awayMs);
      call.connect("duplex.v1");
      call.client({ type: "session.resume", resume_token: relay.resume_token, last_received: seen });
      call.advance(990);
      expect(made(call), `${awayMs}`).toEqual([]);
      call.advance(20);
      expect(made(call)).toHaveLength(1);
    }
  });

  test("[X302] a plain client that comes has the whole time, too", () => {
    const call = booking({ dialect: "realtime" });
    call.advance(900);
    call.input({ type: "close", peer: "client", code: 1006, reason: "" });
    call.open.delete("client");
    call.advance(2000);
    call.connect("realtime");
    call.advance(990);
    expect(made(call)).toEqual([]);
    call.advance(20);
    expect(made(call)).toHaveLength(1);
  });

  test("[X303] the wait outlives the object: it goes on, and what was taken back stays so", () => {
    const call = booking();
    call.advance(500);
    call.hibernate();
    call.advance(499);
    expect(made(call)).toEqual([]);
    call.advance(2);
    expect(made(call)).toHaveLength(1);
    const back = booking();
    back.client({ type: "output_audio_buffer.clear" });
    back.hibernate();
    back.advance(5000);
    expect(made(back)).toEqual([]);
  });
});

test("[X304] without `confirmMs` nothing waits", () => {
  const call: Call = calling(careful());
  expect(made(call)).toHaveLength(1);
  expect(toldOfTools(call)[0]?.type).toBe("relay.tool.started");
});
