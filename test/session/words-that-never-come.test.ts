/** Turns whose words nobody writes down any more. */
import { describe, expect, test } from "vitest";

import { Call, type CallOptions } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const EAR = { name: "ear", options: { adapter: "wire", model: "scribe", settings: { turns: "server" } } };
const TURN = concat(silence(600), voice(1200), silence(900));
const TRANSCRIPTION = "conversation.item.input_audio_transcription";

function transcribed(options: CallOptions = {}): Call {
  return new Call({ dialect: "duplex.v1", transcriber: EAR, ...options });
}

const delta = (call: Call, text: string) =>
  call.upstream({ type: "input.transcript.delta", itemId: "s", delta: text }, "up1.1");
const completed = (call: Call, transcript: string) =>
  call.upstream({ type: "input.transcript.completed", itemId: "s", transcript, usage: null }, "up1.1");

describe("a transcriber", () => {
  test("[J73] that is not there leaves no turn waited for: it has no words, and those that come after all are told", () => {
    const call = transcribed({ dialect: "realtime" });
    const lose = (peer: string) => {
      call.open.delete(peer);
      call.input({ type: "close", peer, code: 0, reason: "HTTP 503" });
    };
    lose("up1.1");
    call.speak(TURN);
    lose("up1.2");
    call.advance(2000);
    const { item_id } = call.last("input_audio_buffer.committed");
    expect(call.types()).not.toContain(`${TRANSCRIPTION}.failed`);
    call.advance(1200);
    expect(call.last(`${TRANSCRIPTION}.failed`)).toMatchObject({
      item_id,
      content_index: 0,
      error: { type: "server_error", code: "upstream_unavailable" },
    });
    const [peer = ""] = [...call.open].filter((one) => one.startsWith("up1."));
    call.accept(peer);
    const words = {
      type: "input.transcript.completed",
      itemId: "s",
      transcript: "Late.",
      usage: null,
    } as const;
    call.upstream(words, peer);
    expect(call.last(`${TRANSCRIPTION}.completed`)).toMatchObject({ item_id, transcript: "Late." });
    call.advance(10_000);
    expect(call.types().filter((type) => type === `${TRANSCRIPTION}.failed`)).toHaveLength(1);
  });

  test("[I46] says nothing of another item that has the name of a turn that was deleted", () => {
    const call = transcribed();
    call.speak(TURN);
    const id = String(call.last("input_audio_buffer.committed")["item_id"]);
    call.client({ type: "conversation.item.delete", item_id: id });
    const content = [{ type: "input_text", text: "In words." }];
    call.client({ type: "conversation.item.create", item: { id, type: "message", role: "user", content } });
    delta(call, "As it was said.");
    completed(call, "As it was said.");
    call.advance(5000);
    expect(call.types().filter((type) => type.startsWith(TRANSCRIPTION))).toEqual([]);
    call.client({ type: "conversation.item.retrieve", item_id: id });
    expect(call.last("conversation.item.retrieved")["item"]).toMatchObject({ content });
  });
});
