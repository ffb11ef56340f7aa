/** Tool calls that go ahead of the sentence before them, or cannot just now. */
import { describe, expect, test } from "vitest";

import { begin, finish, say } from "../support/answering.ts";
import { Call } from "../support/call.ts";
import { guarded, judge, questions, words } from "../support/guard.ts";

const CALL = { response: "r", item: "f" } as const;

/** Five seconds of an answer that is paced, and a tool call behind them. */
function calling(call = new Call({ dialect: "duplex.v1" })): Call {
  call.client({ type: "response.create" });
  begin(call);
  call.upstream({ type: "item.started", response: "r", item: "i", kind: "message" });
  say(call, 5000);
  call.upstream({ type: "item.done", response: "r", item: "i", status: "completed" });
  return call;
}

const starts = (call: Call) =>
  call.upstream({ type: "item.started", ...CALL, kind: "function_call", name: "look", callId: "c" });
const argues = (call: Call, delta: string) => call.upstream({ type: "arguments", ...CALL, delta });
const ends = (call: Call) => call.upstream({ type: "item.done", ...CALL, status: "completed" });
const reads = (call: Call, bytes: number) => call.input({ type: "buffered", peer: "client", bytes });

/** The call's arguments as they were told, and whole. */
function told(call: Call) {
  const about = call.events.filter(({ type }) => type.startsWith("response.function_call_arguments."));
  return about.map((event) => event["delta"] ?? event["arguments"]);
}

describe("a tool call behind a sentence", () => {
  // B90
  test("[B90] has its arguments in order and whole though some of them came while nothing might pass", () => {
    const call = calling();
    starts(call);
    argues(call, "one ");
    // The client does not read.
    reads(call, 10_000_000);
    argues(call, "two ");
    reads(call, 0);
    argues(call, "three");
    ends(call);
    expect(told(call)).toEqual(["one ", "two ", "three", "one two three"]);
    finish(call);
    call.advance(10_000);
    expect(call.types().at(-1)).toBe("response.done");
  });

  // B91
  test("[B91] that came while nothing might pass goes ahead when something may", () => {
    const call = calling();
    reads(call, 10_000_000);
    starts(call);
    argues(call, "all");
    ends(call);
    expect(told(call)).toEqual([]);
    reads(call, 0);
    expect(told(call)).toEqual(["all", "all"]);
    // The sentence is far from being heard.
    expect(call.types()).not.toContain("response.output_audio.done");
  });

  // B91
  test("[B91] goes ahead of its sound when its words have been judged", () => {
    const call = guarded({}, { session: { relay: { lead_ms: 400 } } });
    call.client({ type: "response.create" });
    begin(call);
    call.upstream({ type: "item.started", response: "r", item: "i", kind: "message" });
    words(call, "Let me look that up for you.");
    say(call, 3000);
    call.upstream({ type: "item.done", response: "r", item: "i", status: "completed" });
    starts(call);
    argues(call, "all");
    ends(call);
    expect(told(call)).toEqual([]);
    for (let at = 0; at < questions(call).length; at += 1) judge(call, at, null);
    expect(told(call)).toEqual(["all", "all"]);
    expect(call.types()).not.toContain("response.output_audio.done");
  });
});
