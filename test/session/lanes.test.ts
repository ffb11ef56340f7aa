import { describe, expect, test } from "vitest";

import { begin, finish, lastAsk, response, say } from "../support/answering.ts";
import { Call } from "../support/call.ts";
import { voice } from "../support/signal.ts";
import type { LaneEvent } from "../../src/session/state/upstream-said.ts";

const item = { response: "r", item: "i" } as const;

/** An answer whose listener is away. */
function held(limits = {}): { readonly call: Call; readonly back: () => void } {
  const session = { relay: { lead_ms: null } };
  const call = new Call({ dialect: "duplex.v1", session, limits });
  call.client({ type: "response.create" });
  begin(call);
  call.upstream({ type: "item.started", ...item, kind: "message" });
  call.open.delete("client");
  call.input({ type: "close", peer: "client", code: 1006, reason: "" });
  const resume_token = call.session.snapshot().delivery.tokens[0] ?? "";
  return {
    call,
    back: () => {
      call.connect("duplex.v1");
      call.client({ type: "session.resume", resume_token, last_received: 0 });
    },
  };
}

function lane(call: Call): readonly LaneEvent[] {
  return call.session.snapshot().responses.gate[0]?.[1] ?? [];
}

/** So much audio, sample by sample. */
function drip(call: Call, ms: number): Uint8Array {
  const bytes = new Uint8Array(voice(ms).buffer);
  for (let at = 0; at < bytes.length; at += 2) {
    call.upstream({ type: "audio", ...item, audio: bytes.subarray(at, at + 2).toBase64() });
  }
  return bytes;
}

function heard(call: Call): Uint8Array {
  return Uint8Array.from(
    call.frames.filter(({ header }) => header.kind === 1).flatMap(({ payload }) => [...payload]),
  );
}

describe("what waits for a listener", () => {
  test("[E97] small pieces wait as one of 100 ms and lose no sample, and words as one", () => {
    const { call, back } = held();
    const bytes = drip(call, 250);
    for (const delta of "word by word") call.upstream({ type: "transcript", ...item, delta });
    expect(lane(call).map(({ type }) => type)).toEqual(["audio", "audio", "audio", "transcript"]);
    call.hibernate();
    back();
    expect(heard(call)).toEqual(bytes);
    const words = call.events.filter(({ type }) => type === "response.output_audio_transcript.delta");
    expect(words.map((event) => event["delta"])).toEqual(["word by word"]);
  });

  test("[E97] pieces of two parts stay two", () => {
    const { call } = held();
    say(call, 20);
    call.upstream({ type: "audio", ...item, part: 1, audio: new Uint8Array(voice(20).buffer).toBase64() });
    expect(lane(call).length).toBe(2);
  });

  test("[E98] an answer of items without end waits within its bound and then fails", () => {
    const { call, back } = held({ laneSize: 64 * 1024 });
    let most = 0;
    for (let at = 0; at < 400; at += 1) {
      began(call, at);
      most = Math.max(most, lane(call).length);
    }
    expect(most).toBe(128);
    expect(lane(call)).toEqual([]);
    expect(call.commands().some(({ type }) => type === "cancel")).toBe(true);
    back();
    expect(response(call)).toMatchObject({
      status: "failed",
      status_details: { error: { code: "upstream_output_too_long" } },
    });
  });

  test("[E98] of one of words and sound in turn sound is left out first", () => {
    const { call, back } = held({ laneSize: 64 * 1024 });
    for (let at = 0; at < 400; at += 1) {
      say(call, 20);
      call.upstream({ type: "transcript", ...item, delta: "a" });
    }
    expect(lane(call).length).toBeLessThan(72);
    finish(call);
    back();
    expect(response(call)).toMatchObject({
      status: "incomplete",
      status_details: { reason: "listener_away" },
    });
  });

  test("[E98] large objects count by what is in them", () => {
    const { call, back } = held({ laneSize: 64 * 1024 });
    const whole = { type: "mcp_call", id: "m", output: "x".repeat(40_000) };
    call.upstream({ type: "item.started", response: "r", item: "m", kind: "other", whole });
    expect(lane(call).length).toBe(1);
    call.upstream({ type: "item.done", response: "r", item: "m", status: "completed", whole });
    back();
    expect(response(call)).toMatchObject({ status: "failed" });
  });

  test("[E98] who was asked in advance is asked again at the turn's end", () => {
    const session = { relay: { eager_ms: 150, lead_ms: null } };
    const call = new Call({ dialect: "duplex.v1", session, limits: { laneSize: 16 * 1024 } });
    call.speak(voice(900, 24_000, 3));
    call.speak(new Int16Array(24 * 300));
    const before = call.commands().filter(({ type }) => type === "respond").length;
    expect(before).toBe(1);
    begin(call);
    call.upstream({ type: "item.started", ...item, kind: "message" });
    for (let at = 0; at < 40; at += 1) began(call, at);
    call.speak(new Int16Array(24 * 900));
    expect(call.commands().filter(({ type }) => type === "respond").length).toBe(2);
    begin(call, "again");
    finish(call, null, "again");
    expect(lastAsk(call)).toBeDefined();
  });

  test("[E98] an honest answer that waits a minute is kept whole", () => {
    const { call } = held();
    for (let at = 0; at < 3000; at += 1) {
      say(call, 20);
      if (at % 12 === 0) call.upstream({ type: "transcript", ...item, delta: "word " });
    }
    const kept = lane(call).reduce((sum, one) => sum + (one.type === "audio" ? one.bytes.length : 0), 0);
    expect(kept).toBe(60_000 * 48);
    expect(lane(call).length).toBeLessThan(1100);
  });
});

function began(call: Call, at: number): void {
  call.upstream({ type: "item.started", response: "r", item: `i${at}`, kind: "message" });
}
