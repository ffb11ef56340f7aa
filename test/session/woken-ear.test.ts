/** A transcriber that was hung up in a silence, or lost, while a word over an agent waited for its rest. */
import { describe, expect, test } from "vitest";

import { Call, type CallOptions } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const EAR = { name: "ear", options: { adapter: "wire", model: "scribe", settings: { turns: "server" } } };
const TURN = concat(silence(600), voice(1200), silence(900));
const SHORT = { audio: { input: { turn_detection: { type: "server_vad", prefix_padding_ms: 20 } } } };
const hex = (samples: Int16Array) => Buffer.from(new Uint8Array(samples.slice().buffer)).toString("hex");
const heardBy = (call: Call, peer: string) => Buffer.from(call.heard(peer)).toString("hex");

/** A caller begins a word over the end of an agent, and the line breaks when that is over. */
function brokenOff(begun: Int16Array, limits: CallOptions["limits"] = {}): Call {
  const call = new Call({ dialect: "duplex.v1", session: SHORT, transcriber: EAR, limits });
  call.speak(TURN);
  call.answer(voice(1000, 24_000, 11));
  call.speak(silence(700));
  call.speak(begun);
  call.advance(500);
  expect(call.session.snapshot().floor.overlap).not.toBeNull();
  call.open.delete("client");
  call.input({ type: "close", peer: "client", code: 1006, reason: "" });
  return call;
}

/** Time passes, and the sound that was judged is none, unless it goes on. */
function goesBy(call: Call, ms: number): void {
  call.advance(ms);
  expect(call.session.snapshot().floor).toMatchObject({
    overlap: null,
    kept: { cutTicks: expect.any(Number) },
  });
}

/** The client is back, and the word goes on. */
function goesOn(call: Call, rest: Int16Array): void {
  call.connect("duplex.v1");
  const { tokens, received } = call.session.snapshot().delivery;
  call.client({ type: "session.resume", resume_token: tokens.at(-1) ?? "", last_received: received });
  call.speak(concat(rest, silence(900)));
}

const SPOKEN = voice(1500, 24_000, 5);
const [BEGUN, REST] = [SPOKEN.subarray(0, 24 * 160), SPOKEN.subarray(24 * 160)];

describe("a transcriber, while a word over an agent waits for its rest", () => {
  test("[R105] that was hung up in the silence hears the word from its beginning when it goes on", () => {
    const call = brokenOff(BEGUN, { parkMs: 3000 });
    goesBy(call, 7000);
    expect([...call.open]).toEqual([]);
    goesOn(call, REST);
    call.accept("up0.2");
    call.accept("up1.2");
    expect(heardBy(call, "up0.2")).toContain(hex(SPOKEN));
    expect(heardBy(call, "up1.2")).toContain(hex(SPOKEN));
  });

  test("[R105] so does the next connection of one that was lost meanwhile", () => {
    const call = brokenOff(BEGUN);
    goesBy(call, 3000);
    call.open.delete("up1.1");
    call.input({ type: "close", peer: "up1.1", code: 1006, reason: "" });
    call.advance(1000);
    call.accept("up1.2");
    goesOn(call, REST);
    expect(heardBy(call, "up1.2")).toContain(hex(SPOKEN));
  });

  test("[R105] one that said its words before it was hung up is not asked for them again", () => {
    const call = brokenOff(BEGUN, { parkMs: 3000 });
    call.upstream(
      { type: "input.transcript.completed", itemId: "s1", transcript: "Yeah.", usage: null },
      "up1.1",
    );
    goesBy(call, 7000);
    goesOn(call, REST);
    call.accept("up1.2");
    expect(heardBy(call, "up1.2")).toContain(hex(REST));
    expect(heardBy(call, "up1.2")).not.toContain(hex(SPOKEN));
  });
});
