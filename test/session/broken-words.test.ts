/** An answer that broke off, and words of it that were ahead of its sound. */
import { describe, expect, test } from "vitest";

import { Call } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const WORDS =
  "This was said so far, and all of this was not said by anybody, nor was it heard by anybody at all.";

/** The words of an answer have come whole, and so much of its sound. */
function broken(ms: number): Call {
  const call = new Call();
  call.speak(concat(silence(600), voice(1200), silence(900)));
  call.upstream({
    type: "input.transcript.completed",
    itemId: String(call.last("input_audio_buffer.committed")["item_id"]),
    transcript: "Tell me.",
    usage: null,
  });
  call.beginAnswer();
  call.upstream({ type: "transcript", response: "r", item: "i", delta: WORDS });
  const sound = voice(2000).subarray(0, ms * 24);
  const audio = new Uint8Array(sound.buffer, sound.byteOffset, sound.byteLength).toBase64();
  if (ms > 0) call.upstream({ type: "audio", response: "r", item: "i", audio });
  call.advance(100);
  call.open.delete("up0.1");
  call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
  call.advance(3000);
  call.accept("up0.2");
  call.advance(3000);
  return call;
}

const told = (call: Call): readonly unknown[] =>
  call.commands("up0.2").flatMap((command) => (command.type === "item" ? [command.item["content"]] : []));
const asked = (call: Call): readonly string[] =>
  call
    .commands("up0.2")
    .flatMap((command) => (command.type === "respond" ? [JSON.stringify(command.options.params)] : []));

describe("an answer that broke off after its words", () => {
  test("[U302] was said as far as its sound came: whoever goes on is told no more of it", () => {
    const call = broken(1000);
    expect(told(call)).toEqual([
      [{ type: "input_text", text: "Tell me." }],
      [{ type: "output_text", text: "This was said so far," }],
    ]);
    expect(asked(call)).toEqual([expect.stringContaining("Continue where it broke off")]);
  });

  test("[U302] of which no sound came was not said: its question is asked again", () => {
    const call = broken(0);
    expect(told(call)).toEqual([[{ type: "input_text", text: "Tell me." }]]);
    expect(asked(call)).toEqual(["{}"]);
  });
});
