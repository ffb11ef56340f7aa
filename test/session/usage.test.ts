import { describe, expect, test } from "vitest";

import { begin, byType, DONE, finish, lastAsk, response, say } from "../support/answering.ts";
import { Call, WIRE } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const ZERO = {
  total_tokens: 0,
  input_tokens: 0,
  output_tokens: 0,
  input_token_details: {
    text_tokens: 0,
    audio_tokens: 0,
    image_tokens: 0,
    cached_tokens: 0,
    cached_tokens_details: { text_tokens: 0, audio_tokens: 0, image_tokens: 0 },
  },
  output_token_details: { text_tokens: 0, audio_tokens: 0 },
};
const USAGE = { total_tokens: 30, input_tokens: 10, output_tokens: 20 };
const CANCELLED = { ...DONE, status: "cancelled", usage: USAGE } as const;

function speaking(dialect: "realtime" | "duplex.v1" = "realtime"): Call {
  const call = new Call({ dialect });
  call.client({ type: "response.create" });
  begin(call);
  call.upstream({ type: "item.started", response: "r", item: "i", kind: "message" });
  say(call, 3000);
  call.clearEvents();
  return call;
}

describe("what an answer cost", () => {
  test("[R28] every response.done has a whole usage object, whatever its provider gave", () => {
    const call = new Call();
    call.client({ type: "response.create" });
    expect(response(call, "response.created")["usage"]).toBeNull();
    begin(call);
    finish(call);
    expect(response(call)["usage"]).toEqual(ZERO);
    call.client({ type: "response.create" });
    begin(call);
    const given = { output_tokens: 7, input_token_details: { image_tokens: 3, text_tokens: null } };
    call.upstream({ type: "response.done", response: "r", ...DONE, status: "failed", usage: given });
    expect(response(call)["usage"]).toEqual({
      ...ZERO,
      total_tokens: 7,
      output_tokens: 7,
      input_token_details: { ...ZERO.input_token_details, image_tokens: 3 },
    });
  });

  test("[R28] so has the one of an answer that timed out", () => {
    const call = new Call();
    call.client({ type: "response.create" });
    call.advance(31_000);
    expect(response(call)).toMatchObject({ status: "failed", usage: ZERO });
  });

  test("[R29] after a cancel all other events go at once, and response.done waits for what the answer cost", () => {
    const call = speaking();
    call.client({ type: "response.cancel" });
    expect(call.types()).toEqual([
      "response.output_audio.done",
      "response.output_audio_transcript.done",
      "response.content_part.done",
      "conversation.item.done",
      "response.output_item.done",
    ]);
    call.advance(100);
    call.upstream({ type: "response.done", response: "r", ...CANCELLED });
    expect(call.types().at(-1)).toBe("response.done");
    expect(response(call)).toMatchObject({ status: "cancelled", usage: USAGE });
    expect(call.session.state().usage).toEqual(USAGE);
  });

  test("[R29] it waits 400 ms at most; what comes later is summed all the same, once", () => {
    const call = speaking();
    call.client({ type: "response.cancel" });
    call.advance(390);
    expect(call.types()).not.toContain("response.done");
    call.advance(20);
    expect(response(call)).toMatchObject({ status: "cancelled", usage: ZERO });
    call.upstream({ type: "response.done", response: "r", ...CANCELLED });
    call.upstream({ type: "response.done", response: "r", ...CANCELLED });
    expect(byType(call, "response.done").length).toBe(1);
    expect(call.session.state().usage).toEqual(USAGE);
  });

  test("[R29] it comes before the next answer of the conversation is announced, which may be asked for at once", () => {
    const call = speaking();
    call.client({ type: "response.cancel" });
    call.client({ type: "response.create" });
    expect(call.types().slice(-2)).toEqual(["response.done", "response.created"]);
    expect(call.types()).not.toContain("error");
  });

  test("[R29] it does not wait where the link is lost, nothing had begun, or the provider cannot cancel", () => {
    const lost = speaking();
    lost.client({ type: "response.cancel" });
    lost.open.delete("up0.1");
    lost.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
    expect(lost.types()).toContain("response.done");
    const early = new Call();
    early.client({ type: "response.create" });
    early.client({ type: "response.cancel" });
    expect(early.types()).toContain("response.done");
    const settings = { cancel: false };
    const mute = new Call({ upstreams: [{ name: "m", options: { adapter: "wire", settings } }] });
    mute.client({ type: "response.create" });
    begin(mute);
    mute.client({ type: "response.cancel" });
    expect(mute.types()).toContain("response.done");
  });

  test("[R29] a duplex.v1 client that goes away meanwhile finds it when it comes back", () => {
    const call = speaking("duplex.v1");
    call.client({ type: "response.cancel" });
    call.open.delete("client");
    call.input({ type: "close", peer: "client", code: 1006, reason: "" });
    call.connect("duplex.v1");
    const resume_token = call.session.snapshot().delivery.tokens[0] ?? "";
    call.client({ type: "session.resume", resume_token, last_received: 0 });
    expect(call.types()).toContain("response.done");
  });

  test("[R29] an answer that its provider had ended, and that was not heard to its end, knows what it cost", () => {
    const call = speaking("duplex.v1");
    call.upstream({ type: "item.done", response: "r", item: "i", status: "completed" });
    finish(call, USAGE);
    call.client({ type: "response.cancel" });
    expect(response(call)).toMatchObject({ status: "cancelled", usage: USAGE });
    expect(call.session.state().usage).toEqual(USAGE);
  });

  test("[R29] a restore keeps it waiting", () => {
    const call = speaking();
    call.client({ type: "response.cancel" });
    call.hibernate();
    call.upstream({ type: "response.done", response: "r", ...CANCELLED });
    expect(response(call)).toMatchObject({ usage: USAGE });
  });

  test("[R30] five interruptions cost what their provider says", () => {
    const call = new Call();
    for (let turn = 1; turn <= 5; turn += 1) {
      call.client({ type: "response.create" });
      begin(call, `r${turn}`);
      call.client({ type: "response.cancel" });
      call.client({ type: "response.create" });
      call.client({ type: "response.cancel" });
      call.upstream({ type: "response.done", response: `r${turn}`, ...CANCELLED });
    }
    expect(call.session.state().usage).toEqual({ total_tokens: 150, input_tokens: 50, output_tokens: 100 });
  });

  test("[R30] an answer discarded in advance counts, also when it began after that; so does one nobody asked for", () => {
    const call = new Call({ session: { relay: { eager_ms: 150 } } });
    call.speak(concat(silence(600), voice(900, 24_000, 3), silence(300)));
    const answers = lastAsk(call);
    call.speak(voice(300, 24_000, 4));
    call.upstream({ type: "response.started", response: "late", answers });
    call.upstream({ type: "response.done", response: "late", ...CANCELLED });
    call.upstream({ type: "response.started", response: "own", answers: null });
    call.upstream({ type: "response.done", response: "own", ...CANCELLED });
    expect(call.session.state().usage).toEqual({ total_tokens: 60, input_tokens: 20, output_tokens: 40 });
    expect(call.types()).not.toContain("response.done");
  });

  test("[R30] transcripts count by their tokens, those counted in seconds do not", () => {
    const call = new Call({ upstreams: [WIRE] });
    call.speak(concat(silence(600), voice(900), silence(900)));
    const itemId = String(call.last("input_audio_buffer.committed")["item_id"]);
    const completed = { type: "input.transcript.completed", itemId, transcript: "Hi." } as const;
    call.upstream({
      ...completed,
      usage: { type: "tokens", input_tokens: 4, output_tokens: 2, total_tokens: 6 },
    });
    call.upstream({ ...completed, usage: { type: "duration", seconds: 2 } });
    expect(call.session.state().usage).toEqual({ total_tokens: 6, input_tokens: 4, output_tokens: 2 });
  });

  test("[R30] so do those of a transcriber beside the upstreams", () => {
    const call = new Call({ transcriber: { name: "t", options: { adapter: "wire" } } });
    const usage = { type: "tokens", input_tokens: 4, output_tokens: 2, total_tokens: 6 };
    call.upstream({ type: "input.transcript.completed", itemId: "k", transcript: "Hi.", usage }, "up1.1");
    expect(call.session.state().usage).toEqual({ total_tokens: 6, input_tokens: 4, output_tokens: 2 });
  });
});
