/** What a client means, however its serialiser writes it. */
import { describe, expect, test } from "vitest";

import { Call } from "../support/call.ts";
import { voice } from "../support/signal.ts";

const MANUAL = { audio: { input: { turn_detection: null } } };
const SPOKEN = new Uint8Array(voice(300).buffer);
const AUDIO = SPOKEN.toBase64();
const mime = (text: string, lineEnd: string) => text.match(/.{1,76}/g)?.join(lineEnd) ?? "";
const append = (written: string) => `{"type":"input_audio_buffer.append","audio":"${written}"}`;

describe("audio in any spelling of JSON", () => {
  test.each([
    ["slashes escaped (Swift, PHP)", append(AUDIO.replaceAll("/", "\\/"))],
    ["plus signs escaped (.NET)", append(AUDIO.replaceAll("+", "\\u002B"))],
    ["padding escaped (Gson)", append(AUDIO.replaceAll("=", "\\u003d"))],
    ["in MIME lines", append(mime(AUDIO, "\\n"))],
    ["in MIME lines of DOS", append(mime(AUDIO, "\\r\\n"))],
    ["without padding", append(AUDIO.replaceAll("=", ""))],
    ["behind an event_id", `{"event_id":"e","type":"input_audio_buffer.append","audio":"${AUDIO}"}`],
    [
      "behind an escaped event_id",
      `{"event_id":"\\/e","type":"input_audio_buffer.append","audio":"${AUDIO}"}`,
    ],
    ["before its type", `{"audio":"${AUDIO}","type":"input_audio_buffer.append"}`],
    [
      "after an object",
      `{"x":{"audio":"AAAA","y":[1]},"type":"input_audio_buffer.append","audio":"${AUDIO}"}`,
    ],
    ["after another audio", `{"type":"input_audio_buffer.append","audio":"AAAA","audio":"${AUDIO}"}`],
    [
      "after another type",
      `{"type":"response.create","type":"input_audio_buffer.append","audio":"${AUDIO}"}`,
    ],
    ["behind a byte order mark", `\uFEFF${append(AUDIO)}`],
    ["with a byte order mark and escapes", `\uFEFF${append(AUDIO.replaceAll("A", "\\u0041"))}`],
    ["with white space everywhere", `\r\n{ "type" :\t"input_audio_buffer.append" , "audio" : "${AUDIO}" }\n`],
  ])("[E11] %s is heard", (_, message) => {
    const call = new Call({ session: MANUAL });
    call.client(message);
    expect(call.heard()).toEqual(SPOKEN);
    expect(call.types()).not.toContain("error");
  });

  test("[E11] of two members the last counts, also where the first is an append", () => {
    const call = new Call({ session: MANUAL });
    call.client(`{"type":"input_audio_buffer.append","audio":"${AUDIO}","type":"input_audio_buffer.clear"}`);
    expect(call.heard().length).toBe(0);
    expect(call.types().at(-1)).toBe("input_audio_buffer.cleared");
  });

  test("[E11][K2] numbered silence in text does not keep a session from parking", () => {
    const call = new Call({ dialect: "duplex.v1", limits: { parkMs: 10_000 } });
    const silence = new Uint8Array(9600).toBase64();
    for (let at = 1; at <= 80; at += 1) {
      call.client({ type: "input_audio_buffer.append", audio: silence, client_event_seq: at });
      call.advance(200);
    }
    expect(call.events.some((event) => event["cause"] === "parked")).toBe(true);
  });
});

describe("a stream with the same fault in each message", () => {
  const error = (call: Call) => call.last("error")["error"] as { message: string; event_id: string | null };

  test.each([
    ["base64url", "-_-_", "base64url"],
    ["a data URL", `data:audio/wav;base64,${AUDIO}`, "a data URL"],
    ["rubbish", "@@@@", "expected base64"],
  ])("[E12] %s is told once a second and says what came, the first by its event_id", (_, audio, says) => {
    const call = new Call();
    for (let at = 0; at < 120; at += 1) {
      call.client({ type: "input_audio_buffer.append", audio, event_id: `e${at}` });
      call.advance(20);
    }
    const errors = call.events.filter((event) => event.type === "error");
    expect(errors.length).toBe(3);
    expect(errors[0]).toMatchObject({ error: { param: "audio", event_id: "e0" } });
    expect(JSON.stringify(errors[0])).toContain(says);
    expect(errors[0]?.["error"]).not.toMatchObject({ message: expect.stringContaining("more such") });
    expect(error(call).message).toContain("49 more such messages came");
  });

  test("[E12] a list, a number and binary before it was negotiated likewise", () => {
    const call = new Call();
    for (let at = 0; at < 25; at += 1) {
      call.client({ type: "input_audio_buffer.append", audio: [1, 2] });
      call.client({ type: "input_audio_buffer.append", audio: 5 });
      call.client(new Uint8Array(968));
      call.advance(20);
    }
    const said = call.events.filter((event) => event.type === "error").map((event) => event["error"]);
    expect(said).toMatchObject([{ code: "invalid_type", param: "audio" }, { code: "binary_not_negotiated" }]);
  });

  test("[E12] two kinds of fault are each told, and other events' errors never wait", () => {
    const call = new Call();
    call.client({ type: "input_audio_buffer.append", audio: "-_" });
    call.client({ type: "input_audio_buffer.append", audio: "data:audio/wav;base64,AAAA" });
    for (let at = 0; at < 3; at += 1) call.client({ type: "conversation.item.delete", item_id: "nobody" });
    expect(call.types().filter((type) => type === "error").length).toBe(5);
  });

  test("[E12][P2] what was told is remembered in another isolate", () => {
    const call = new Call();
    call.client({ type: "input_audio_buffer.append", audio: "-_" });
    call.hibernate();
    call.client({ type: "input_audio_buffer.append", audio: "-_" });
    expect(call.types().filter((type) => type === "error").length).toBe(1);
  });
});

describe("what is out of range", () => {
  const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;

  test.each([
    ["an event_id of 513 characters", { event_id: "x".repeat(513) }, "event_id", "x".repeat(512)],
    ["an event_id that is a number", { event_id: 7 }, "event_id", null],
    ["an event_id that is a list", { event_id: ["a"] }, "event_id", null],
  ])("[E13] %s is an error that names it", (_, members, param, eventId) => {
    const call = new Call();
    call.client({ type: "session.update", session: { instructions: "x" }, ...members });
    expect(call.last("error")["error"]).toMatchObject({ param, event_id: eventId });
    expect(call.types()).not.toContain("session.updated");
  });

  test("[E14] an event beyond 64 levels is an error, and the call goes on", () => {
    const call = new Call();
    for (const levels of [70, 5000]) {
      call.client(`{"type":"session.update","event_id":"e","session":{"x":${deep(levels)}}}`);
      expect(call.last("error")["error"]).toMatchObject({ code: "invalid_json", event_id: "e" });
      expect(call.types()).not.toContain("session.updated");
    }
    call.client(`{"type":"session.update","session":{"x":${deep(60)}}}`);
    expect(call.types().at(-1)).toBe("session.updated");
  });

  test.each([[-1], [1.5], [1e300], ["1"], [2 ** 32]])(
    "[E15] a client_event_seq of %s is an error",
    (sequence) => {
      const call = new Call({ dialect: "duplex.v1" });
      call.client({ type: "session.update", session: {}, client_event_seq: sequence, event_id: "e" });
      expect(call.last("error")["error"]).toMatchObject({ param: "client_event_seq", event_id: "e" });
      call.client({ type: "session.update", session: {}, client_event_seq: 1 });
      expect(call.types().at(-1)).toBe("session.updated");
    },
  );

  test("[E14] half a character is taken and echoed as it came", () => {
    const call = new Call();
    call.client('{"type":"session.update","session":{"instructions":"\\ud800"}}');
    expect(call.last("session.updated")["session"]).toMatchObject({ instructions: "\ud800" });
  });
});
