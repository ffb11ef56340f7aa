/** The name of an event that is refused unread. */
import { describe, expect, test } from "vitest";
import { eventIdIn } from "../../src/protocol/event-id.ts";
import { parseJsonObject } from "../../src/protocol/json.ts";
import { Call, type Received } from "../support/call.ts";

const deep = (levels: number, inner = "1"): string => `${"[".repeat(levels)}${inner}${"]".repeat(levels)}`;
const lastError = (call: Call) => call.last("error")["error"] as Received;

const NAMED: readonly (readonly [what: string, text: string, id: string | null])[] = [
  ["at the front", `{"event_id":"a","x":${deep(70)}}`, "a"],
  ["at the end", `{"x":${deep(70)} , "event_id" : "a" }`, "a"],
  ["between", `{"x":${deep(70)},"event_id":"a","y":${deep(70)}}`, "a"],
  ["within something only", `{"x":${deep(70, '{"event_id":"in"}')}}`, null],
  ["within something, and behind it", `{"x":${deep(70, '{"event_id":"in"}')},"event_id":"a"}`, "a"],
  ["quoted", String.raw`{"x":"\"event_id\":\"quoted\"","y":"event_id","event_id":"a"}`, "a"],
  ["quoted alone", String.raw`{"x":"{\"event_id\":\"quoted\"}","y":["event_id","z"]}`, null],
  ["as a value and not as a name", '{"x":"event_id","y":"z"}', null],
  ["spelled by escapes", String.raw`{"\u0065vent_id":"\u0061\n\ud800"}`, "a\n\ud800"],
  ["twice: the last counts", '{"event_id":"first","x":{},"event_id":"last"}', "last"],
  ["and then null", '{"event_id":"first","event_id":null}', null],
  ["and then a number", '{"event_id":"first","event_id": 12}', null],
  ["and then an object", '{"event_id":"first","event_id":{"event_id":"in"}}', null],
  ["as a list", '{"event_id":["a"]}', null],
  ["empty", '{"event_id":""}', ""],
  ["behind a byte order mark", '\ufeff{"event_id":"a"}', "a"],
  [
    "with an escape at its 512th character",
    `{"event_id":"${"x".repeat(511)}\\n\\u0041"}`,
    `${"x".repeat(511)}\n`,
  ],
];

describe("an event_id in text that is not parsed", () => {
  test.each(NAMED)("[E90] is found %s", (_, text, id) => {
    expect(eventIdIn(text)).toBe(id);
    const parsed = parseJsonObject(text)?.["event_id"];
    expect(typeof parsed === "string" ? parsed.slice(0, 512) : null).toBe(id);
  });

  test("[E90] is looked for in no more than 128 KiB that stand in no string, and never beyond the text", () => {
    expect(eventIdIn(`{"x":"${"y".repeat(4_000_000)}","event_id":"a"}`)).toBe("a");
    expect(eventIdIn(`{"x":[${"1,".repeat(60_000)}1],"event_id":"a"}`)).toBe("a");
    expect(eventIdIn(`{"x":[${"1,".repeat(70_000)}1],"event_id":"a"}`)).toBeNull();
    for (const broken of [
      "",
      "{",
      '{"',
      '{"event_id',
      '{"event_id"',
      '{"event_id":',
      '{"event_id":"a',
      "]]]",
    ]) {
      expect(eventIdIn(broken)).toBe(broken.endsWith('"a') ? "a" : null);
    }
  });
});

describe("an event that is refused unread", () => {
  test("[E90] too deep, is answered under the name at its top, wherever that stands", () => {
    for (const [, text, id] of NAMED) {
      const call = new Call();
      call.client(text.replace("{", `{"z":${deep(80)},`));
      expect(lastError(call)).toMatchObject({ code: "invalid_json", event_id: id });
    }
  });

  test("[E90] with a long name, is answered under its first 512 characters", () => {
    const call = new Call();
    call.client(`{"type":${deep(66)},"event_id":"${"AAA".repeat(3_000)}"}`);
    expect(lastError(call)).toMatchObject({ code: "invalid_json", event_id: "A".repeat(512) });
  });

  test("[E90] of too many members or characters, is answered under its name", () => {
    const call = new Call();
    const members = Array.from({ length: 10_001 }, (_, n) => n);
    call.client({
      type: "session.update",
      session: { metadata: { event_id: "in" }, members },
      event_id: "many",
    });
    expect(lastError(call)).toMatchObject({ code: "message_too_large", event_id: "many" });
    call.client(`{"audio":"${"A".repeat(17 * 1024 * 1024)}","x":{"event_id":"in"},"event_id":"large"}`);
    expect(lastError(call)).toMatchObject({ code: "message_too_large", event_id: "large" });
  });

  test("[E90] audio beyond its budget is answered under its name, however it is spelled", () => {
    const call = new Call({ session: { audio: { input: { turn_detection: null } } } });
    const audio = "A".repeat(8 * 1024 * 1024);
    for (let n = 0; n < 3; n += 1) {
      // The type behind the audio: read by JSON.parse.
      call.client({ audio, type: "input_audio_buffer.append", event_id: `e${n}` });
    }
    expect(lastError(call)).toMatchObject({
      code: "rate_limit_exceeded",
      event_id: expect.stringMatching(/^e\d$/),
    });
  });
});
