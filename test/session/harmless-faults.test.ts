/** What a plain client is not told: frameworks (Pipecat, `@openai/agents-realtime` without a listener) end a call at any `error`. */
import { describe, expect, test } from "vitest";

import { begin, DONE, lastAsk } from "../support/answering.ts";
import { Call, WIRE, type CallOptions, type Received } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";
import { Watcher } from "../support/watcher.ts";

const TURN = concat(silence(600), voice(1200), silence(900));
const FALLBACK = { ...WIRE, fallback: [{ adapter: "wire" }] };
const EAR = { name: "ear", options: { adapter: "wire", settings: { turns: "none" } } };

function lose(call: Call, peer: string, code = 1011): void {
  call.open.delete(peer);
  call.input({ type: "close", peer, code, reason: "" });
}

const codes = (events: readonly Received[]) =>
  events.filter(({ type }) => type === "error").map(({ error }) => (error as Received)["code"]);
const told = (call: Call) => codes(call.events);

/** Every call with an observer, who is told all of it. */
function watched(options: CallOptions = {}): {
  readonly call: Call;
  readonly seen: () => readonly unknown[];
} {
  const call = new Call(options);
  const watcher = new Watcher(call);
  return { call, seen: () => codes(watcher.events) };
}

describe("a plain client", () => {
  test("[L220] is not told of a connection that is dialled again, and an observer is", () => {
    const { call, seen } = watched();
    lose(call, "up0.1");
    call.advance(500);
    call.accept("up0.2");
    call.speak(TURN);
    call.answer(voice(300), "Yes.", "up0.2");
    expect(told(call)).toEqual([]);
    expect(seen()).toEqual(["upstream_closed"]);
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
  });

  test("[L220] a client of duplex.v1 is told", () => {
    const { call, seen } = watched({ dialect: "duplex.v1" });
    lose(call, "up0.1");
    expect(told(call)).toEqual(["upstream_closed"]);
    expect(seen()).toEqual(["upstream_closed"]);
  });

  test("[L220] nor of a spent account, where the fallback answers", () => {
    const { call, seen } = watched({ upstreams: [FALLBACK] });
    call.speak(TURN);
    call.upstream({ type: "response.started", response: "r", answers: lastAsk(call) });
    const error = { code: "insufficient_quota", message: "You exceeded your quota." };
    call.upstream({ type: "response.done", response: "r", ...DONE, status: "failed", error });
    call.advance(10);
    call.accept("up0.2");
    call.answer(voice(300), "Yes.", "up0.2");
    expect(told(call)).toEqual([]);
    expect(seen()).toEqual(["insufficient_quota"]);
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
  });

  test("[L51] [L220] nor of a dial that is refused and tried again, but of the last; an observer of the first too", () => {
    const { call, seen } = watched({ connect: false });
    call.connect("realtime");
    for (let dial = 1; dial <= 6; dial += 1) {
      expect(told(call)).toEqual([]);
      lose(call, `up0.${dial}`, 0);
      call.advance(10_000);
    }
    expect(told(call)).toHaveLength(1);
    expect(call.last("error")["error"]).toMatchObject({ message: expect.stringContaining("No further") });
    expect(seen()).toHaveLength(2);
  });

  test.each([
    ["upstream_unauthorized", [WIRE], 1],
    ["upstream_not_found", [WIRE], 1],
    ["model_not_found", [WIRE], 1],
    ["upstream_unauthorized", [FALLBACK], 0],
  ])("[L220] is told at once of %s, where no other attempt mends it: of %j", (code, upstreams, times) => {
    const call = new Call({ upstreams, connect: false });
    call.connect("realtime");
    call.input({ type: "open", peer: "up0.1" });
    call.upstream({ type: "error", error: { code, message: "No." }, fatal: true });
    expect(told(call)).toEqual(Array.from({ length: times }, () => code));
  });

  test("[L220] nor of a provider's longest time, which the next connection has anew", () => {
    const call = new Call();
    call.upstream({ type: "error", error: { code: "session_expired", message: "60 minutes." }, fatal: true });
    call.advance(300);
    call.accept("up0.2");
    expect(told(call)).toEqual([]);
  });

  test("[L220] of several that are one voice, who cannot be had is nobody's loss", () => {
    const { call, seen } = watched({
      upstreams: [WIRE, { ...WIRE, name: "other" }],
      strategy: { name: "race" },
    });
    for (let dial = 1; dial <= 6; dial += 1) {
      lose(call, `up1.${dial}`, 0);
      call.advance(10_000);
    }
    expect(told(call)).toEqual([]);
    expect(seen()).toHaveLength(2);
  });

  test("[L220] nor of a transcriber that is lost, or complains", () => {
    const { call, seen } = watched({ transcriber: EAR });
    call.upstream({ type: "error", error: { code: "bad_language", message: "xx" }, fatal: false }, "up1.1");
    for (let dial = 1; dial <= 6; dial += 1) {
      lose(call, `up1.${dial}`, 0);
      call.advance(10_000);
    }
    expect(told(call)).toEqual([]);
    expect(seen().length).toBeGreaterThan(2);
  });

  test("[L220] nor of a message that is none, which the provider's own client would pass by", () => {
    const { call, seen } = watched();
    const error = { code: "upstream_protocol_error", message: "is no JSON" };
    call.upstream({ type: "error", error, fatal: false });
    expect(told(call)).toEqual([]);
    expect(seen()).toEqual(["upstream_protocol_error"]);
    call.upstream({ type: "error", error: { code: "server_error", message: "Sorry." }, fatal: false });
    expect(told(call)).toEqual(["server_error"]);
  });

  test("[L220] nor of a setting that the fallback does not take: it is shown what is in force", () => {
    const { call, seen } = watched({ upstreams: [FALLBACK] });
    const noise_reduction = { type: "near_field" };
    call.client({
      type: "session.update",
      session: { type: "realtime", audio: { input: { noise_reduction } } },
    });
    call.upstream({ type: "configured" });
    lose(call, "up0.1");
    call.advance(10);
    call.input({ type: "open", peer: "up0.2" });
    call.clearEvents();
    const error = {
      code: "unknown_parameter",
      message: "No noise_reduction.",
      type: "invalid_request_error",
    };
    call.upstream({ type: "refused", what: "configure", id: null, cause: null, error }, "up0.2");
    call.upstream({ type: "unconfigured", fields: ["extra.noise_reduction"] }, "up0.2");
    call.upstream({ type: "configured" }, "up0.2");
    call.upstream({ type: "ready" }, "up0.2");
    call.advance(2000);
    expect(told(call)).toEqual([]);
    expect(seen()).toEqual(["upstream_closed", "unknown_parameter"]);
    expect(call.last("session.updated")["session"]).toMatchObject({
      audio: { input: { noise_reduction: null } },
    });
  });

  test("[L220] is told what an answer came to that broke off, by its end", () => {
    const call = new Call();
    call.speak(TURN);
    begin(call);
    call.upstream({ type: "item.started", response: "r", item: "i", kind: "message" });
    lose(call, "up0.1");
    expect(told(call)).toEqual([]);
    expect(call.last("response.done")["response"]).toMatchObject({
      status: "failed",
      status_details: { error: { code: "upstream_closed" } },
    });
  });
});
