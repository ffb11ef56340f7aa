/** The background mind: how a task is handed on, when what came of it is told, and what is dropped. */
import { describe, expect, test } from "vitest";

import { textAt } from "../../src/upstreams/json.ts";
import { begin, DONE, say } from "../support/answering.ts";
import {
  bodyOf,
  handsOn,
  messagesOf,
  minded,
  notes,
  saysSo,
  steps,
  tellings,
  Thought,
  thoughtAt,
  thoughts,
  wants,
} from "../support/background.ts";
import type { Call, Received } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";
import { asks, callsTools, resultsTold, store } from "../support/tools.ts";

const idOf = (call: Call, at = 0): string =>
  String(tellings(call).filter(({ type }) => type.endsWith("started"))[at]?.["delegation_id"]);
const TASK = "Find a table for two.";

/** The gap is there, and the half second behind it. */
const gap = (call: Call): void => call.advance(600);

describe("how a task is handed on", () => {
  test("[X260] speakers are offered it, whose name no client takes", () => {
    const call = minded({ name: "hand_on" }, { session: { tools: [] } });
    const [greet] = call.commands();
    expect(greet?.type === "greet" && greet.config.tools).toMatchObject([
      { type: "function", name: "hand_on", description: "Hands on.", parameters: { required: ["task"] } },
    ]);
    const { relay } = call.last("session.created")["session"] as { relay: Received };
    expect(relay["tools"]).toEqual(["hand_on"]);
    const own = { type: "function", name: "hand_on", parameters: { type: "object" } };
    call.client({ type: "session.update", session: { tools: [own] } });
    expect(call.last("error")["error"]).toMatchObject({ code: "tool_name_taken" });
  });

  test("[X261] its call is answered at once, when it is on record, and the speaker goes on", () => {
    const call = minded();
    call.client({ type: "response.create" });
    callsTools(call, [{ name: "delegate", callId: "c", arguments: JSON.stringify({ task: TASK }) }]);
    expect([thoughts(call).length, asks(call)]).toEqual([0, 1]);
    store(call);
    expect(resultsTold(call)).toEqual([["c", expect.stringContaining("under way")]]);
    expect([thoughts(call).length, asks(call)]).toEqual([1, 2]);
    expect(steps(call)).toEqual(["started", "progress asked"]);
    expect(tellings(call)[0]).toMatchObject({ task: TASK, urgent: false, call_id: "c" });
  });

  test("[X261] the text model is told the conversation and the task, as one streamed chat completion", () => {
    const call = minded();
    const content = [{ type: "input_text", text: "Is there a table tonight?" }];
    call.client({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
    call.client({ type: "response.create" });
    saysSo(call);
    handsOn(call, TASK);
    const [first] = thoughts(call);
    if (!first) throw new Error("nothing was asked");
    expect(first.request).toMatchObject({
      url: "https://mind.test/v1/chat/completions",
      http: { method: "POST" },
    });
    expect(bodyOf(first)).toMatchObject({ model: "thinker", stream: true });
    const [system, user] = messagesOf(first);
    expect(system).toEqual({ role: "system", content: "You work behind a voice." });
    const told = textAt(user ?? null, "content") ?? "";
    expect(told).toContain("Caller: Is there a table tonight?\nAgent: It is under way.");
    expect(told.endsWith(`The task:\n${TASK}`)).toBe(true);
    expect(told).not.toContain("called delegate");
  });

  test("[X261] of a long conversation it is told the newest 128 lines and 32 Ki characters", () => {
    const call = minded();
    for (let n = 0; n < 200; n += 1) {
      const content = [{ type: "input_text", text: `line ${n} ${"x".repeat(n < 190 ? 5 : 4000)}` }];
      call.client({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
    }
    handsOn(call, TASK);
    const told = textAt(messagesOf(thoughtAt(call))[1] ?? null, "content") ?? "";
    expect(told.length).toBeLessThan(33_000 + TASK.length);
    expect(told).toContain("line 199 ");
    expect(told).not.toContain("line 100 ");
  });

  test("[X269] no task, and one more than may be, are told the speaker and are none", () => {
    const call = minded({ atOnce: 2 });
    handsOn(call, "  ");
    expect(resultsTold(call)[0]).toEqual([expect.anything(), expect.stringContaining("not taken")]);
    for (const task of ["one", "two", "three"]) handsOn(call, task);
    expect(resultsTold(call).at(-1)).toEqual([expect.anything(), expect.stringContaining("too many")]);
    expect(steps(call).filter((step) => step === "started")).toHaveLength(2);
    expect(thoughts(call)).toHaveLength(2);
  });
});

describe("when what came of it is told", () => {
  test("[X262] as an item that the speaker knows, of which it is asked once, at the next gap", () => {
    const call = minded();
    handsOn(call, TASK);
    const before = asks(call);
    new Thought(call).says("Luigi has one at eight.");
    expect(notes(call)).toEqual([]);
    call.advance(499);
    expect(asks(call)).toBe(before);
    call.advance(2);
    expect(asks(call)).toBe(before + 1);
    expect(notes(call)).toEqual([expect.stringMatching(/Find a table[^]*Luigi has one at eight\./)]);
    const told = call.commands().findLast(({ type }) => type === "item");
    expect(told).toMatchObject({ item: { type: "message", role: "system" } });
    expect(steps(call)).toEqual(["started", "progress asked", "progress writing", "done", "placed gap"]);
    saysSo(call);
    call.advance(120_000);
    expect(asks(call)).toBe(before + 1);
    expect(steps(call).filter((step) => step.startsWith("placed"))).toHaveLength(1);
  });

  test("[X262] not while the caller speaks, nor before the answer to the turn has been heard", () => {
    const call = minded();
    handsOn(call, TASK);
    call.speak(concat(silence(600), voice(900)));
    const before = asks(call);
    new Thought(call).says("Luigi.");
    call.speak(voice(3000));
    expect(notes(call)).toEqual([]);
    call.speak(silence(900));
    expect(asks(call)).toBe(before + 1);
    call.answer(voice(2000));
    call.advance(1900);
    expect(notes(call)).toEqual([]);
    call.advance(1200);
    expect(asks(call)).toBe(before + 2);
    expect(steps(call).at(-1)).toBe("placed gap");
  });

  test("[X262] nor when the caller begins in the half second behind an answer", () => {
    const call = minded();
    handsOn(call, TASK);
    call.speak(silence(600));
    new Thought(call).says("Luigi.");
    call.speak(silence(300));
    call.speak(voice(1500));
    expect(notes(call)).toEqual([]);
  });

  test("[X263] what is urgent waits for the end of an answer that is given, and not for its playing", () => {
    const call = minded({}, { dialect: "realtime" });
    handsOn(call, TASK, { urgent: true });
    call.client({ type: "response.create" });
    begin(call, "q");
    const before = asks(call);
    new Thought(call).says("Now.");
    expect([asks(call), notes(call)]).toEqual([before, []]);
    say(call, 2000, { response: "q", item: "qi" });
    call.upstream({ type: "response.done", response: "q", status: "completed", ...DONE });
    expect(asks(call)).toBe(before + 1);
    expect(notes(call)).toHaveLength(1);
    const calm = minded({}, { dialect: "realtime" });
    handsOn(calm, TASK);
    new Thought(calm).says("Now.");
    expect(notes(calm)).toEqual([]);
  });

  test("[X263] nor before the end of an answer that was cut has been told", () => {
    const call = minded();
    handsOn(call, TASK, { urgent: true });
    call.client({ type: "response.create" });
    begin(call, "q");
    say(call, 500, { response: "q", item: "qi" });
    call.client({ type: "response.cancel" });
    call.clearEvents();
    new Thought(call).says("Now.");
    expect(notes(call)).toEqual([]);
    call.advance(400);
    expect(notes(call)).toHaveLength(1);
    const types = call.types().filter((type) => type === "response.done" || type.startsWith("conversation"));
    expect(types).toEqual(["response.done", "conversation.item.added", "conversation.item.done"]);
  });

  test("[X263] and never goes over the caller", () => {
    const call = minded(
      {},
      {
        session: { audio: { input: { turn_detection: { type: "server_vad", interrupt_response: false } } } },
      },
    );
    handsOn(call, TASK, { urgent: true });
    call.speak(concat(silence(600), voice(900)));
    const before = asks(call);
    new Thought(call).says("Now.");
    call.speak(voice(600));
    expect(asks(call)).toBe(before);
    call.speak(silence(900));
    expect(asks(call)).toBe(before + 1);
    saysSo(call);
    expect(asks(call)).toBe(before + 2);
  });

  test("[X264] without `announce` the speaker knows of it and is not asked", () => {
    const call = minded({ announce: false });
    handsOn(call, TASK);
    const before = asks(call);
    new Thought(call).says("Luigi.");
    call.advance(5000);
    expect(asks(call)).toBe(before);
    expect(notes(call)).toEqual([expect.stringContaining("Do not bring it up")]);
    expect(steps(call).at(-1)).toBe("placed silent");
  });

  test("[X265] one at a gap, what is urgent first, then what was over first", () => {
    const call = minded();
    handsOn(call, "one");
    handsOn(call, "two");
    handsOn(call, "three", { urgent: true });
    call.client({ type: "response.create" });
    begin(call, "q");
    new Thought(call, 1).says("second");
    new Thought(call, 0).says("first");
    new Thought(call, 2).says("third");
    call.upstream({ type: "response.done", response: "q", status: "completed", ...DONE });
    for (const [at, word] of ["third", "second", "first"].entries()) {
      expect(notes(call)).toHaveLength(at + 1);
      expect(notes(call).at(-1)).toContain(word);
      saysSo(call);
      gap(call);
    }
    expect(notes(call)).toHaveLength(3);
  });

  test("[X276] a client that is away finds it when it is back, and the session does not sleep", () => {
    const call = minded();
    handsOn(call, TASK);
    const { relay } = call.last("session.created")["session"] as { relay: { resume_token: string } };
    const seen = Math.max(...call.events.map((event) => Number(event["server_event_seq"] ?? 0)));
    call.open.delete("client");
    call.input({ type: "close", peer: "client", code: 1006, reason: "" });
    new Thought(call).says("Luigi.");
    expect(call.session.quiet).toBe(false);
    call.advance(5000);
    expect(notes(call)).toEqual([]);
    call.connect("duplex.v1");
    call.client({ type: "session.resume", resume_token: relay.resume_token, last_received: seen });
    gap(call);
    expect(notes(call)).toHaveLength(1);
  });
});

describe("what is dropped", () => {
  test("[X266] what takes too long: its request is given up, and the speaker does not wait for it any more", () => {
    const call = minded({ staleMs: 5000 });
    handsOn(call, TASK);
    const before = asks(call);
    const thought = new Thought(call).begins();
    call.advance(5000);
    expect(steps(call).at(-1)).toBe("dropped stale");
    expect(thought.open).toBe(false);
    expect(notes(call)).toEqual([expect.stringContaining("was dropped")]);
    expect(asks(call)).toBe(before);
    expect(call.session.snapshot().conduct.tools?.background?.tasks).toEqual([]);
  });

  test("[X266] what found no gap in time is told nobody", () => {
    const call = minded({ staleMs: 5000 });
    handsOn(call, TASK);
    new Thought(call).says("Luigi.");
    call.client({ type: "response.create" });
    begin(call, "q");
    call.advance(5500);
    expect(steps(call).slice(-2)).toEqual(["done", "dropped stale"]);
    call.upstream({ type: "response.done", response: "q", status: "completed", ...DONE });
    call.advance(5000);
    expect(notes(call).join(" ")).not.toContain("Luigi");
  });

  test("[X267] the same task once more takes the place of the first", () => {
    const call = minded();
    handsOn(call, TASK);
    const first = new Thought(call);
    handsOn(call, ` ${TASK}`);
    expect(first.open).toBe(false);
    new Thought(call, 1).says("Luigi.");
    gap(call);
    expect(steps(call).filter((step) => /^(?:started|dropped|placed)/.test(step))).toEqual([
      "started",
      "dropped superseded",
      "started",
      "placed gap",
    ]);
    expect(notes(call)).toHaveLength(1);
  });

  test("[X268] what is called off, under way or over, is not told of", () => {
    for (const over of [false, true]) {
      const call = minded();
      handsOn(call, TASK);
      const thought = new Thought(call);
      if (over) thought.says("Luigi.");
      const before = asks(call);
      call.client({ type: "relay.delegation.cancel", delegation_id: idOf(call) });
      expect(thought.open).toBe(false);
      if (!over) thought.says("Luigi.");
      call.advance(10_000);
      expect(steps(call).at(-1)).toBe("dropped cancelled");
      expect(notes(call)).toEqual([expect.stringContaining("was called off")]);
      expect(asks(call)).toBe(before);
    }
  });

  test("[X268] of a task that is none it is an error, as of one that was told; a plain client has no such event", () => {
    const call = minded();
    handsOn(call, TASK);
    new Thought(call).says("Luigi.");
    gap(call);
    for (const delegation_id of ["nobody", idOf(call)]) {
      call.client({ type: "relay.delegation.cancel", delegation_id });
      expect(call.last("error")["error"]).toMatchObject({
        code: "delegation_not_found",
        param: "delegation_id",
      });
    }
    const plain = minded({}, { dialect: "realtime" });
    plain.client({ type: "relay.delegation.cancel", delegation_id: "x" });
    expect(plain.last("error")["error"]).toMatchObject({ code: "invalid_value" });
  });
});

test("[X270] every step is an event with its reason, and no event has what the text model wrote", () => {
  const call = minded();
  call.client({ type: "response.create" });
  wants(call, TASK);
  call.advance(100);
  new Thought(call).says("private");
  saysSo(call);
  gap(call);
  expect(JSON.stringify(tellings(call))).not.toContain("private");
  expect(tellings(call).at(-1)).toMatchObject({
    type: "relay.delegation.placed",
    delegation_id: idOf(call),
    reason: "gap",
    placed_item_id: expect.stringMatching(/^item_/),
    after_ms: expect.any(Number),
  });
  const plain = minded({}, { dialect: "realtime" });
  handsOn(plain, TASK);
  new Thought(plain).says("Luigi.");
  gap(plain);
  expect(tellings(plain)).toEqual([]);
  expect(notes(plain)).toHaveLength(1);
});
