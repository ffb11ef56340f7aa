/** When the silence after an answer begins (`idle_timeout_ms`), and what puts it off. */
import { describe, expect, test } from "vitest";

import type { JsonObject } from "../../src/protocol/json.ts";
import { begin, finish } from "../support/answering.ts";
import { Call, type CallOptions } from "../support/call.ts";
import { inputGuarded, judge } from "../support/guard.ts";
import { count } from "../support/race.ts";
import { concat, silence, voice } from "../support/signal.ts";

const IDLE: JsonObject = {
  relay: { lead_ms: null },
  audio: { input: { turn_detection: { type: "server_vad", idle_timeout_ms: 5000 } } },
};

/** An answer of so long was sent, and is complete. */
function answered(ms: number, options: CallOptions = {}, call = new Call({ session: IDLE, ...options })) {
  call.client({ type: "response.create" });
  call.answer(voice(ms));
  const { id } = call.last("conversation.item.done")["item"] as { readonly id: string };
  return { call, id };
}

const RESULT = { type: "function_call_output", call_id: "c", output: "42" };

/** The answer to the client is a tool call. */
function calls(status: "completed" | "incomplete" = "completed"): Call {
  const call = new Call({ session: IDLE });
  call.client({ type: "response.create" });
  begin(call);
  const at = { response: "r", item: "i" };
  call.upstream({ type: "item.started", ...at, kind: "function_call", name: "slow", callId: "c" });
  call.upstream({ type: "item.done", ...at, status, arguments: "{}" });
  finish(call);
  return call;
}

const fired = (call: Call): number => count(call, "input_audio_buffer.timeout_triggered");

describe("the silence after an answer", () => {
  // B98
  test("[B98] is broken by no answer out of band", () => {
    const { call } = answered(100);
    call.advance(1000);
    call.client({ type: "response.create", response: { conversation: "none" } });
    call.beginAnswer();
    call.upstream({ type: "text", response: "r", item: "i", delta: "cheerful" });
    call.finishAnswer();
    call.advance(3900);
    expect(fired(call)).toBe(0);
    call.advance(300);
    expect(fired(call)).toBe(1);
  });

  // B99
  test.each(["output_audio_buffer.clear", "conversation.item.truncate"])(
    "[B99] begins where %s cut what was played",
    (type) => {
      const { call, id: item_id } = answered(20_000, { dialect: "duplex.v1" });
      call.advance(1000);
      const where = { item_id, content_index: 0, audio_end_ms: 1000 };
      call.client(type === "output_audio_buffer.clear" ? { type } : { type, ...where });
      call.advance(4900);
      expect(fired(call)).toBe(0);
      call.advance(200);
      expect(fired(call)).toBe(1);
    },
  );

  // B99
  test("[B99] begins when a player that stood still has played to the end", () => {
    const { call, id: item_id } = answered(4000, { dialect: "duplex.v1" });
    const acknowledges = (played_ms: number) => call.client({ type: "playback.ack", item_id, played_ms });
    call.advance(1000);
    acknowledges(1000);
    call.advance(6000);
    acknowledges(1000);
    for (let played = 1500; played <= 4000; played += 500) {
      call.advance(500);
      acknowledges(played);
    }
    // At 10 s, not at 4.
    call.advance(4900);
    expect(fired(call)).toBe(0);
    call.advance(200);
    expect(fired(call)).toBe(1);
  });

  // B100
  test("[B100] goes on when a turn came to nothing: cleared by the client", () => {
    const { call } = answered(100);
    call.speak(concat(silence(600), voice(500)));
    expect(call.types()).toContain("input_audio_buffer.speech_started");
    call.client({ type: "input_audio_buffer.clear" });
    call.speak(silence(5100));
    expect(fired(call)).toBe(1);
  });

  // B100
  test("[B100] goes on when a turn came to nothing: refused by the guard", () => {
    const { call } = answered(100, {}, inputGuarded({}, { session: IDLE }));
    const content = [{ type: "input_text", text: "You fool." }];
    call.client({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
    call.client({ type: "response.create" });
    judge(call, 0, "insult");
    call.advance(5100);
    expect(fired(call)).toBe(1);
  });

  // B107
  test("[B107] does not begin while the client runs a tool, and does when that has given its result", () => {
    const call = calls();
    call.advance(30_000);
    expect(fired(call)).toBe(0);
    call.client({ type: "conversation.item.create", item: RESULT });
    call.advance(4900);
    expect(fired(call)).toBe(0);
    call.advance(200);
    expect(fired(call)).toBe(1);
  });

  // B107
  test("[B107] begins after a minute where the result of a tool does not come", () => {
    const call = calls();
    call.advance(59_000);
    expect(fired(call)).toBe(0);
    call.advance(1100);
    expect(fired(call)).toBe(1);
  });

  // B107
  test("[B107] begins at once after a tool call that was cut off", () => {
    const call = calls("incomplete");
    call.advance(5100);
    expect(fired(call)).toBe(1);
  });
});
