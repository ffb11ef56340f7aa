/** Tools that the relay runs, under races and guards, in another isolate, and when something breaks. */
import { describe, expect, test } from "vitest";

import { begin, byType, DONE, response } from "../support/answering.ts";
import type { Call } from "../support/call.ts";
import { PATTERNS, wordsFirst } from "../support/guard.ts";
import { A, B, lose, TURN, typesOf, wire } from "../support/race.ts";
import {
  asks,
  calling,
  callsTools,
  gives,
  made,
  resultsTold,
  store,
  toldOfTools,
  tooled,
} from "../support/tools.ts";

const RACE = { upstreams: [wire("one"), wire("two")], strategy: { name: "race" } } as const;

/** The object dies; what `kept` holds is durable. */
function crash(call: Call, kept = call.session.snapshot()): void {
  call.crash(kept);
}

/** The token of its `duplex.v1` client, and the number of the last message that it was told. */
function known(call: Call): { readonly token: string; readonly seen: number } {
  const { relay } = call.last("session.created")["session"] as { relay: { resume_token: string } };
  const numbers = call.events.map((event) => Number(event["server_event_seq"] ?? 0));
  return { token: relay.resume_token, seen: Math.max(...numbers) };
}

/** It comes back, with all that it was told by then. */
function comesBack(call: Call, { token, seen } = known(call)): void {
  call.connect("duplex.v1");
  call.client({ type: "session.resume", resume_token: token, last_received: seen });
}

describe("of several voices", () => {
  test("[X245] who loses a race calls nothing, though it called first there", () => {
    const call = tooled(RACE);
    call.speak(TURN);
    callsTools(call, [{ callId: "a" }], { peer: A });
    callsTools(call, [{ callId: "b", name: "book" }], { peer: B });
    store(call);
    expect(made(call).map(({ callId }) => callId)).toEqual(["a"]);
  });

  test("[X243] of one voice all are told what a call gave, and one of them goes on", () => {
    const call = tooled(RACE);
    call.speak(TURN);
    callsTools(call, [{ callId: "a" }], { peer: A });
    store(call);
    gives(call, "grey");
    expect([resultsTold(call, A), resultsTold(call, B)]).toEqual([[["a", "grey"]], [["a", "grey"]]]);
    expect([asks(call, A), asks(call, B)]).toEqual([2, 2]);
  });

  test("[X243] in a tagged plan the upstream that called is told and goes on, and no other", () => {
    const call = tooled({ upstreams: [wire("one"), wire("two")] });
    call.speak(TURN);
    callsTools(call, [{ callId: "b" }], { peer: B });
    call.answer(new Int16Array(2400), "Hello.", A);
    store(call);
    gives(call, "grey");
    expect([resultsTold(call, A), resultsTold(call, B)]).toEqual([[], [["b", "grey"]]]);
    expect([asks(call, A), asks(call, B)]).toEqual([1, 2]);
  });
});

describe("under a guard", () => {
  test("[X244] a call of an answer whose words are refused is not made", () => {
    const guard = { output: { moderators: [PATTERNS], fail: "closed", holdMs: 500 } } as const;
    const call = tooled({ guard, upstreams: [wordsFirst()] });
    call.client({ type: "response.create" });
    begin(call);
    const at = { response: "r", item: "c" };
    call.upstream({ type: "item.started", ...at, kind: "function_call", name: "book", callId: "c1" });
    call.upstream({ type: "item.done", ...at, status: "completed", arguments: "{}" });
    call.upstream({ type: "item.started", response: "r", item: "i", kind: "message" });
    call.upstream({
      type: "transcript",
      response: "r",
      item: "i",
      delta: "You are a complete fool, my friend.",
    });
    call.upstream({ type: "response.done", response: "r", status: "completed", ...DONE });
    store(call);
    call.advance(20_000);
    expect(response(call)["status"]).toBe("incomplete");
    expect(made(call)).toEqual([]);
    expect(toldOfTools(call).map(({ reason }) => reason)).toEqual(["cut_off"]);
  });
});

describe("when the object dies", () => {
  test("[X246] a call that was made and not answered is made again under the same name, and its result goes on", () => {
    const call = calling(tooled());
    const [first] = made(call);
    crash(call);
    expect(made(call)).toHaveLength(1);
    comesBack(call);
    expect(made(call)).toEqual([first, first]);
    call.accept("up0.2");
    gives(call, "grey", 1);
    gives(call, "grey", 0);
    expect(byType(call, "relay.tool.completed")).toHaveLength(1);
    expect(asks(call, "up0.2")).toBe(1);
    const told = call.commands("up0.2").filter(({ type }) => type === "item");
    expect(told.map((one) => one.type === "item" && one.item.type)).toEqual([
      "function_call",
      "function_call_output",
    ]);
  });

  test("[X246] a call that no snapshot holds was not made, and what its model says anew is another", () => {
    const call = tooled();
    call.client({ type: "response.create" });
    const kept = structuredClone(call.session.snapshot());
    callsTools(call);
    expect(made(call)).toEqual([]);
    crash(call, kept);
    comesBack(call);
    call.accept("up0.2");
    callsTools(call, [{}], { peer: "up0.2" });
    store(call);
    expect(made(call)).toHaveLength(1);
  });

  test("[X244] a client that saw its answer end, which no snapshot knows, is told that the call was not made", () => {
    const call = tooled();
    call.client({ type: "response.create" });
    callsTools(call, [{}], { ends: false });
    const kept = structuredClone(call.session.snapshot());
    call.upstream({ type: "response.done", response: "r", status: "completed", ...DONE });
    const client = known(call);
    crash(call, kept);
    call.clearEvents();
    comesBack(call, client);
    expect(call.last("conversation.item.added")["item"]).toMatchObject({ type: "function_call_output" });
    expect(call.last("relay.tool.failed")["reason"]).toBe("cut_off");
    expect(made(call)).toEqual([]);
  });

  test("[X246] a call that has its result is not made again", () => {
    const call = calling(tooled());
    gives(call, "grey");
    crash(call);
    comesBack(call);
    call.advance(1000);
    expect(made(call)).toHaveLength(1);
  });

  test("[X246] of a plain client it is made again at once, and who comes next is told what it gave", () => {
    const call = calling(tooled({ dialect: "realtime" }));
    const [first] = made(call);
    crash(call);
    expect(made(call)).toEqual([first, first]);
    gives(call, "grey", 1);
    expect(call.session.quiet).toBe(true);
    call.clearEvents();
    call.connect("realtime");
    expect(JSON.stringify(call.events)).toContain('"output":"grey"');
    call.accept("up0.2");
    expect(asks(call, "up0.2")).toBe(1);
  });

  test("[X246] it goes on in another isolate with what it waits for", () => {
    const call = calling(tooled(), [{ callId: "a" }, { callId: "b" }]);
    gives(call, "one", 0);
    call.hibernate();
    gives(call, "two", 1);
    expect(resultsTold(call)).toEqual([
      ["a", "one"],
      ["b", "two"],
    ]);
    expect(asks(call)).toBe(2);
    const owed = calling(tooled());
    owed.client({ type: "response.create" });
    begin(owed, "q");
    gives(owed, "grey");
    owed.hibernate();
    owed.upstream({ type: "response.done", response: "q", status: "completed", ...DONE });
    expect(asks(owed)).toBe(3);
  });
});

describe("when a connection breaks", () => {
  test("[X246] the connection that comes next is told call and result, and goes on; the call is made once", () => {
    const call = calling(tooled());
    lose(call, "up0.1");
    gives(call, "grey");
    call.accept("up0.2");
    expect(typesOf(call, "up0.2")).toEqual(["greet", "item", "item", "respond"]);
    expect(made(call)).toHaveLength(1);
  });

  test("[X246] an answer that breaks off behind its call makes none: what is asked for again may", () => {
    const call = tooled();
    call.speak(TURN);
    callsTools(call, [{}], { ends: false });
    lose(call, "up0.1");
    store(call);
    call.advance(2000);
    call.accept("up0.2");
    expect(made(call)).toEqual([]);
    expect(response(call)["status"]).toBe("failed");
    callsTools(call, [{ callId: "again" }], { peer: "up0.2" });
    store(call);
    expect(made(call).map(({ callId }) => callId)).toEqual(["again"]);
  });

  test("[X252] while a call is under way the session does not sleep, and its client may be away", () => {
    const call = calling(tooled());
    call.open.delete("client");
    call.input({ type: "close", peer: "client", code: 1006, reason: "" });
    expect(call.session.quiet).toBe(false);
    gives(call, "grey");
    expect(call.session.quiet).toBe(true);
    expect(asks(call)).toBe(1);
    comesBack(call);
    expect(call.last("relay.tool.completed")).toMatchObject({ name: "weather" });
    expect(asks(call)).toBe(2);
  });
});
