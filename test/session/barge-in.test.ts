import { describe, expect, test } from "vitest";

import { Call } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const TURN = concat(silence(600), voice(1200), silence(900));

/** A call in which the agent is in the middle of a five-second answer, all of it already sent. */
function speakingAgent(dialect: "realtime" | "duplex.v1", done: boolean): Call {
  const call = new Call({ dialect });
  call.speak(TURN);
  call.beginAnswer();
  const audio = new Uint8Array(voice(5000).buffer).toBase64();
  call.upstream({ type: "transcript", response: "r", item: "i", delta: "A long story." });
  call.upstream({ type: "audio", response: "r", item: "i", audio });
  if (done) call.finishAnswer();
  call.advance(1000);
  call.clearEvents();
  return call;
}

describe("the user speaks over the agent", () => {
  test("[B1] the answer ends as cancelled, turn_detected, in OpenAI's order", () => {
    const call = speakingAgent("realtime", false);
    call.speak(concat(silence(200), voice(600)));
    expect(call.types()).toEqual([
      "input_audio_buffer.speech_started",
      "response.output_audio.done",
      "response.output_audio_transcript.done",
      "response.content_part.done",
      "conversation.item.done",
      "response.output_item.done",
      "response.done",
    ]);
    expect(call.last("response.output_item.done")["item"]).toMatchObject({ status: "incomplete" });
    expect(call.last("response.done")["response"]).toMatchObject({
      status: "cancelled",
      status_details: { type: "cancelled", reason: "turn_detected" },
    });
    expect(call.commandTypes()).toContain("cancel");
  });

  test("[B2] audio of a cancelled answer never reaches the client", () => {
    const call = speakingAgent("realtime", false);
    call.speak(concat(silence(200), voice(600)));
    call.clearEvents();
    const audio = new Uint8Array(voice(100).buffer).toBase64();
    call.upstream({ type: "audio", response: "r", item: "i", audio });
    call.upstream({ type: "transcript", response: "r", item: "i", delta: "more" });
    const rest = { reason: null, error: null, usage: null, metadata: null };
    call.upstream({ type: "response.done", response: "r", status: "cancelled", ...rest });
    expect(call.types()).toEqual([]);
  });

  test("[B3] interrupt_response false lets the answer go on", () => {
    const call = speakingAgent("realtime", false);
    call.client({
      type: "session.update",
      session: { type: "realtime", audio: { input: { turn_detection: { interrupt_response: false } } } },
    });
    call.speak(concat(silence(200), voice(600)));
    expect(call.types()).toContain("input_audio_buffer.speech_started");
    expect(call.types()).not.toContain("response.done");
    expect(call.commandTypes()).not.toContain("cancel");
  });

  test("[B4] a duplex.v1 client is told to flush, and history keeps what it acknowledged", () => {
    const call = speakingAgent("duplex.v1", true);
    const item = String(call.session.snapshot().conversation.entries.at(-1)?.item.id);
    call.client({ type: "playback.ack", item_id: item, played_ms: 700 });
    call.speak(concat(silence(600), voice(1000)));
    const truncated = call.last("conversation.item.truncated");
    const audioEndMs = Number(truncated["audio_end_ms"]);
    // 700 ms, and what sounded from the acknowledgement to the hold, 600 ms and a hop or two later.
    expect(audioEndMs).toBeGreaterThanOrEqual(1300);
    expect(audioEndMs).toBeLessThanOrEqual(1400);
    expect(call.types()).toContain("output_audio_buffer.cleared");
    expect(call.commands()).toContainEqual({
      type: "truncate",
      itemId: item,
      contentIndex: 0,
      audioEndMs,
    });
  });

  test("[B5] without acknowledgements a duplex.v1 client is taken to have heard what time allowed", () => {
    const call = speakingAgent("duplex.v1", true);
    call.speak(concat(silence(200), voice(1000)));
    const heard = Number(call.last("conversation.item.truncated")["audio_end_ms"]);
    expect(heard).toBeGreaterThan(1100);
    expect(heard).toBeLessThan(1600);
  });

  test("[B6] an answer that was heard to its end is not touched", () => {
    const call = speakingAgent("duplex.v1", true);
    call.advance(6000);
    call.speak(concat(silence(200), voice(600)));
    expect(call.types()).not.toContain("conversation.item.truncated");
  });
});
