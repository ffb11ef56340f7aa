/** Answers that break off behind a tool call that the client runs already. */
import { describe, expect, test } from "vitest";

import { asks, resultsTold, tool } from "../support/tools.ts";
import { begin, byType, say } from "../support/answering.ts";
import { Call, type CallOptions } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const TURN = concat(silence(600), voice(1200), silence(900));
const BOOK = { type: "function", name: "book", parameters: { type: "object", properties: {} } };
const RESULT = { type: "function_call_output", call_id: "c", output: "booked" };

function lose(call: Call, peer: string): void {
  call.open.delete(peer);
  call.input({ type: "close", peer, code: 1006, reason: "" });
}

/** The answer to a turn says something perhaps, and calls a tool: of its end nothing has come. */
function booking(options: CallOptions = {}, says: "nothing" | "all" | "half" = "nothing"): Call {
  const call = new Call({ session: { tools: [BOOK] }, ...options });
  call.speak(TURN);
  begin(call);
  if (says !== "nothing") {
    call.upstream({ type: "item.started", response: "r", item: "i", kind: "message" });
    say(call, 300);
    if (says === "all") call.upstream({ type: "item.done", response: "r", item: "i", status: "completed" });
  }
  const at = { response: "r", item: "f" };
  call.upstream({ type: "item.started", ...at, kind: "function_call", name: "book", callId: "c" });
  call.upstream({ type: "item.done", ...at, status: "completed", arguments: "{}" });
  return call;
}

const statuses = (call: Call) =>
  byType(call, "response.done").map(({ response }) => (response as { readonly status: string }).status);

function comesBack(call: Call): void {
  call.advance(300);
  call.accept("up0.2");
  call.advance(100);
}

describe("an answer that breaks off behind a tool call", () => {
  test.each(["nothing", "all"] as const)(
    "[L221] has ended: the client runs the tool, and nobody is asked before it asks (said before: %s)",
    (says) => {
      const call = booking({}, says);
      lose(call, "up0.1");
      expect(statuses(call)).toEqual(["completed"]);
      comesBack(call);
      expect(asks(call, "up0.2")).toBe(0);
      call.client({ type: "conversation.item.create", item: RESULT });
      call.client({ type: "response.create" });
      expect(resultsTold(call, "up0.2")).toEqual([["c", "booked"]]);
      expect(asks(call, "up0.2")).toBe(1);
      call.answer(voice(200), "Booked.", "up0.2");
      expect(statuses(call)).toEqual(["completed", "completed"]);
      expect(call.types()).not.toContain("error");
    },
  );

  test("[L221] not where a sentence of it broke off: that is gone on with", () => {
    const call = booking({}, "half");
    lose(call, "up0.1");
    comesBack(call);
    expect(statuses(call)).toEqual(["failed"]);
    expect(asks(call, "up0.2")).toBe(1);
  });

  test("[L221] nor where the relay runs the tool, which it does for an answer that has ended alone", () => {
    const call = booking({ session: {}, tools: [tool("book")] });
    lose(call, "up0.1");
    comesBack(call);
    expect(statuses(call)).toEqual(["failed"]);
    expect(asks(call, "up0.2")).toBe(1);
  });
});
