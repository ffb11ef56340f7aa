/** What was asked of an upstream is owed: by its own deadline, from when it was sent, whatever else is said. */
import { describe, expect, test } from "vitest";

import { Call, WIRE } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const TURN = concat(silence(600), voice(1200), silence(900));
const FALLBACK = { ...WIRE, fallback: [{ adapter: "wire" }] };

function lose(call: Call, peer: string): void {
  call.open.delete(peer);
  call.input({ type: "close", peer, code: 1006, reason: "" });
}

const dones = (call: Call) => call.events.filter(({ type }) => type === "response.done");

describe("an answer that is owed", () => {
  test("[L40] with a fallback a provider that says other things and does not begin it is left all the same", () => {
    const call = new Call({ upstreams: [FALLBACK] });
    call.client({ type: "response.create" });
    for (let at = 0; at < 4; at += 1) {
      call.advance(400);
      call.upstream({ type: "rate_limits", rateLimits: [] });
    }
    expect(call.open.has("up0.1")).toBe(true);
    call.advance(400);
    expect(call.open.has("up0.1")).toBe(false);
    call.accept("up0.2");
    call.answer(voice(200), "Here.", "up0.2");
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
    expect(dones(call)).toHaveLength(1);
  });

  test("[L40] a fallback that is mute too is left as soon, and after the last attempt the answer fails", () => {
    const call = new Call({ upstreams: [FALLBACK] });
    call.speak(TURN);
    call.upstream({ type: "response.started", response: "r", answers: String(askedOf(call, "up0.1")) });
    call.advance(2000);
    expect(call.open.has("up0.1")).toBe(false);
    for (const peer of ["up0.2", "up0.3"]) {
      call.advance(300);
      call.accept(peer);
      call.advance(1900);
      expect(call.open.has(peer)).toBe(true);
      call.advance(100);
      expect(call.open.has(peer)).toBe(false);
    }
    expect(call.last("response.done")["response"]).toMatchObject({
      status: "failed",
      status_details: { error: { code: "upstream_timeout" } },
    });
    // The call goes on: the next turn is answered.
    call.advance(300);
    call.accept("up0.4");
    call.speak(TURN);
    call.answer(voice(100), "Yes.", "up0.4");
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
  });

  test("[L42] one that is asked for again is still the client's event: who refuses it refuses that one", () => {
    const call = new Call({ upstreams: [FALLBACK] });
    call.client({ type: "response.create", event_id: "mine" });
    call.hibernate();
    lose(call, "up0.1");
    call.advance(300);
    call.accept("up0.2");
    const respond = call.commands("up0.2").findLast(({ type }) => type === "respond");
    if (respond?.type !== "respond") throw new Error("it was not asked for again");
    const { responseId: id, cause = null } = respond;
    const error = { code: "bad", message: "No such voice.", type: "invalid_request_error" };
    call.upstream({ type: "refused", what: "respond", id, cause, error }, "up0.2");
    expect(call.last("error")["error"]).toMatchObject({ code: "bad", event_id: "mine" });
  });

  test("[L41] what waited for the dial is owed from when it was sent; a greeting is no sign of life", () => {
    const call = new Call({ upstreams: [FALLBACK], connect: false });
    call.connect("realtime");
    call.client({ type: "response.create" });
    call.advance(5000);
    call.accept("up0.1");
    call.advance(1900);
    expect(call.open.has("up0.1")).toBe(true);
    call.advance(100);
    expect(call.open.has("up0.1")).toBe(false);
  });

  test("[L41] what a slow line still carries is owed from when it last carried something; what it does not is left", () => {
    const buffered = (call: Call, bytes: number) => call.input({ type: "buffered", peer: "up0.1", bytes });
    for (const [carries, leftAfterMs] of [
      [true, 1250 + 1950],
      [false, 1950],
    ] as const) {
      const call = new Call({ upstreams: [FALLBACK] });
      const from = call.now;
      buffered(call, 400_000);
      call.client({ type: "response.create" });
      for (let step = 1; step <= 5; step += 1) {
        call.advance(250);
        buffered(call, carries ? 400_000 - step * 80_000 : 400_000);
      }
      while (call.open.has("up0.1") && call.now - from < 10_000) call.advance(50);
      expect(call.now - from).toBe(leftAfterMs);
    }
  });

  test("[L41] a line that carries for ever is left after half a minute, and what little waits for a moment is no slow line", () => {
    for (const [bytes, leftAfterMs] of [
      [1_000_000, 30_000],
      [20_000, 1950],
    ] as const) {
      const call = new Call({ upstreams: [FALLBACK] });
      const from = call.now;
      call.client({ type: "response.create" });
      for (let step = 0; call.open.has("up0.1") && step < 800; step += 1) {
        call.input({ type: "buffered", peer: "up0.1", bytes: bytes - step });
        call.advance(50);
      }
      expect(call.now - from).toBe(leftAfterMs);
    }
  });

  test("[L41] so is what a standby that took over was asked", () => {
    const call = new Call({ upstreams: [{ ...FALLBACK, standby: true }] });
    call.accept("up0.2");
    call.client({ type: "response.create" });
    call.advance(1500);
    lose(call, "up0.1");
    expect(call.commandTypes("up0.2")).toContain("respond");
    call.advance(1900);
    expect(call.open.has("up0.2")).toBe(true);
    call.advance(100);
    expect(call.open.has("up0.2")).toBe(false);
  });

  test("[L42] a deadline of the former connection does not hit the next one", () => {
    const call = new Call({ upstreams: [FALLBACK] });
    call.client({ type: "response.create" });
    call.upstream({ type: "response.started", response: "r", answers: String(askedOf(call, "up0.1")) });
    call.advance(1900);
    lose(call, "up0.1");
    call.advance(1);
    call.accept("up0.2");
    call.advance(1800);
    expect(call.open.has("up0.2")).toBe(true);
    call.answer(voice(100), "Yes.", "up0.2");
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
  });

  test("[L42] nor, without a fallback, the answer that was asked for again", () => {
    const call = new Call();
    call.client({ type: "response.create" });
    call.upstream({ type: "response.started", response: "r", answers: String(askedOf(call, "up0.1")) });
    call.advance(29_500);
    lose(call, "up0.1");
    call.advance(260);
    call.accept("up0.2");
    call.advance(5000);
    expect(dones(call)).toHaveLength(0);
    call.advance(26_000);
    expect(dones(call)).toHaveLength(1);
  });
});

function askedOf(call: Call, peer: string): string | undefined {
  const respond = call.commands(peer).findLast((command) => command.type === "respond");
  return respond?.type === "respond" ? respond.responseId : undefined;
}
