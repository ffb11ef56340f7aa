/** Failures that a provider tells by an answer's status, and not by going away. */
import { describe, expect, test } from "vitest";

import type { UpstreamFault } from "../../src/upstreams/upstream.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import { Call, WIRE } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const TURN = concat(silence(600), voice(1200), silence(900));
const FALLBACK = { ...WIRE, fallback: [{ adapter: "wire" }] };

function fails(call: Call, error: UpstreamFault | null, peer = "up0.1", status = "failed" as const): void {
  const done = { reason: null, usage: null, metadata: null };
  call.upstream({ type: "response.done", response: "r", status, error, ...done }, peer);
}

function begins(call: Call, peer = "up0.1"): void {
  const respond = call.commands(peer).findLast((command) => command.type === "respond");
  const answers = respond?.type === "respond" ? respond.responseId : null;
  call.upstream({ type: "response.started", response: "r", answers }, peer);
}

const fault = (code: string, type?: string): UpstreamFault => ({
  code,
  message: "no",
  ...(type === undefined ? {} : { type }),
});

describe("an answer that the provider says has failed", () => {
  test.each([
    "server_error",
    "rate_limit_exceeded",
    "insufficient_quota",
    "session_expired",
    "what_comes_next",
  ])(
    "[L43] with %s, before anything of it was heard, is asked for at the fallback, under the same response",
    (code) => {
      const call = new Call({ upstreams: [FALLBACK] });
      call.speak(TURN);
      begins(call);
      fails(call, fault(code));
      expect(call.open.has("up0.1")).toBe(false);
      call.advance(1);
      call.accept("up0.2");
      expect(call.commandTypes("up0.2")).toEqual(["greet", "audio", "commit", "respond"]);
      call.answer(voice(200), "Yes.", "up0.2");
      expect(call.types().filter((type) => type === "response.created")).toHaveLength(1);
      expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
    },
  );

  test("[L43] when it was asked for in advance, nobody hears of it: the turn is heard and answered by the next", () => {
    const call = new Call({ upstreams: [FALLBACK], session: { relay: { eager_ms: 150 } } });
    call.speak(concat(silence(600), voice(900, 24_000, 3), silence(300)));
    begins(call);
    fails(call, fault("server_error"));
    call.speak(silence(900));
    call.accept("up0.2");
    call.answer(voice(200), "Yes.", "up0.2");
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
  });

  test("[L44] with an item announced and nothing said of it is asked for plainly, not to be continued", () => {
    const call = new Call({ upstreams: [FALLBACK], session: { instructions: "Be kind." } });
    call.speak(TURN);
    call.beginAnswer();
    fails(call, fault("server_error"));
    call.advance(1);
    call.accept("up0.2");
    expect(call.commands("up0.2").at(-1)).toMatchObject({ type: "respond", options: { params: {} } });
    expect(JSON.stringify(call.commands("up0.2").at(-1))).not.toContain("do not repeat");
  });

  test("[L44] in its middle fails as a broken stream does: the fallback is asked to go on", () => {
    const call = new Call({ upstreams: [FALLBACK] });
    call.speak(TURN);
    call.beginAnswer();
    call.upstream({ type: "transcript", response: "r", item: "i", delta: "Once upon" });
    const audio = new Uint8Array(voice(500).slice().buffer).toBase64();
    call.upstream({ type: "audio", response: "r", item: "i", audio });
    fails(call, fault("server_error"));
    expect(call.last("response.done")["response"]).toMatchObject({
      status: "failed",
      status_details: { error: { code: "server_error" } },
    });
    call.advance(1);
    call.accept("up0.2");
    expect(call.commands("up0.2").at(-1)).toMatchObject({
      type: "respond",
      options: { params: { instructions: expect.stringContaining("do not repeat") } },
    });
  });

  test("[L45] without a fallback is told with code and message, and the connection stays", () => {
    const call = new Call();
    call.speak(TURN);
    begins(call);
    fails(call, fault("rate_limit_exceeded"));
    expect(call.last("response.done")["response"]).toMatchObject({
      status: "failed",
      status_details: { error: { code: "rate_limit_exceeded", message: "no" } },
    });
    call.advance(3000);
    expect(call.open.has("up0.1")).toBe(true);
  });

  test("[L45] through the client's own fault is told, and nobody else is asked", () => {
    const call = new Call({ upstreams: [FALLBACK] });
    call.client({ type: "response.create" });
    begins(call);
    fails(call, fault("invalid_value", "invalid_request_error"));
    expect(call.last("response.done")["response"]).toMatchObject({ status: "failed" });
    call.advance(3000);
    expect(call.open.has("up0.1")).toBe(true);
  });

  test.each([
    ["model_not_found", "invalid_request_error"],
    ["inference_rate_limit_exceeded", "invalid_request_error"],
  ])("[L43] of class invalid_request_error is the provider's all the same where %s says so", (code, type) => {
    const call = new Call({ upstreams: [FALLBACK] });
    call.client({ type: "response.create", event_id: "mine" });
    const respond = call.commands().at(-1);
    const id = respond?.type === "respond" ? respond.responseId : null;
    call.upstream({ type: "refused", what: "respond", id, cause: "mine", error: fault(code, type) });
    begins(call);
    fails(call, fault(code, type));
    call.advance(1);
    call.accept("up0.2");
    expect(call.events.filter(({ event_id }) => event_id === "mine")).toEqual([]);
    call.answer(voice(100), "Yes.", "up0.2");
    expect(call.last("response.done")["response"]).toMatchObject({ id, status: "completed" });
  });

  test("[L45] and one that a filter cut short is no failure", () => {
    const call = new Call({ upstreams: [FALLBACK] });
    call.client({ type: "response.create" });
    begins(call);
    const done = { reason: "content_filter", usage: null, metadata: null, error: null };
    call.upstream({ type: "response.done", response: "r", status: "incomplete", ...done });
    expect(call.last("response.done")["response"]).toMatchObject({ status: "incomplete" });
    expect(call.open.has("up0.1")).toBe(true);
  });

  test.each(["insufficient_quota", "invalid_api_key", "session_expired", "model_not_found"])(
    "[L46] with %s ends the connection without a fallback too; the answer is told, the next turn dials anew",
    (code) => {
      const call = new Call({ dialect: "duplex.v1" });
      call.speak(TURN);
      begins(call);
      fails(call, fault(code));
      expect(call.last("response.done")["response"]).toMatchObject({ status_details: { error: { code } } });
      expect(call.open.has("up0.1")).toBe(false);
      expect(call.last("error")["error"]).toMatchObject({ code });
      call.client({ type: "response.create" });
      call.accept("up0.2");
      call.answer(voice(100), "Yes.", "up0.2");
      expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
    },
  );

  test("[L43] out of band, while an answer is being spoken, interrupts nobody", () => {
    const call = new Call({ upstreams: [FALLBACK] });
    call.client({ type: "response.create" });
    call.beginAnswer();
    call.client({ type: "response.create", response: { conversation: "none" } });
    const respond = call.commands().at(-1);
    const answers = respond?.type === "respond" ? respond.responseId : null;
    call.upstream({ type: "response.started", response: "side", answers });
    const done = { reason: null, usage: null, metadata: null, error: fault("server_error") };
    call.upstream({ type: "response.done", response: "side", status: "failed", ...done });
    expect(call.last("response.done")["response"]).toMatchObject({ id: answers, status: "failed" });
    expect(call.open.has("up0.1")).toBe(true);
  });

  test("[L57] out of band is asked for again only where that is possible, else it fails at once", () => {
    const fallback = [{ adapter: "wire", settings: { outOfBand: false } }];
    const call = new Call({ upstreams: [{ ...WIRE, fallback }] });
    call.client({ type: "response.create", response: { conversation: "none" } });
    call.open.delete("up0.1");
    call.input({ type: "close", peer: "up0.1", code: 1011, reason: "" });
    call.advance(1);
    call.accept("up0.2");
    expect(call.commandTypes("up0.2")).toEqual(["greet"]);
    expect(call.last("response.done")["response"]).toMatchObject({ status: "failed" });
  });

  test("[L43] through the OpenAI dialect: failed at one provider, heard at the next within two seconds", () => {
    const options = { adapter: "openai-compatible", url: "https://p.test/v1/realtime", model: "m" };
    const call = new Call({
      upstreams: [{ name: "p", options, fallback: [{ ...options, url: "https://q.test/v1/realtime" }] }],
      createUpstream,
      connect: false,
    });
    const says = (peer: string, event: object) =>
      call.input({ type: "message", peer, data: JSON.stringify(event) });
    const ready = (peer: string) => {
      call.input({ type: "open", peer });
      says(peer, { type: "session.created", session: { type: "realtime" } });
      says(peer, { type: "session.updated", session: { type: "realtime" } });
    };
    const metadata = (peer: string) =>
      (call.commands(peer) as unknown as { type: string; response: { metadata: object } }[]).findLast(
        ({ type }) => type === "response.create",
      )?.response.metadata;
    call.connect("realtime");
    ready("up0.1");
    call.client({ type: "response.create" });
    says("up0.1", { type: "response.created", response: { id: "r1", metadata: metadata("up0.1") } });
    const status_details = { type: "failed", error: { type: "server_error", code: "rate_limit_exceeded" } };
    says("up0.1", {
      type: "response.done",
      response: { id: "r1", status: "failed", status_details, metadata: metadata("up0.1"), output: [] },
    });
    call.advance(10);
    ready("up0.2");
    says("up0.2", { type: "response.created", response: { id: "r2", metadata: metadata("up0.2") } });
    expect(call.types()).not.toContain("response.done");
    says("up0.2", { type: "response.done", response: { id: "r2", status: "completed", output: [] } });
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
  });
});
