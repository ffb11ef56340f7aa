import { describe, expect, test } from "vitest";

import { begin, DONE, item, response, say } from "../support/answering.ts";
import { Call } from "../support/call.ts";

const CALL = { response: "r", item: "c", kind: "function_call", name: "weather", callId: "call_1" } as const;

function asked(dialect: "realtime" | "duplex.v1" = "realtime"): Call {
  const call = new Call({ dialect });
  call.client({ type: "response.create" });
  begin(call);
  return call;
}

/** The status of an item in every place where a client may read it. */
function statuses(call: Call): readonly unknown[] {
  const output = response(call)["output"] as { status: string }[];
  const kept = call.session.snapshot().conversation.entries.at(-1)?.item;
  return [
    item(call, "response.output_item.done")["status"],
    item(call, "conversation.item.done")["status"],
    output.at(-1)?.status,
    kept?.["status"],
  ];
}

const FOUR = (status: string) => [status, status, status, status];

describe("the status of items", () => {
  test("[R20] a message that its provider ended incomplete is incomplete everywhere", () => {
    const call = asked();
    call.upstream({ type: "item.started", response: "r", item: "i", kind: "message" });
    say(call, 100);
    call.upstream({ type: "item.done", response: "r", item: "i", status: "incomplete" });
    call.upstream({
      type: "response.done",
      response: "r",
      ...DONE,
      status: "incomplete",
      reason: "content_filter",
    });
    expect(statuses(call)).toEqual(FOUR("incomplete"));
    expect(response(call)["status_details"]).toEqual({ type: "incomplete", reason: "content_filter" });
  });

  test.each(["incomplete", "cancelled", "failed"] as const)(
    "[R20] an item still open when its response ends %s is incomplete, one that had ended keeps its status",
    (status) => {
      const call = asked();
      call.upstream({ type: "item.started", response: "r", item: "i", kind: "message" });
      say(call, 100);
      call.upstream({ type: "item.done", response: "r", item: "i", status: "completed" });
      call.upstream({ type: "item.started", ...CALL });
      call.upstream({ type: "arguments", response: "r", item: "c", delta: '{"city":"Par' });
      call.upstream({ type: "response.done", response: "r", ...DONE, status });
      expect(statuses(call)).toEqual(FOUR("incomplete"));
      expect(response(call)["output"]).toMatchObject([
        { status: "completed" },
        { arguments: '{"city":"Par' },
      ]);
    },
  );

  test("[R20] an answer that the relay cancels leaves what was open incomplete and what had ended as it was", () => {
    const call = asked();
    call.upstream({ type: "item.started", response: "r", item: "i", kind: "message" });
    say(call, 100);
    call.upstream({ type: "item.done", response: "r", item: "i", status: "completed" });
    call.upstream({ type: "item.started", ...CALL });
    call.client({ type: "response.cancel" });
    call.advance(500);
    expect(response(call)["output"]).toMatchObject([{ status: "completed" }, { status: "incomplete" }]);
  });

  test.each(['{"city":"Par', ""])(
    "[R21] a call cut off after %j has just that, and nothing says it is whole",
    (said) => {
      const call = asked();
      call.upstream({ type: "item.started", ...CALL });
      if (said !== "") call.upstream({ type: "arguments", response: "r", item: "c", delta: said });
      call.upstream({ type: "item.done", response: "r", item: "c", status: "incomplete" });
      call.upstream({
        type: "response.done",
        response: "r",
        ...DONE,
        status: "incomplete",
        reason: "max_output_tokens",
      });
      expect(statuses(call)).toEqual(FOUR("incomplete"));
      expect(item(call, "response.output_item.done")).toMatchObject({ arguments: said });
      expect(call.types()).not.toContain("response.function_call_arguments.done");
    },
  );

  test("[R21] a call that nobody ended is not complete, whatever its response says", () => {
    const call = asked();
    call.upstream({ type: "item.started", ...CALL });
    call.upstream({ type: "arguments", response: "r", item: "c", delta: "{" });
    call.upstream({ type: "response.done", response: "r", ...DONE, status: "completed" });
    expect(statuses(call)).toEqual(FOUR("incomplete"));
  });

  test("[R21] an end that repeats no arguments does not contradict what was told", () => {
    const call = asked();
    call.upstream({ type: "item.started", ...CALL });
    call.upstream({ type: "arguments", response: "r", item: "c", delta: '{"a":1}' });
    call.upstream({ type: "item.done", response: "r", item: "c", status: "completed", arguments: "" });
    expect(call.last("response.function_call_arguments.done")).toMatchObject({ arguments: '{"a":1}' });
    expect(item(call, "response.output_item.done")).toMatchObject({
      status: "completed",
      arguments: '{"a":1}',
    });
  });

  test("[R22] a failed answer tells the provider's type, code and message", () => {
    const call = asked();
    const error = { type: "rate_limit_error", code: "rate_limit_exceeded", message: "Slower." };
    call.upstream({ type: "response.done", response: "r", ...DONE, status: "failed", error });
    expect(response(call)["status_details"]).toEqual({ type: "failed", error });
  });

  test("[B22] an answer of which audio was refused is incomplete, though its rest came when the listener was back", () => {
    const session = { relay: { lead_ms: null } };
    const call = new Call({ dialect: "duplex.v1", session, limits: { laneBytes: 48_000 } });
    call.client({ type: "response.create" });
    begin(call);
    call.upstream({ type: "item.started", response: "r", item: "i", kind: "message" });
    call.open.delete("client");
    call.input({ type: "close", peer: "client", code: 1006, reason: "" });
    say(call, 1000);
    say(call, 1000);
    const { token } = { token: call.session.snapshot().delivery.tokens[0] ?? "" };
    call.connect("duplex.v1");
    call.client({ type: "session.resume", resume_token: token, last_received: 0 });
    say(call, 500);
    call.upstream({ type: "item.done", response: "r", item: "i", status: "completed" });
    call.upstream({ type: "response.done", response: "r", ...DONE, status: "completed" });
    expect(response(call)).toMatchObject({
      status: "incomplete",
      status_details: { reason: "listener_away" },
    });
    expect(statuses(call)).toEqual(FOUR("incomplete"));
  });

  test("[B50] of one out of band, of which audio was refused, nothing is truncated at the provider", () => {
    const session = { relay: { lead_ms: null } };
    const call = new Call({ dialect: "duplex.v1", session, limits: { laneBytes: 48_000 } });
    call.client({ type: "response.create", response: { conversation: "none" } });
    begin(call);
    call.upstream({ type: "item.started", response: "r", item: "i", kind: "message" });
    call.open.delete("client");
    call.input({ type: "close", peer: "client", code: 1006, reason: "" });
    say(call, 1000);
    say(call, 1000);
    const [token = ""] = call.session.snapshot().delivery.tokens;
    call.connect("duplex.v1");
    call.client({ type: "session.resume", resume_token: token, last_received: 0 });
    call.upstream({ type: "item.done", response: "r", item: "i", status: "completed" });
    call.upstream({ type: "response.done", response: "r", ...DONE, status: "completed" });
    expect(response(call)).toMatchObject({ status: "incomplete" });
    expect(call.commands().filter(({ type }) => type === "truncate")).toEqual([]);
  });
});
