import { describe, expect, test } from "vitest";

import { Call, WIRE } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const TURN = concat(silence(600), voice(1200), silence(900));

describe("upstream links", () => {
  test("[L1] what is said while an upstream is dialled reaches it completely, in order", () => {
    const call = new Call({ connect: false });
    call.connect("realtime");
    call.speak(TURN);
    expect(call.commands()).toEqual([]);
    call.accept("up0.1");
    expect(call.commandTypes()).toEqual(["greet", "audio", "commit", "respond"]);
    const reference = new Call();
    reference.speak(TURN);
    expect(call.heard()).toEqual(reference.heard());
  });

  test("[L13] a configuration changed before the upstream is ready reaches it", () => {
    const call = new Call({ connect: false });
    call.connect("realtime");
    call.input({ type: "open", peer: "up0.1" });
    call.client({ type: "session.update", session: { instructions: "late" } });
    call.upstream({ type: "ready" });
    expect(call.commands().at(-1)).toMatchObject({ type: "configure", config: { instructions: "late" } });
  });

  test("[E52] an upstream that sends more messages than any answer has is given up, aloud", () => {
    const call = new Call({ dialect: "duplex.v1" });
    const say = { type: "rate_limits", rateLimits: [] } as const;
    for (let n = 0; n < 9_990; n += 1) call.upstream(say);
    expect(call.open.has("up0.1")).toBe(true);
    for (let n = 0; n < 50 && call.open.has("up0.1"); n += 1) call.upstream(say);
    expect(call.open.has("up0.1")).toBe(false);
    expect(call.events.findLast(({ type }) => type === "error")).toMatchObject({
      error: { code: "upstream_protocol_error" },
    });
  });

  test("[E121] that it is dialled again earns it nothing: who goes on is given up after what was earned meanwhile", () => {
    const call = new Call();
    const say = { type: "rate_limits", rateLimits: [] } as const;
    for (let n = 0; n < 10_050 && call.open.has("up0.1"); n += 1) call.upstream(say);
    expect(call.open.has("up0.1")).toBe(false);
    call.advance(300);
    call.accept("up0.2");
    let more = 0;
    for (; more < 10_000 && call.open.has("up0.2"); more += 1) call.upstream(say, "up0.2");
    expect(call.open.has("up0.2")).toBe(false);
    expect(more).toBeGreaterThan(200);
    expect(more).toBeLessThan(400);
  });

  test("[E121] and what a fallback says is counted for itself", () => {
    const call = new Call({ upstreams: [{ ...WIRE, fallback: [{ adapter: "wire" }] }] });
    const say = { type: "rate_limits", rateLimits: [] } as const;
    for (let n = 0; n < 10_050 && call.open.has("up0.1"); n += 1) call.upstream(say);
    const [peer = ""] = [...call.open].filter((each) => each.startsWith("up"));
    if (peer === "") call.advance(1000);
    const [next = peer] = [...call.open].filter((each) => each.startsWith("up"));
    call.accept(next);
    for (let n = 0; n < 9000; n += 1) call.upstream(say, next);
    expect(call.open.has(next)).toBe(true);
  });

  test("[E100] an error counts as twenty messages, and is told once a second", () => {
    const call = new Call({ dialect: "duplex.v1" });
    const say = { type: "error", fatal: false, error: { code: "busy", message: "Busy." } } as const;
    const errors = () => call.events.filter(({ type }) => type === "error").map(({ error }) => error);
    for (let n = 0; n < 400; n += 1) call.upstream(say);
    expect(errors()).toMatchObject([{ code: "busy" }]);
    call.upstream({ ...say, error: { code: "busy", message: "Busier." } });
    expect(errors()).toHaveLength(2);
    call.advance(1000);
    call.upstream(say);
    expect(errors().at(-1)).toMatchObject({
      code: "busy",
      message: expect.stringContaining("399 more such errors"),
    });
    expect(call.open.has("up0.1")).toBe(true);
    for (let n = 0; n < 300 && call.open.has("up0.1"); n += 1) call.upstream(say);
    expect(call.open.has("up0.1")).toBe(false);
    expect(errors().at(-1)).toMatchObject({ code: "upstream_protocol_error" });
  });

  test("[E53] so is one that goes on sending nonsense, after a hundred messages of it", () => {
    const call = new Call();
    const say = {
      type: "error",
      fatal: false,
      error: { code: "upstream_protocol_error", message: "No." },
    } as const;
    for (let n = 0; n < 100; n += 1) call.upstream(say);
    expect(call.open.has("up0.1")).toBe(true);
    call.upstream(say);
    expect(call.open.has("up0.1")).toBe(false);
  });

  test("[E53] sooner where a message of it is large", () => {
    const call = new Call();
    const error = { code: "upstream_protocol_error", message: "x".repeat(160_000) };
    for (let n = 0; n < 11; n += 1) call.upstream({ type: "error", fatal: false, error });
    expect(call.open.has("up0.1")).toBe(false);
  });

  test("[L2] a dial that is never answered is given up, told and tried again with backoff", () => {
    const call = new Call({ connect: false });
    call.connect("duplex.v1");
    call.advance(10_001);
    expect(call.last("error")["error"]).toMatchObject({ type: "server_error", code: "upstream_timeout" });
    call.advance(260);
    expect(call.actions.filter((action) => action.type === "dial").map((action) => action.peer)).toEqual([
      "up0.1",
      "up0.2",
    ]);
  });

  test("[L3] dials that are refused again and again fail the answer that waits for them, with the reason", () => {
    const call = new Call({ connect: false });
    call.connect("realtime");
    call.client({ type: "response.create" });
    for (const peer of ["up0.1", "up0.2", "up0.3"]) {
      expect(call.types()).not.toContain("response.done");
      call.open.delete(peer);
      call.input({ type: "close", peer, code: 0, reason: "HTTP 401" });
      call.advance(2000);
    }
    expect(call.last("response.done")["response"]).toMatchObject({
      status: "failed",
      status_details: { error: { code: "upstream_closed" } },
    });
  });

  test("[L4] a lost upstream fails its answer, is dialled again and told the conversation", () => {
    const call = new Call();
    const item = { type: "message", role: "user", content: [{ type: "input_text", text: "hi" }] };
    call.client({ type: "conversation.item.create", item });
    call.client({ type: "response.create" });
    call.answer(voice(200), "Hello.");
    call.client({ type: "response.create" });
    call.beginAnswer();
    call.open.delete("up0.1");
    call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
    expect(call.last("response.done")["response"]).toMatchObject({ status: "failed" });
    call.advance(300);
    call.accept("up0.2");
    expect(call.commandTypes("up0.2").slice(0, 3)).toEqual(["greet", "item", "item"]);
    expect(call.commands("up0.2")[2]).toMatchObject({
      item: { role: "assistant", content: [{ type: "output_text", text: "Hello." }] },
    });
    call.answer(voice(200), "Again.", "up0.2");
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
  });

  test("[L5] an upstream lost in mid-turn hears the turn from its beginning", () => {
    const call = new Call();
    const reference = new Call();
    reference.speak(TURN);
    const half = 24 * 1200;
    call.speak(TURN.subarray(0, half));
    call.open.delete("up0.1");
    call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
    call.speak(TURN.subarray(half, half + 24 * 300));
    call.accept("up0.2");
    call.speak(TURN.subarray(half + 24 * 300));
    expect(call.heard("up0.2")).toEqual(reference.heard());
    expect(call.commandTypes("up0.2")).toEqual(["greet", "audio", "commit", "respond"]);
  });

  test("[L6] messages of a replaced connection change nothing", () => {
    const call = new Call();
    call.open.delete("up0.1");
    call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
    call.advance(300);
    call.clearEvents();
    call.upstream({ type: "response.started", response: "r", answers: null }, "up0.1");
    call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
    expect(call.types()).toEqual([]);
  });

  test("[L7] redials end after their number; the next turn tries again", () => {
    const call = new Call({ limits: { redials: 1 } });
    for (const peer of ["up0.1", "up0.2"]) {
      call.open.delete(peer);
      call.input({ type: "close", peer, code: 1006, reason: "" });
      call.advance(20_000);
    }
    const dials = () => call.actions.filter((action) => action.type === "dial").length;
    expect(dials()).toBe(2);
    call.client({ type: "response.create" });
    expect(dials()).toBe(3);
  });

  test.each([1000, 1005, 4000])(
    "[L8] a realtime client that hung up with %i ends the session and every upstream",
    (code) => {
      const call = new Call();
      call.open.delete("client");
      call.input({ type: "close", peer: "client", code, reason: "" });
      expect(call.actions.findLast((action) => action.type === "close")).toMatchObject({ peer: "up0.1" });
      expect(call.actions.at(-1)).toEqual({ type: "end", reason: "client_closed" });
      expect(call.session.deadline).toBeNull();
      expect(call.input({ type: "message", peer: "up0.1", data: "{}" })).toEqual([]);
    },
  );

  test("[L9] a duplex.v1 client may come back within the window; after it all is closed", () => {
    const call = new Call({ dialect: "duplex.v1" });
    call.open.delete("client");
    call.input({ type: "close", peer: "client", code: 1006, reason: "" });
    call.advance(29_000);
    call.connect("duplex.v1");
    call.client({ type: "session.update", session: {} });
    expect(call.types().filter((type) => type === "session.created").length).toBe(2);
    call.open.delete("client");
    call.input({ type: "close", peer: "client", code: 1006, reason: "" });
    call.advance(31_000);
    expect(call.actions.at(-1)).toEqual({ type: "end", reason: "client_gone" });
  });

  test("[L10] a session nobody claims ends; the longest session ends with session_expired and 1001", () => {
    const unclaimed = new Call({ connect: false });
    unclaimed.advance(61_000);
    expect(unclaimed.actions.at(-1)).toEqual({ type: "end", reason: "unclaimed" });
    const call = new Call();
    call.advance(4 * 60 * 60 * 1000 + 1);
    expect(call.last("error")["error"]).toMatchObject({ code: "session_expired" });
    expect(call.actions).toContainEqual(
      expect.objectContaining({ type: "close", peer: "client", code: 1001 }),
    );
  });

  test("[L11] a second upstream goes on when the first one dies", () => {
    const two = ["a", "b"].map((name) => ({ name, options: { adapter: "wire" } }));
    const call = new Call({ upstreams: two });
    call.open.delete("up0.1");
    call.input({ type: "close", peer: "up0.1", code: 1011, reason: "" });
    call.speak(TURN);
    call.answer(voice(300), "From b.", "up1.1");
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
  });

  test("[L12] commands beyond a backlog's bound give the upstream up, aloud", () => {
    const call = new Call({ connect: false, limits: { backlogCommands: 3 } });
    call.connect("duplex.v1");
    const content = [{ type: "input_text", text: "hi" }];
    for (let at = 0; at < 4; at += 1)
      call.client({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
    expect(call.last("error")["error"]).toMatchObject({ code: "upstream_backlog_full" });
    // Nor is one dialled that could not even be told the conversation.
    call.advance(20_000);
    expect(call.actions.filter(({ type }) => type === "dial")).toHaveLength(1);
    const standby = { ...WIRE, standby: true, fallback: [{ adapter: "wire" }] };
    const full = new Call({ upstreams: [standby], limits: { backlogCommands: 3 } });
    for (let at = 0; at < 4; at += 1)
      full.client({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
    full.open.delete("up0.2");
    full.input({ type: "close", peer: "up0.2", code: 1006, reason: "" });
    full.advance(20_000);
    expect(full.open.has("up0.1")).toBe(true);
    expect(full.actions.filter(({ type }) => type === "dial")).toHaveLength(2);
  });
});
