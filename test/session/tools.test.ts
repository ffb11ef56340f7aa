/** Tools that the relay runs: what is offered, when a call is made, and what becomes of its result. */
import { describe, expect, test } from "vitest";

import type { JsonObject } from "../../src/protocol/json.ts";
import { begin, byType, DONE, response, say } from "../support/answering.ts";
import { Call, type Received } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";
import {
  asks,
  calling,
  callsTools,
  gives,
  made,
  resultsTold,
  store,
  toldOfTools,
  tool,
  tooled,
} from "../support/tools.ts";

const TURN = concat(silence(600), voice(900), silence(900));
const OWN = { type: "function", name: "lights", description: "Switches.", parameters: { type: "object" } };
const calledItem = (call: Call) =>
  byType(call, "response.output_item.done").map(({ item }) => String((item as Received)["id"]))[0] ?? "";
const names = (tools: unknown) => (tools as { readonly name: string }[]).map(({ name }) => name);

describe("what is offered", () => {
  test("[X240] models are told of the relay's tools beside the client's, which alone stand in the session", () => {
    const call = tooled({ session: { tools: [OWN] } });
    const [greet] = call.commands();
    expect(greet?.type === "greet" && names(greet.config.tools)).toEqual(["lights", "weather", "book"]);
    const session = call.last("session.created")["session"] as Record<string, Record<string, unknown>>;
    expect(names(session["tools"])).toEqual(["lights"]);
    expect(session["relay"]?.["tools"]).toEqual(["weather", "book"]);
    call.client({ type: "session.update", session: call.last("session.created")["session"] as JsonObject });
    expect(call.types()).not.toContain("error");
    call.client({ type: "session.update", session: { tools: [] } });
    const configure = call.commands().findLast(({ type }) => type === "configure");
    expect(configure?.type === "configure" && names(configure.config.tools)).toEqual(["weather", "book"]);
  });

  test("[X241] a client's tool of the same name is refused, and the rest of the update is in force", () => {
    const call = tooled();
    const weather = { ...OWN, name: "weather" };
    call.client({ type: "session.update", session: { instructions: "Be brief.", tools: [weather] } });
    expect(call.last("error")["error"]).toMatchObject({ code: "tool_name_taken", param: "session.tools" });
    const updated = call.last("session.updated")["session"] as Record<string, unknown>;
    expect([updated["instructions"], updated["tools"]]).toEqual(["Be brief.", []]);
    call.client({ type: "response.create", response: { tools: [weather] } });
    expect(call.last("error")["error"]).toMatchObject({ code: "tool_name_taken", param: "response.tools" });
    expect(asks(call)).toBe(0);
  });
});

describe("when a call is made", () => {
  test("[X242] when its answer has ended and a snapshot that holds it is durable, and not before", () => {
    const call = tooled();
    const before = call.session.covers;
    call.client({ type: "response.create" });
    callsTools(call, [{ callId: "c1", arguments: '{"city":"Ghent"}' }], { ends: false });
    store(call);
    expect(made(call)).toEqual([]);
    call.upstream({ type: "response.done", response: "r", status: "completed", ...DONE });
    expect(call.actions.at(-1)).toEqual({ type: "persist", urgent: true });
    call.input({ type: "persisted", covers: before });
    expect(made(call)).toEqual([]);
    store(call);
    const id = calledItem(call);
    expect(made(call)).toEqual([
      { type: "tool", id, callId: "c1", name: "weather", arguments: '{"city":"Ghent"}' },
    ]);
    store(call);
    call.advance(1000);
    expect(made(call)).toHaveLength(1);
  });

  test("[X242] what cannot be put on record is not made, and the model is told", () => {
    const call = tooled();
    call.client({ type: "response.create" });
    callsTools(call);
    call.advance(11_000);
    expect(toldOfTools(call).map(({ type, reason }) => [type, reason])).toEqual([
      ["relay.tool.failed", "not_recorded"],
    ]);
    store(call);
    expect(made(call)).toEqual([]);
    expect(resultsTold(call)).toEqual([["call0", "The call was not made: it could not be put on record."]]);
    expect(asks(call)).toBe(2);
  });

  test("[X243] what a tool gave is an item of the conversation, and its model is asked to go on", () => {
    const call = calling(tooled());
    call.clearEvents();
    gives(call, '{"sky":"grey"}');
    const types = ["relay.tool.completed", "conversation.item.added", "conversation.item.done"];
    expect(call.types()).toEqual([...types, "response.created"]);
    expect(call.last("conversation.item.done")["item"]).toMatchObject({
      type: "function_call_output",
      status: "completed",
      call_id: "call0",
      output: '{"sky":"grey"}',
    });
    expect(call.commandTypes().slice(-2)).toEqual(["item", "respond"]);
    expect(resultsTold(call)).toEqual([["call0", '{"sky":"grey"}']]);
  });

  test("[X243] of several calls each is made, and the model goes on when the last has its result", () => {
    const call = calling(tooled(), [{ callId: "a" }, { callId: "b", name: "book" }]);
    expect(made(call).map(({ name }) => name)).toEqual(["weather", "book"]);
    gives(call, "yes", 1);
    expect(asks(call)).toBe(1);
    gives(call, "no", 0);
    expect(resultsTold(call)).toEqual([
      ["b", "yes"],
      ["a", "no"],
    ]);
    expect(asks(call)).toBe(2);
  });

  test("[X243] calls of the client's own are its to answer: the model goes on when it has", () => {
    const both = [{ callId: "a" }, { callId: "b", name: "lights" }];
    const output = { type: "function_call_output", call_id: "b", output: "on" };
    const call = calling(tooled({ session: { tools: [OWN] } }), both);
    expect(made(call).map(({ callId }) => callId)).toEqual(["a"]);
    gives(call, "grey");
    expect(asks(call)).toBe(1);
    call.client({ type: "conversation.item.create", item: output });
    call.client({ type: "response.create" });
    expect(asks(call)).toBe(2);
    const other = calling(tooled({ session: { tools: [OWN] } }), both);
    other.client({ type: "conversation.item.create", item: output });
    gives(other, "grey");
    expect(asks(other)).toBe(2);
  });
});

describe("what was taken back is not done", () => {
  const CUT = "The call was not made: the answer that it belongs to was cut off.";

  test("[X244] of an answer that is cancelled, interrupted, failed or incomplete no call is made, and its model is told so", () => {
    const cancelled = tooled();
    cancelled.client({ type: "response.create" });
    callsTools(cancelled, [{}], { ends: false });
    cancelled.client({ type: "response.cancel" });
    const failed = tooled();
    failed.client({ type: "response.create" });
    callsTools(failed, [{}], { ends: false });
    failed.upstream({ type: "response.done", response: "r", ...DONE, status: "failed" });
    const incomplete = tooled();
    incomplete.client({ type: "response.create" });
    callsTools(incomplete, [{}], { ends: false });
    incomplete.upstream({ type: "response.done", response: "r", ...DONE, status: "incomplete" });
    for (const call of [cancelled, failed, incomplete]) {
      store(call);
      call.advance(20_000);
      expect(made(call)).toEqual([]);
      expect(resultsTold(call)).toEqual([["call0", CUT]]);
      expect(toldOfTools(call).map(({ reason }) => reason)).toEqual(["cut_off"]);
      expect(asks(call)).toBe(1);
    }
  });

  test("[X244] nor of one that is cut while what it says before the call is still to be heard", () => {
    const call = tooled();
    call.speak(TURN);
    begin(call);
    call.upstream({ type: "item.started", response: "r", item: "i", kind: "message" });
    say(call, 3000);
    const at = { response: "r", item: "c" };
    call.upstream({ type: "item.started", ...at, kind: "function_call", name: "book", callId: "c1" });
    call.upstream({ type: "item.done", ...at, status: "completed", arguments: "{}" });
    call.upstream({ type: "response.done", response: "r", status: "completed", ...DONE });
    store(call);
    // Who steers the call knows that there is one; it is not made while the caller can still say no.
    expect(call.types()).toContain("response.function_call_arguments.done");
    expect(made(call)).toEqual([]);
    call.client({ type: "response.cancel" });
    store(call);
    call.advance(20_000);
    expect(response(call)["status"]).toBe("cancelled");
    expect(made(call)).toEqual([]);
    expect(resultsTold(call)).toEqual([["c1", CUT]]);
  });

  test("[X244] a call whose arguments broke off is none", () => {
    const call = calling(tooled(), [{ status: "incomplete", arguments: '{"ci' }]);
    expect([made(call), resultsTold(call)]).toEqual([[], []]);
  });

  test("[X245] an answer that was asked for in advance and taken back makes none, and nobody hears of it", () => {
    const call = tooled({ session: { relay: { eager_ms: 150 } } });
    call.speak(concat(silence(600), voice(900, 24_000, 3), silence(300)));
    callsTools(call);
    store(call);
    call.speak(voice(900, 24_000, 4));
    store(call);
    call.advance(20_000);
    expect([made(call), toldOfTools(call), resultsTold(call)]).toEqual([[], [], []]);
    expect(call.commandTypes()).toContain("delete");
  });

  test("[X245] one that was confirmed does, then", () => {
    const call = tooled({ session: { relay: { eager_ms: 150 } } });
    call.speak(concat(silence(600), voice(900, 24_000, 3), silence(300)));
    callsTools(call);
    store(call);
    expect(made(call)).toEqual([]);
    call.speak(silence(600));
    store(call);
    expect(made(call)).toHaveLength(1);
  });

  test("[X245] calls of answers beside the conversation are not the relay's to make", () => {
    const call = tooled();
    call.client({ type: "response.create", response: { conversation: "none" } });
    callsTools(call);
    store(call);
    expect([made(call), resultsTold(call)]).toEqual([[], []]);
  });

  test("[X245] nothing is said or kept of them either, whatever they and their answers came to", () => {
    for (const [wanted, ends] of [
      [{}, true],
      [{ arguments: "[1]" }, true],
      [{}, false],
    ] as const) {
      const call = tooled();
      call.client({ type: "response.create", response: { conversation: "none" } });
      callsTools(call, [wanted], { ends });
      if (!ends)
        call.client({
          type: "response.cancel",
          response_id: String(response(call, "response.created")["id"]),
        });
      call.advance(20_000);
      expect(toldOfTools(call)).toEqual([]);
      expect(call.session.covers).not.toHaveProperty("calls");
      expect(call.session.snapshot().conduct).not.toHaveProperty("tools");
    }
  });

  test("[X245] a call that its client deletes before it is made is not made", () => {
    const call = tooled();
    call.client({ type: "response.create" });
    callsTools(call);
    const id = calledItem(call);
    call.client({ type: "conversation.item.delete", item_id: id });
    store(call);
    call.advance(20_000);
    expect([made(call), resultsTold(call), asks(call)]).toEqual([[], [], 1]);
  });
});

describe("a call that comes to nothing", () => {
  test.each([
    ["timeout", "The tool did not answer in time. Whether it did what it was asked is not known."],
    ["unreachable", "The tool could not be reached. Whether it did what it was asked is not known."],
    ["refused", "The tool refused the call."],
    ["too_large", "The tool answered with more than can be taken. It did what it was asked."],
    ["not_offered", "The call was not made: there is no such tool any more."],
  ] as const)("[X247] %s: the model is told in plain words and goes on", (failure, words) => {
    const call = calling(tooled());
    gives(call, { failure });
    expect(resultsTold(call)).toEqual([["call0", words]]);
    expect(asks(call)).toBe(2);
    expect(call.last("relay.tool.failed")).toMatchObject({ name: "weather", reason: failure });
  });

  test("[X247] without a word of the shell's for longer than its budget it is given up, and what comes then is dropped", () => {
    const call = calling(tooled());
    call.advance(16_900);
    expect(resultsTold(call)).toEqual([]);
    call.advance(200);
    expect(call.last("relay.tool.failed")["reason"]).toBe("timeout");
    gives(call, "late");
    gives(call, "later");
    expect(resultsTold(call)).toHaveLength(1);
    expect(asks(call)).toBe(2);
  });

  test("[X247] arguments that are no JSON object, and more than 16 calls at once, are not made", () => {
    const odd = calling(tooled(), [{ arguments: "[1]" }, { arguments: '{"a"' }]);
    expect(made(odd)).toEqual([]);
    expect(toldOfTools(odd).map(({ reason }) => reason)).toEqual(["invalid_arguments", "invalid_arguments"]);
    expect(asks(odd)).toBe(2);
    const many = calling(
      tooled(),
      Array.from({ length: 18 }, (_, n) => ({ callId: `c${n}` })),
    );
    expect(made(many)).toHaveLength(16);
    expect(toldOfTools(many).filter(({ reason }) => reason === "too_many")).toHaveLength(2);
    expect(asks(many)).toBe(1);
  });
});

describe("who is told", () => {
  test("[X248] a duplex.v1 client of each call's beginning and end, without a word of what it is given or gives", () => {
    const call = calling(tooled(), [{ arguments: '{"secret":1}' }]);
    call.advance(1500);
    gives(call, "private");
    const about = { name: "weather", call_id: "call0" };
    expect(toldOfTools(call)).toMatchObject([
      { type: "relay.tool.started", ...about },
      { type: "relay.tool.completed", ...about, after_ms: 1500 },
    ]);
    expect(JSON.stringify(toldOfTools(call))).not.toMatch(/secret|private/);
    const id = calledItem(call);
    const first = byType(call, "response.created")[0]?.["response"] as Received | undefined;
    expect(call.last("relay.tool.completed")).toMatchObject({ item_id: id, response_id: first?.["id"] });
  });

  test("[X248] a plain client of the items alone", () => {
    const call = calling(tooled({ dialect: "realtime" }));
    gives(call, "grey");
    expect(toldOfTools(call)).toEqual([]);
    expect(call.last("conversation.item.done")["item"]).toMatchObject({ output: "grey" });
    expect(asks(call)).toBe(2);
  });

  test("[X249] a client that answers such a call itself is refused, before and after its result", () => {
    const call = calling(tooled());
    const item = { type: "function_call_output", call_id: "call0", output: "mine" };
    for (const result of [null, "grey"]) {
      if (result !== null) gives(call, result);
      call.client({ type: "conversation.item.create", item });
      expect(call.last("error")["error"]).toMatchObject({ code: "tool_run_by_relay", param: "item.call_id" });
    }
    expect(resultsTold(call)).toEqual([["call0", "grey"]]);
    const told = { type: "function_call", name: "weather", call_id: "old", arguments: "{}" };
    call.client({ type: "conversation.item.create", item: told });
    call.client({ type: "conversation.item.create", item: { ...item, call_id: "old" } });
    expect(resultsTold(call)).toHaveLength(2);
  });
});

describe("when the model goes on", () => {
  test("[X251] while the caller speaks it waits for the end of the turn, which is answered with it in one", () => {
    const call = calling(tooled());
    call.speak(concat(silence(600), voice(900)));
    gives(call, "grey");
    expect(resultsTold(call)).toHaveLength(1);
    expect(asks(call)).toBe(1);
    call.speak(silence(900));
    expect(asks(call)).toBe(2);
    call.answer(voice(200));
    call.advance(5000);
    expect(asks(call)).toBe(2);
  });

  test("[X251] while another answer is given it waits for that one's end, and what is asked for later has it already", () => {
    const call = calling(tooled());
    call.client({ type: "response.create" });
    begin(call, "q");
    gives(call, "grey");
    expect(asks(call)).toBe(2);
    call.upstream({ type: "response.done", response: "q", status: "completed", ...DONE });
    expect(asks(call)).toBe(3);
    const other = calling(tooled());
    other.client({ type: "response.create" });
    begin(other, "q");
    gives(other, "grey");
    other.client({ type: "response.cancel" });
    expect(asks(other)).toBe(3);
    expect(byType(other, "response.created")).toHaveLength(3);
  });

  test("[X251] what was asked for in advance does not know of it, and is asked anew", () => {
    const call = calling(tooled({ session: { relay: { eager_ms: 150 } } }));
    call.speak(concat(silence(600), voice(900, 24_000, 3), silence(300)));
    expect(asks(call)).toBe(2);
    gives(call, "grey");
    call.speak(silence(600));
    expect(asks(call)).toBe(3);
    expect(byType(call, "response.created")).toHaveLength(2);
  });

  test("[X253] it counts as an answer that is asked for", () => {
    const call = calling(tooled({ limits: { answersPerMinute: 1 } }));
    gives(call, "grey");
    expect(resultsTold(call)).toHaveLength(1);
    expect(call.last("error")["error"]).toMatchObject({ code: "rate_limit_exceeded" });
    expect(asks(call)).toBe(1);
  });
});

test("[X240] a session whose route has no tools of its own asks nothing and keeps nothing of them", () => {
  const call = new Call({ session: { tools: [{ ...OWN, name: tool("weather").name }] } });
  calling(call);
  expect(made(call)).toEqual([]);
  expect(call.session.snapshot().conduct).not.toHaveProperty("tools");
  expect(call.session.covers).not.toHaveProperty("calls");
});
