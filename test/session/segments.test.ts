/** A transcription server cuts a turn into segments: together they are one text. */
import { describe, expect, test } from "vitest";

import { Call } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const EAR = { name: "ear", options: { adapter: "wire", model: "scribe", settings: { turns: "server" } } };
const TURN = concat(silence(600), voice(1200), silence(900));
const TRANSCRIPTION = "conversation.item.input_audio_transcription";

const delta = (call: Call, text: string, key: string) =>
  call.upstream({ type: "input.transcript.delta", itemId: key, delta: text }, "up1.1");
const completed = (call: Call, transcript: string, key: string) =>
  call.upstream({ type: "input.transcript.completed", itemId: key, transcript, usage: null }, "up1.1");

const TEXTS: readonly (readonly [string, readonly string[]])[] = [
  ["你好世界", ["你好", "世界"]],
  ["こんにちは、世界です。", ["こんにちは、", "世界です。"]],
  ["สวัสดีชาวโลก", ["สวัสดี", "ชาวโลก"]],
  ["안녕하세요 여러분", ["안녕하세요", "여러분"]],
  ["Where is the station? I am late.", ["Where is", "the station?", "I am late."]],
  ["Hello 你好世界", ["Hello", "你好", "世界"]],
];

/** What a client that puts the deltas one after the other has. */
function deltas(call: Call): string {
  return call.events
    .filter((event) => event.type === `${TRANSCRIPTION}.delta`)
    .map((event) => String(event["delta"]))
    .join("");
}

describe("segments of a turn", () => {
  test.each(TEXTS)("[I42] that come while it is spoken are %j", (text, segments) => {
    const call = new Call({ transcriber: EAR });
    call.speak(TURN.subarray(0, 24 * 1500));
    for (const [index, segment] of segments.entries()) {
      delta(call, segment, `s${index}`);
      completed(call, segment, `s${index}`);
    }
    call.speak(TURN.subarray(24 * 1500));
    expect(call.last(`${TRANSCRIPTION}.completed`)).toMatchObject({ transcript: text });
    expect(deltas(call)).toBe(text);
    const { item_id: id } = call.last("input_audio_buffer.committed");
    call.client({ type: "conversation.item.retrieve", item_id: String(id) });
    expect(call.last("conversation.item.retrieved")["item"]).toMatchObject({
      content: [{ type: "input_audio", transcript: text }],
    });
  });

  test.each(TEXTS)("[I42] that come one by one after it are %j", (text, segments) => {
    const call = new Call({ transcriber: EAR });
    call.speak(TURN);
    for (const [index, segment] of segments.entries()) {
      // A character at a time, and a snapshot between.
      for (const character of segment) delta(call, character, `s${index}`);
      call.hibernate();
      completed(call, ` ${segment} `, `s${index}`);
    }
    expect(call.last(`${TRANSCRIPTION}.completed`)).toMatchObject({ transcript: text });
    expect(deltas(call)).toBe(text);
  });

  test("[I43] a segment beyond the bound is cut between its words", () => {
    const call = new Call({ transcriber: EAR });
    call.speak(TURN);
    completed(call, "a \u{1f469}\u200d\u{1f467} ".repeat(4000), "s0");
    const transcript = String(call.last(`${TRANSCRIPTION}.completed`)["transcript"]);
    expect(transcript.length).toBeLessThanOrEqual(16_384);
    expect(transcript.length).toBeGreaterThan(16_370);
    expect(transcript.isWellFormed()).toBe(true);
  });
});
