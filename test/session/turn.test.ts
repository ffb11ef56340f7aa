import { describe, expect, test } from "vitest";

import { Call } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const TURN = concat(silence(600), voice(1200), silence(900));

describe("a turn under server_vad", () => {
  test("[R1] the whole turn has OpenAI's order of events", () => {
    const call = new Call();
    call.clearEvents();
    call.speak(TURN);
    call.answer(voice(500));
    expect(call.types()).toEqual([
      "input_audio_buffer.speech_started",
      "input_audio_buffer.speech_stopped",
      "input_audio_buffer.committed",
      "conversation.item.added",
      "conversation.item.done",
      "response.created",
      "response.output_item.added",
      "conversation.item.added",
      "response.content_part.added",
      "response.output_audio_transcript.delta",
      "response.output_audio.delta",
      "response.output_audio.done",
      "response.output_audio_transcript.done",
      "response.content_part.done",
      "conversation.item.done",
      "response.output_item.done",
      "response.done",
    ]);
  });

  test("[R2] one item id runs from speech_started to the conversation", () => {
    const call = new Call();
    call.speak(TURN);
    const id = call.last("input_audio_buffer.speech_started")["item_id"];
    expect(call.last("input_audio_buffer.speech_stopped")["item_id"]).toBe(id);
    expect(call.last("input_audio_buffer.committed")["item_id"]).toBe(id);
    expect(call.last("conversation.item.done")["item"]).toMatchObject({ id, role: "user" });
  });

  test("[R3] the upstream hears the turn with its pre-roll and nothing of the silence before", () => {
    const call = new Call();
    call.speak(TURN);
    expect(call.commandTypes()).toEqual(["greet", "audio", "commit", "respond"]);
    const started = Number(call.last("input_audio_buffer.speech_started")["audio_start_ms"]);
    const stopped = Number(call.last("input_audio_buffer.speech_stopped")["audio_end_ms"]);
    expect(started).toBeGreaterThan(200);
    expect(started).toBeLessThanOrEqual(400);
    const bytes = new Uint8Array(TURN.buffer);
    const heard = call.heard();
    expect(heard.length / 48).toBeCloseTo(stopped - 10 - started, 0);
    expect(heard).toEqual(bytes.slice(started * 48, started * 48 + heard.length));
  });
});
