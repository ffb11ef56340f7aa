/** The background mind when its text model is hostile, when it calls tools, for duplex models, and when the object dies. */
import { describe, expect, test } from "vitest";

import { DONE } from "../support/answering.ts";
import {
  bodyOf,
  chunk,
  handsOn,
  messagesOf,
  MIND,
  minded,
  notes,
  steps,
  tellings,
  TEXT_KEY,
  Thought,
  thoughtAt,
  thoughts,
  wants,
} from "../support/background.ts";
import type { Call } from "../support/call.ts";
import { LiveCall } from "../support/live-call.ts";
import { concat, silence, voice } from "../support/signal.ts";
import {
  asks,
  calling,
  callsTools,
  gives,
  made,
  resultsTold,
  store,
  tool,
  tooled,
} from "../support/tools.ts";
import { wire } from "../support/race.ts";

const TASK = "Find a table for two.";
const DUPLEX = { name: "live", options: { adapter: "wire", settings: { turns: "none" } } };
const gap = (call: Call): void => call.advance(600);

describe("a text model that does not do as it should", () => {
  const faults: readonly (readonly [string, string, (thought: Thought, call: Call) => void])[] = [
    [
      "refuses",
      "refused",
      (thought) => thought.begins(401, "application/json").brings('{"error":{"message":"no"}}').ends(),
    ],
    [
      "answers with no stream",
      "unreadable",
      (thought) => thought.begins(200, "text/html").brings("<html>").ends(),
    ],
    ["says rubbish", "unreadable", (thought) => void thought.begins().brings("data: {rubbish\n\n")],
    ["says nothing", "nothing", (thought) => thought.begins().brings(`${chunk({}, "stop")}data: [DONE]\n\n`)],
    [
      "says too much",
      "too_large",
      (thought) => void thought.begins().brings(chunk({ content: "x".repeat(8193) })),
    ],
    [
      "brings more bytes than any answer has",
      "too_large",
      (thought) => {
        thought.begins();
        for (let n = 0; n < 90; n += 1) thought.brings(`: ${"x".repeat(100_000)}\n\n`);
      },
    ],
    [
      "sends an event without end",
      "unreadable",
      (thought) => void thought.begins().brings("x".repeat(300_000)),
    ],
    [
      "breaks off in the middle",
      "unreachable",
      (thought) =>
        thought
          .begins()
          .brings(chunk({ content: "It" }))
          .ends(1006),
    ],
    [
      "stops in the middle",
      "timeout",
      (thought, call) => (thought.begins().brings(chunk({ content: "It" })), call.advance(20_100)),
    ],
    [
      "goes on with nothing for ever",
      "timeout",
      (thought, call) => {
        thought.begins();
        for (let n = 0; n < 13; n += 1) {
          thought.brings(": still here\n\n");
          call.advance(10_000);
        }
      },
    ],
  ];
  test.each(faults)("[X271] %s: %s, told the speaker in a sentence", (_, reason, does) => {
    const call = minded({ staleMs: 300_000 });
    handsOn(call, TASK);
    const before = asks(call);
    does(new Thought(call), call);
    // Who broke off before a word is asked once more.
    if (thoughts(call).length > 1) does(new Thought(call, 1), call);
    expect(steps(call).filter((step) => step.startsWith("failed"))).toEqual([`failed ${reason}`]);
    gap(call);
    expect(asks(call)).toBe(before + 1);
    expect(notes(call)).toHaveLength(1);
    expect(new Thought(call).open).toBe(false);
    expect(thoughts(call).length).toBeLessThanOrEqual(2);
  });

  test("[X272] what may have been a passing fault is asked once more, and no more than once", () => {
    const call = minded();
    handsOn(call, TASK);
    new Thought(call).begins(503, "text/plain").ends();
    expect(thoughts(call)).toHaveLength(2);
    new Thought(call, 1).ends(0, "connection failed");
    expect(thoughts(call)).toHaveLength(2);
    expect(steps(call).at(-1)).toBe("failed unreachable");
    const other = minded();
    handsOn(other, TASK);
    new Thought(other).begins(503, "text/plain").ends();
    new Thought(other, 1).says("Luigi.");
    expect(steps(other).at(-1)).toBe("done");
  });

  test("[X272] one that does not begin to answer is late, twice", () => {
    const call = minded();
    handsOn(call, TASK);
    call.advance(15_100);
    expect(thoughts(call)).toHaveLength(2);
    call.advance(15_100);
    expect(steps(call)).toContain("failed timeout");
  });

  test("[X271] what it says of its fault is told without a key", () => {
    const call = minded();
    handsOn(call, TASK);
    const error = { error: { code: "invalid_api_key", message: `Incorrect API key provided: ${TEXT_KEY}` } };
    new Thought(call).begins(401, "application/json").brings(JSON.stringify(error)).ends();
    const failed = tellings(call).at(-1);
    expect(failed).toMatchObject({ reason: "refused", error: { code: "invalid_api_key" } });
    gap(call);
    expect(JSON.stringify(call.events)).not.toContain(TEXT_KEY);
    expect(JSON.stringify(call.session.snapshot())).not.toContain(TEXT_KEY);
  });
});

describe("tools of the route that it calls", () => {
  const tooled = (): Call => minded({ tools: ["weather"] }, { tools: [tool("weather"), tool("book")] });
  const gives = (call: Call, output: string, at = 0): void =>
    void call.input({ type: "tool_answered", id: made(call)[at]?.id ?? "", result: { output } });

  test("[X273] only those that are named are offered, and a call is made when it is on record", () => {
    const call = tooled();
    handsOn(call, TASK);
    expect(bodyOf(thoughtAt(call, 0))["tools"]).toMatchObject([{ function: { name: "weather" } }]);
    new Thought(call).calls({ name: "weather", args: '{"city":"Ghent"}' }, { name: "book", args: "{}" });
    expect(made(call)).toEqual([]);
    store(call);
    expect(made(call)).toMatchObject([{ name: "weather", arguments: '{"city":"Ghent"}' }]);
    gives(call, "grey");
    const [, , assistant, first, second] = messagesOf(thoughtAt(call, 1));
    expect(assistant).toMatchObject({ role: "assistant", tool_calls: [{}, { function: { name: "book" } }] });
    expect(first).toMatchObject({ role: "tool", content: "grey" });
    expect(second).toMatchObject({ content: expect.stringContaining("no such tool") });
    new Thought(call, 1).says("It is grey.");
    gap(call);
    expect(notes(call)).toEqual([expect.stringContaining("It is grey.")]);
    expect(steps(call)).toContain("progress calls");
  });

  test("[X273] after four rounds it is told to write, and a call that it makes all the same is none", () => {
    const call = tooled();
    handsOn(call, TASK);
    for (let n = 0; n < 5; n += 1) {
      expect(bodyOf(thoughtAt(call, n))["tool_choice"]).toBe(n < 4 ? "auto" : "none");
      new Thought(call, n).calls({ name: "weather", args: "{}" });
      store(call);
      gives(call, "grey", n);
    }
    expect(made(call)).toHaveLength(4);
    expect(new Set(made(call).map(({ id }) => id)).size).toBe(4);
    expect(steps(call)).toContain("failed nothing");
  });

  test("[X273] a call that gives nothing in time, and one that is not on record, have a sentence as their result", () => {
    const late = tooled();
    handsOn(late, TASK);
    new Thought(late).calls({ name: "weather", args: "{}" });
    store(late);
    late.advance(17_100);
    expect(messagesOf(thoughtAt(late, 1)).at(-1)).toMatchObject({
      content: expect.stringContaining("in time"),
    });
    const lost = tooled();
    handsOn(lost, TASK);
    new Thought(lost).calls({ name: "weather", args: "{}" });
    lost.advance(10_100);
    expect(made(lost)).toEqual([]);
    expect(messagesOf(thoughtAt(lost, 1)).at(-1)).toMatchObject({
      content: expect.stringContaining("on record"),
    });
  });

  test("[X273] what the tools give is bounded, each and all together", () => {
    const call = tooled();
    handsOn(call, TASK);
    for (let n = 0; n < 4 && !steps(call).includes("failed too_large"); n += 1) {
      const calls = Array.from({ length: 6 }, () => ({
        name: "weather",
        args: JSON.stringify({ a: "x".repeat(8000) }),
      }));
      new Thought(call, n).calls(...calls);
      store(call);
      if (steps(call).includes("failed too_large")) break;
      expect(made(call)).toHaveLength(4 * (n + 1));
      for (let at = 4 * n; at < 4 * (n + 1); at += 1) gives(call, "y".repeat(60_000), at);
    }
    expect(steps(call)).toContain("failed too_large");
    expect(JSON.stringify(call.session.snapshot().conduct.tools).length).toBeLessThan(400_000);
  });

  test("[X273] no call of a task that was called off before it was on record is made", () => {
    const call = tooled();
    handsOn(call, TASK);
    new Thought(call).calls({ name: "weather", args: "{}" });
    const id = tellings(call)[0]?.["delegation_id"];
    call.client({ type: "relay.delegation.cancel", delegation_id: String(id) });
    store(call);
    call.advance(20_000);
    expect(made(call)).toEqual([]);
  });
});

test("[X274] of a duplex model what came of it is the call's own result, and nothing is told before", () => {
  const call = minded({}, { upstreams: [DUPLEX] });
  call.client({ type: "response.create" });
  callsTools(call, [{ name: "delegate", callId: "c", arguments: JSON.stringify({ request: TASK }) }]);
  store(call);
  expect(resultsTold(call)).toEqual([]);
  new Thought(call).says("Luigi.");
  expect(resultsTold(call)).toEqual([["c", "Luigi."]]);
  expect(notes(call)).toEqual([]);
  expect(steps(call).at(-1)).toBe("placed returned");
});

test("[X274] and one that is dropped has a result all the same: its provider waits for one", () => {
  const call = minded({ staleMs: 5000 }, { upstreams: [DUPLEX] });
  call.client({ type: "response.create" });
  callsTools(call, [{ name: "delegate", callId: "c", arguments: "{}" }]);
  store(call);
  expect(messagesOf(thoughtAt(call, 0)).at(-1)).toMatchObject({
    content: expect.stringContaining("asked for last"),
  });
  call.advance(5000);
  expect(resultsTold(call)).toEqual([["c", "It did not come to an end in time."]]);
  expect(steps(call).at(-1)).toBe("dropped stale");
});

test("[X274] a task of OpenAI's Live API is worked on, and its result is spoken as a result of the client's is", () => {
  const live = new LiveCall({}, { background: MIND, dialect: "duplex.v1" });
  const { call } = live;
  const turn = concat(silence(200), voice(1500), silence(700));
  live.live.push({ say: "Let me see.", task: "item_7" }, { say: "Luigi has one at eight." });
  live.speak(turn, TASK);
  live.pass(3000);
  store(call);
  const asked = thoughts(call);
  expect(asked).toHaveLength(1);
  expect(messagesOf(thoughtAt(call)).at(-1)).toMatchObject({
    content: expect.stringContaining(`The task:\n${TASK}`),
  });
  new Thought(call).says("At eight.");
  live.pass(5000);
  expect(live.answers().at(-1)).toContain("Luigi has one at eight.");
  expect(live.models[0]?.provider.told("commentary")).toEqual(["At eight."]);
  expect(live.models[0]?.provider.refused).toEqual([]);
  expect(call.types()).not.toContain("error");
  expect(steps(call).at(-1)).toBe("placed returned");
});

test("[X262] in a tagged plan the speaker that handed it on is told and asked, and no other", () => {
  const call = minded({}, { upstreams: [wire("one"), wire("two")] });
  call.client({ type: "response.create" });
  call.answer(new Int16Array(2400), "Hello.", "up0.1");
  wants(call, TASK, {}, "up1.1");
  call.answer(new Int16Array(2400), "Wait.", "up1.1");
  new Thought(call).says("Luigi.");
  call.advance(1000);
  const items = (peer: string) =>
    call.commands(peer).filter((one) => one.type === "item" && one.item.type === "message");
  expect([items("up0.1").length, items("up1.1").length]).toEqual([0, 1]);
  expect([asks(call, "up0.1"), asks(call, "up1.1")]).toEqual([1, 3]);
});

test("[X390] what a model is told by the relay has no half of a character", () => {
  const call = minded({ tools: ["weather"] }, { tools: [tool("weather")] });
  const task = `${"x".repeat(499)}${"😀".repeat(5000)}`;
  handsOn(call, task);
  new Thought(call).calls({ name: "weather", args: "{}" });
  store(call);
  gives(call, `${"y".repeat(8191)}😀`);
  new Thought(call, 1).says("Half: \ud83d");
  gap(call);
  const bodies = thoughts(call).map((one) => JSON.stringify(bodyOf(one)));
  const all = [...bodies, JSON.stringify(call.commands()), notes(call).join()];
  expect(notes(call)).toHaveLength(1);
  for (const text of all) expect(text).not.toMatch(/\\ud[89a-f]/i);
  const tools = calling(tooled());
  gives(tools, "half: \ud83d");
  expect(JSON.stringify(resultsTold(tools))).not.toMatch(/\\ud[89a-f]/i);
  expect(notes(call)[0]?.isWellFormed()).toBe(true);
});

describe("when the object goes", () => {
  test("[X275] in another isolate a request goes on in the middle of its answer", () => {
    const call = minded();
    handsOn(call, TASK);
    const thought = new Thought(call).begins().brings(chunk({ content: "Luigi has " }));
    call.hibernate();
    thought.brings(`${chunk({ content: "one." })}${chunk({}, "stop")}`).brings("data: [DONE]\n\n");
    call.hibernate();
    gap(call);
    expect(notes(call)).toEqual([expect.stringContaining("Luigi has one.")]);
    expect(thoughts(call)).toHaveLength(1);
  });

  test.for([
    { dialect: "duplex.v1", said: "" },
    { dialect: "realtime", said: "" },
    // A fault would be: something was said, or it was asked twice.
    { dialect: "duplex.v1", said: "Lui" },
    { dialect: "realtime", said: "Lui" },
    { dialect: "realtime", said: "", again: true },
  ] as const)(
    "[X275] what died with the object is asked anew, and told once: $dialect, '$said', $again",
    (one) => {
      const { dialect, said } = one;
      const call = minded({}, { dialect });
      handsOn(call, TASK);
      if ("again" in one) new Thought(call).begins().ends(1006);
      const asked = thoughts(call).length;
      const thought = new Thought(call, asked - 1).begins();
      if (said !== "") thought.brings(chunk({ content: said }));
      const kept = call.session.snapshot();
      const token = dialect === "duplex.v1" ? tokenOf(call) : null;
      call.crash(kept);
      call.connect(dialect);
      if (token !== null) call.client({ type: "session.resume", ...token });
      call.accept("up0.2");
      expect(thoughts(call)).toHaveLength(asked + 1);
      new Thought(call, asked).says("Luigi.");
      gap(call);
      expect(notes(call)).toHaveLength(1);
      expect(asks(call, "up0.2")).toBe(1);
    },
  );

  test("[X275] a call of its tools that was made and not answered is made again under its name", () => {
    const call = minded({ tools: ["weather"] }, { tools: [tool("weather")] });
    handsOn(call, TASK);
    new Thought(call).calls({ name: "weather", args: "{}" });
    const kept = call.session.snapshot();
    store(call);
    const token = tokenOf(call);
    call.crash(kept);
    call.connect("duplex.v1");
    call.client({ type: "session.resume", ...token });
    expect(made(call)).toHaveLength(2);
    expect(made(call)[1]).toEqual(made(call)[0]);
    expect(thoughts(call)).toHaveLength(1);
  });
});

function tokenOf(call: Call): { readonly resume_token: string; readonly last_received: number } {
  const { relay } = call.last("session.created")["session"] as { relay: { resume_token: string } };
  const seen = Math.max(...call.events.map((event) => Number(event["server_event_seq"] ?? 0)));
  return { resume_token: relay.resume_token, last_received: seen };
}

test("[X260] a session whose route has none asks nothing and keeps nothing of it", () => {
  const call = minded();
  expect(call.session.snapshot().conduct).not.toHaveProperty("tools");
  call.client({ type: "response.create" });
  call.upstream({ type: "response.started", response: "r", answers: null as never });
  call.upstream({ type: "response.done", response: "r", status: "completed", ...DONE });
  expect(thoughts(call)).toEqual([]);
});
