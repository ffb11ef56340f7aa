import { describe, expect, test } from "vitest";

import { Call } from "../support/call.ts";
import { voice } from "../support/signal.ts";

/** The call still works: a text turn is answered. */
function goesOn(call: Call): void {
  call.client({ type: "response.create" });
  call.answer(voice(50));
  expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
}

describe("bad input", () => {
  test.each([
    ["no JSON", "{nope", "invalid_json", null, null],
    ["an array", "[1,2]", "invalid_json", null, null],
    ["no type", '{"event_id":"e"}', "missing_required_parameter", "type", "e"],
    ["a type that is no string", '{"type":7,"event_id":"e"}', "missing_required_parameter", "type", "e"],
    ["an unknown type", '{"type":"session.dance","event_id":"e"}', "invalid_value", "type", "e"],
    [
      "a missing field",
      '{"type":"session.update","event_id":"e"}',
      "missing_required_parameter",
      "session",
      "e",
    ],
    ["a wrong type", '{"type":"session.update","session":7,"event_id":"e"}', "invalid_type", "session", "e"],
    [
      "a wrong nested type",
      '{"type":"response.create","response":{"metadata":{"a":1}},"event_id":"e"}',
      "invalid_type",
      "response.metadata.a",
      "e",
    ],
    [
      "rubbish base64",
      '{"type":"input_audio_buffer.append","audio":"@@@","event_id":"e"}',
      "invalid_value",
      "audio",
      "e",
    ],
    [
      "audio that is no string",
      '{"type":"input_audio_buffer.append","audio":5,"event_id":"e"}',
      "invalid_type",
      "audio",
      "e",
    ],
    [
      "an extension before negotiation",
      '{"type":"playback.ack","item_id":"x","played_ms":1,"event_id":"e"}',
      "invalid_value",
      "type",
      "e",
    ],
  ])(
    "[E1] %s is an error that names what was wrong, and the call goes on",
    (_, data, code, param, eventId) => {
      const call = new Call();
      call.client(data);
      expect(call.last("error")).toMatchObject({
        event_id: expect.any(String),
        error: { type: "invalid_request_error", code, param, event_id: eventId },
      });
      goesOn(call);
    },
  );

  test("[E2] binary before negotiation is refused, the call goes on", () => {
    const call = new Call();
    call.client(new Uint8Array(100));
    expect(call.last("error")["error"]).toMatchObject({ code: "binary_not_negotiated" });
    goesOn(call);
  });

  test.each([
    ["too short", new Uint8Array(7)],
    ["an unknown kind", Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 0)],
    ["an unknown stream", Uint8Array.of(1, 3, 0, 0, 0, 0, 0, 0)],
  ])("[E3] a binary message that is %s is refused, the call goes on", (_, frame) => {
    const call = new Call({ dialect: "duplex.v1" });
    call.client(frame);
    expect(call.last("error")["error"]).toMatchObject({ code: "invalid_frame" });
    goesOn(call);
  });

  test("[E4] an append of odd length loses nothing: the byte waits for its other half", () => {
    const call = new Call({ session: { audio: { input: { turn_detection: null } } } });
    const bytes = new Uint8Array(voice(200).buffer);
    for (let at = 0; at < bytes.length; at += 333) {
      const audio = bytes.slice(at, at + 333).toBase64();
      call.client({ type: "input_audio_buffer.append", audio });
    }
    expect(call.heard()).toEqual(bytes);
  });

  test("[E5] 15 MiB in one append is taken, a message beyond 16 MiB is refused by size", () => {
    const call = new Call({ session: { audio: { input: { turn_detection: null } } } });
    const audio = "A".repeat(15 * 1024 * 1024);
    call.client(`{"type":"input_audio_buffer.append","audio":"${audio}"}`);
    expect(call.types()).not.toContain("error");
    const bytes = call
      .commands()
      .reduce((sum, one) => sum + (one.type === "audio" ? one.audio.length : 0), 0);
    expect(bytes).toBeGreaterThanOrEqual(audio.length);
    call.client(`{"type":"input_audio_buffer.append","audio":"${"A".repeat(16 * 1024 * 1024)}"}`);
    expect(call.last("error")["error"]).toMatchObject({ code: "message_too_large" });
    goesOn(call);
  });

  test("[E6] an upstream's nonsense reaches the client as its fault, the call goes on", () => {
    const call = new Call({ dialect: "duplex.v1" });
    const error = { code: "upstream_protocol_error", message: "unreadable" };
    call.upstream({ type: "error", error, fatal: false });
    expect(call.last("error")["error"]).toMatchObject({ type: "server_error", code: error.code });
    call.upstream({ type: "audio", response: "nobody", item: "i", audio: "AAAA" });
    call.upstream({ type: "item.done", status: "completed", response: "nobody", item: "i" });
    goesOn(call);
  });

  test("[E6] a message of more than 8 MiB is not read: its upstream is given up, aloud, and the call goes on", () => {
    const call = new Call({ dialect: "duplex.v1" });
    const said = JSON.stringify({ type: "rate_limits", rateLimits: [] });
    const say = (size: number) => call.input({ type: "message", peer: "up0.1", data: said.padEnd(size) });
    say(8 * 1024 * 1024);
    expect(call.open.has("up0.1")).toBe(true);
    say(8 * 1024 * 1024 + 1);
    expect(call.open.has("up0.1")).toBe(false);
    expect(call.last("error")["error"]).toMatchObject({
      type: "server_error",
      code: "upstream_protocol_error",
      message: expect.stringContaining("beyond the size limit"),
    });
    expect(call.session.state().status).toBe("connected");
  });

  test("[E7] a response longer than its bound is failed", () => {
    const call = new Call({ limits: { responseTextSize: 100 } });
    call.client({ type: "response.create" });
    call.beginAnswer();
    call.upstream({ type: "transcript", response: "r", item: "i", delta: "x".repeat(101) });
    expect(call.last("response.done")["response"]).toMatchObject({
      status: "failed",
      status_details: { error: { code: "upstream_output_too_long" } },
    });
  });

  test("[E8] an item beyond its bound is refused; beyond the number of items the oldest is forgotten", () => {
    const call = new Call({ limits: { items: 3, itemSize: 500 } });
    const message = (text: string) => ({
      type: "conversation.item.create",
      item: { id: text.slice(0, 4), type: "message", role: "user", content: [{ type: "input_text", text }] },
    });
    call.client(message("x".repeat(600)));
    expect(call.last("error")["error"]).toMatchObject({ code: "item_too_large", param: "item" });
    for (const text of ["a", "b", "c", "d"]) call.client(message(text));
    expect(call.session.snapshot().conversation.entries.map((entry) => entry.item.id)).toEqual([
      "b",
      "c",
      "d",
    ]);
  });

  test.each(["constructor", "__proto__", "toString", "hasOwnProperty", "valueOf"])(
    "[E41] '%s' as a role or a kind of item, part or turn detection is an error, and the call goes on",
    (name) => {
      const call = new Call();
      const content = [{ type: "input_text", text: "hi" }];
      const item = (members: object) => ({ type: "conversation.item.create", event_id: "e", item: members });
      for (const event of [
        item({ type: name, content }),
        item({ type: "message", role: name, content }),
        item({ type: "message", role: name }),
        item({ type: "message", role: "user", content: [{ type: name, text: "hi" }] }),
        { type: name, event_id: "e" },
        { type: "response.create", event_id: "e", response: { input: [{ type: name, content }] } },
        {
          type: "session.update",
          event_id: "e",
          session: { audio: { input: { turn_detection: { type: name } } } },
        },
      ]) {
        call.clearEvents();
        call.client(JSON.stringify(event));
        expect(call.last("error")["error"]).toMatchObject({ type: "invalid_request_error", event_id: "e" });
      }
      goesOn(call);
    },
  );

  test("[E9] events after the end change nothing", () => {
    const call = new Call();
    call.input({ type: "close", peer: "client", code: 1000, reason: "" });
    expect(call.session.handle({ type: "message", peer: "client", data: "{}" }, call.now)).toEqual([]);
    expect(call.session.handle({ type: "timeout" }, call.now + 1e9)).toEqual([]);
  });

  test("[E10] a playback.ack for an unknown item is an error; one beyond the audio is clamped", () => {
    const call = new Call({ dialect: "duplex.v1" });
    call.client({ type: "playback.ack", item_id: "nobody", played_ms: 5, event_id: "p" });
    expect(call.last("error")["error"]).toMatchObject({ param: "item_id", event_id: "p" });
    call.client({ type: "response.create" });
    call.answer(voice(300));
    const [[item] = []] = call.session.snapshot().playout.pieces;
    call.clearEvents();
    call.client({ type: "playback.ack", item_id: String(item), played_ms: 99_999 });
    expect(call.types()).toEqual([]);
    expect(call.session.snapshot().playout.pieces[0]?.[1].ack?.ms).toBe(300);
  });
});
