import { describe, expect, test } from "vitest";

import { Call } from "../support/call.ts";
import { voice } from "../support/signal.ts";

const done = { reason: null, error: null, usage: null, metadata: null };

function asked(): Call {
  const call = new Call();
  call.client({ type: "response.create" });
  return call;
}

describe("responses", () => {
  test("[R4] a function call ends with its arguments, never empty", () => {
    const call = asked();
    const respond = call.commands().at(-1);
    const answers = respond?.type === "respond" ? respond.responseId : "";
    call.upstream({ type: "response.started", response: "r", answers });
    call.upstream({
      type: "item.started",
      response: "r",
      item: "i",
      kind: "function_call",
      name: "get_time",
      callId: "call_1",
    });
    call.upstream({ type: "item.done", status: "completed", response: "r", item: "i" });
    call.upstream({ type: "response.done", response: "r", status: "completed", ...done });
    expect(call.last("response.function_call_arguments.done")).toMatchObject({
      name: "get_time",
      call_id: "call_1",
      arguments: "{}",
    });
    expect(call.last("response.output_item.done")["item"]).toMatchObject({
      type: "function_call",
      status: "completed",
      arguments: "{}",
    });
    expect(call.last("response.done")["response"]).toMatchObject({
      output: [{ type: "function_call", call_id: "call_1" }],
    });
  });

  test("[R5] a tool's result goes to the upstream that called it, alone", () => {
    const two = ["a", "b"].map((name) => ({ name, options: { adapter: "wire" } }));
    const call = new Call({ upstreams: two });
    call.client({ type: "response.create" });
    const respond = call.commands("up1.1").at(-1);
    const answers = respond?.type === "respond" ? respond.responseId : "";
    const from = "up1.1";
    call.upstream({ type: "response.started", response: "r", answers }, from);
    const item = { response: "r", item: "i", kind: "function_call", name: "f", callId: "c" } as const;
    call.upstream({ type: "item.started", ...item }, from);
    call.upstream(
      { type: "item.done", status: "completed", response: "r", item: "i", arguments: "{}" },
      from,
    );
    call.upstream({ type: "response.done", response: "r", status: "completed", ...done }, from);
    call.client({
      type: "conversation.item.create",
      item: { type: "function_call_output", call_id: "c", output: "42" },
    });
    expect(call.commandTypes("up0.1")).not.toContain("item");
    expect(call.commandTypes("up1.1")).toContain("item");
  });

  test("[R6] a second response.create while one runs is refused by code", () => {
    const call = asked();
    call.client({ type: "response.create", event_id: "e2" });
    expect(call.last("error")["error"]).toMatchObject({
      code: "conversation_already_has_active_response",
      event_id: "e2",
    });
  });

  test("[R7] out of band: in parallel, metadata verbatim, conversation_id null, nothing in the conversation", () => {
    const call = asked();
    const before = call.session.snapshot().conversation.entries.length;
    call.client({
      type: "response.create",
      response: { conversation: "none", metadata: { topic: "x" }, output_modalities: ["text"] },
    });
    const created = call.last("response.created")["response"];
    expect(created).toMatchObject({ metadata: { topic: "x" }, conversation_id: null });
    call.beginAnswer();
    call.upstream({ type: "text", response: "r", item: "i", delta: "Hi" });
    call.finishAnswer();
    expect(call.last("response.done")["response"]).toMatchObject({
      metadata: { topic: "x" },
      conversation_id: null,
      output: [{ content: [{ type: "output_text", text: "Hi" }] }],
    });
    expect(call.session.snapshot().conversation.entries.length).toBe(before);
    expect(call.types()).not.toContain("conversation.item.added");
  });

  test("[R8] cancelling nothing is an error whose message starts with Cancellation failed", () => {
    const call = new Call();
    call.client({ type: "response.cancel", event_id: "c" });
    expect(call.last("error")["error"]).toMatchObject({
      code: "response_cancel_not_active",
      event_id: "c",
      message: expect.stringMatching(/^Cancellation failed/),
    });
  });

  test("[R9] response.cancel ends the answer at once as client_cancelled", () => {
    const call = asked();
    call.beginAnswer();
    call.client({ type: "response.cancel" });
    expect(call.last("response.output_item.done")["item"]).toMatchObject({ status: "incomplete" });
    call.client({ type: "response.create" });
    expect(call.last("response.done")["response"]).toMatchObject({
      status: "cancelled",
      status_details: { reason: "client_cancelled" },
    });
    expect(call.last("response.created")["response"]).toMatchObject({ status: "in_progress" });
  });

  test("[R10] an answer that never begins fails at its deadline, and the call goes on", () => {
    const call = asked();
    call.advance(29_000);
    expect(call.types()).not.toContain("response.done");
    call.advance(2000);
    expect(call.last("response.done")["response"]).toMatchObject({
      status: "failed",
      status_details: { error: { code: "upstream_timeout" } },
    });
    // Nothing at all was heard of the upstream: it is dialled anew.
    call.client({ type: "response.create" });
    call.accept("up0.2");
    call.answer(voice(100), "Hello.", "up0.2");
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
  });

  test("[R11] an answer that stops in its middle fails at its deadline", () => {
    const call = asked();
    call.beginAnswer();
    call.advance(31_000);
    expect(call.last("response.done")["response"]).toMatchObject({ status: "failed" });
  });

  test("[R12] audio deltas are even, whatever lengths the upstream sends", () => {
    const call = asked();
    call.beginAnswer();
    const bytes = new Uint8Array(voice(100).buffer);
    const sent: number[] = [];
    for (let at = 0; at < bytes.length; at += 777) {
      const piece = bytes.slice(at, at + 777);
      sent.push(...piece);
      call.upstream({ type: "audio", response: "r", item: "i", audio: piece.toBase64() });
    }
    call.finishAnswer();
    const deltas = call.events.filter((event) => event.type === "response.output_audio.delta");
    const received = deltas.map((event) => Uint8Array.fromBase64(String(event["delta"])));
    expect(received.every((piece) => piece.length % 2 === 0)).toBe(true);
    expect(received.flatMap((piece) => [...piece])).toEqual(sent);
  });

  test("[R13] usage is passed on and summed in the session's state", () => {
    const call = asked();
    call.beginAnswer();
    const usage = { total_tokens: 12, input_tokens: 5, output_tokens: 7 };
    call.upstream({ type: "response.done", response: "r", status: "completed", ...done, usage });
    expect(call.last("response.done")["response"]).toMatchObject({ usage });
    expect(call.session.state().usage).toEqual(usage);
  });

  test("[R14] idle_timeout_ms fires after the answer was played, commits the silence and asks again", () => {
    const turn = { type: "server_vad", idle_timeout_ms: 5000 };
    const call = new Call({ session: { audio: { input: { turn_detection: turn } } } });
    call.client({ type: "response.create" });
    call.answer(voice(2000));
    call.speak(new Int16Array(24 * 6900));
    expect(call.types()).not.toContain("input_audio_buffer.timeout_triggered");
    call.speak(new Int16Array(24 * 200));
    expect(call.types().slice(-5)).toEqual([
      "input_audio_buffer.timeout_triggered",
      "input_audio_buffer.committed",
      "conversation.item.added",
      "conversation.item.done",
      "response.created",
    ]);
  });

  test("[R15] a text session answers with text events and text parts", () => {
    const call = new Call({ session: { output_modalities: ["text"] } });
    call.client({ type: "response.create" });
    call.beginAnswer();
    call.upstream({ type: "text", response: "r", item: "i", delta: "Yes." });
    call.finishAnswer();
    expect(call.last("response.output_text.done")).toMatchObject({ text: "Yes." });
    expect(call.last("response.content_part.done")["part"]).toEqual({ type: "text", text: "Yes." });
    expect(call.last("response.output_item.done")["item"]).toMatchObject({
      content: [{ type: "output_text", text: "Yes." }],
    });
  });
});
