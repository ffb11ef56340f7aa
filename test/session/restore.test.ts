/**
 * A session that goes on in another isolate is the same session: whatever it was in the middle of, the same inputs give
 * the same outputs. What a part keeps and does not hand on shows here, sooner or later, as a difference.
 */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { JsonObject } from "../../src/protocol/json.ts";
import type { PlannedUpstream } from "../../src/session/state/plan.ts";
import { Call, type CallOptions } from "../support/call.ts";
import { silence, voice } from "../support/signal.ts";

const kind = (name: string, turns: string): PlannedUpstream => ({
  name,
  options: { adapter: "wire", settings: { turns } },
});
const input = (settings: JsonObject): string =>
  JSON.stringify({ type: "session.update", session: { audio: { input: settings } } });

const UPDATES: readonly string[] = [
  input({ turn_detection: null }),
  input({ turn_detection: { type: "server_vad" } }),
  input({ turn_detection: { type: "server_vad", interrupt_response: false } }),
  input({ turn_detection: { type: "server_vad", idle_timeout_ms: 5000, silence_duration_ms: 200 } }),
  input({ turn_detection: { type: "semantic_vad", eagerness: "high" } }),
  input({ turn_detection: { type: "duplex", frame_ms: 200 } }),
  input({ format: { type: "audio/pcm", rate: 24_000 } }),
  input({ format: { type: "audio/pcmu" } }),
  JSON.stringify({ type: "session.update", session: { relay: { eager_ms: 100 } } }),
  JSON.stringify({ type: "session.update", session: { relay: { eager_ms: null } } }),
];
const CLIENT: readonly string[] = [
  "input_audio_buffer.commit",
  "input_audio_buffer.clear",
  "response.create",
  "response.cancel",
  "output_audio_buffer.clear",
  "session.heartbeat",
].map((type) => JSON.stringify({ type }));

const step = fc.oneof(
  {
    arbitrary: fc.record({
      voiceMs: fc.integer({ min: 20, max: 900 }),
      seed: fc.integer({ min: 1, max: 5 }),
    }),
    weight: 6,
  },
  { arbitrary: fc.record({ silenceMs: fc.integer({ min: 20, max: 1200 }) }), weight: 6 },
  { arbitrary: fc.record({ waitMs: fc.integer({ min: 1, max: 4000 }) }), weight: 3 },
  { arbitrary: fc.record({ send: fc.constantFrom(...UPDATES) }), weight: 3 },
  { arbitrary: fc.record({ send: fc.constantFrom(...CLIENT) }), weight: 3 },
  { arbitrary: fc.record({ answerMs: fc.integer({ min: 20, max: 3000 }), from: fc.nat(1) }), weight: 4 },
  // Nor need an answer come whole: what is lost, changed or asked for in its middle finds it so.
  { arbitrary: fc.record({ beginsMs: fc.integer({ min: 20, max: 900 }), from: fc.nat(1) }), weight: 2 },
  {
    arbitrary: fc.record({ ends: fc.constantFrom("completed" as const, "failed" as const), from: fc.nat(1) }),
    weight: 2,
  },
  { arbitrary: fc.record({ hears: fc.constantFrom("started", "stopped", "committed") }), weight: 2 },
  { arbitrary: fc.record({ lost: fc.nat(1) }), weight: 1 },
  // Of a connection nothing, or nothing yet, comes in its place: whatever follows, and the restore, find it so.
  { arbitrary: fc.record({ hangsUp: fc.nat(1) }), weight: 2 },
  { arbitrary: fc.record({ picksUp: fc.nat(1), ready: fc.boolean() }), weight: 2 },
  {
    arbitrary: fc.record({ dialect: fc.constantFrom("realtime" as const, "duplex.v1" as const) }),
    weight: 1,
  },
  { arbitrary: fc.record({ waiting: fc.constantFrom(0, 100_000, 2_000_000) }), weight: 1 },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** The upstream connection that serves. */
function peerOf(call: Call, index: number): string | undefined {
  return [...call.open].findLast((peer) => peer.startsWith(`up${index}.`));
}

function answer(call: Call, index: number, ms: number): void {
  const peer = peerOf(call, index);
  if (peer === undefined || !call.commands(peer).some(({ type }) => type === "respond")) return;
  call.answer(voice(ms, 24_000, 11), "Some words.", peer);
}

function hangUp(call: Call, peer: string): void {
  call.open.delete(peer);
  call.input({ type: "close", peer, code: 1006, reason: "" });
}

/** Its latest dial is answered, and perhaps configured. */
function pickUp(call: Call, index: number, ready: boolean): void {
  const peer = peerOf(call, index);
  if (peer === undefined) return;
  call.input({ type: "open", peer });
  if (ready) call.upstream({ type: "ready" }, peer);
}

function indexOf(one: Step): number {
  if ("from" in one) return one.from;
  if ("lost" in one) return one.lost;
  if ("hangsUp" in one) return one.hangsUp;
  return "picksUp" in one ? one.picksUp : 0;
}

/** The beginning of an answer that was asked for, with some of its voice. */
function begin(call: Call, peer: string, ms: number): void {
  if (!call.commands(peer).some(({ type }) => type === "respond")) return;
  call.beginAnswer(peer);
  const audio = new Uint8Array(voice(ms, 24_000, 11).buffer).toBase64();
  call.upstream({ type: "transcript", response: "r", item: "i", delta: "Some words." }, peer);
  call.upstream({ type: "audio", response: "r", item: "i", audio }, peer);
}

function end(call: Call, peer: string, status: "completed" | "failed"): void {
  if (status === "completed") return call.finishAnswer(peer);
  const error = { type: "server_error", code: "server_error", message: "Overloaded." };
  call.upstream(
    { type: "response.done", response: "r", status, reason: null, error, usage: null, metadata: null },
    peer,
  );
}

function take(call: Call, one: Step): void {
  if (call.session.state().status === "ended") return;
  const index = indexOf(one);
  const peer = peerOf(call, index);
  if ("voiceMs" in one) call.speak(voice(one.voiceMs, 24_000, one.seed));
  else if ("silenceMs" in one) call.speak(silence(one.silenceMs));
  else if ("waitMs" in one) call.advance(one.waitMs);
  else if ("send" in one) call.client(one.send);
  else if ("answerMs" in one) answer(call, index, one.answerMs);
  else if ("dialect" in one) {
    call.open.delete("client");
    call.input({ type: "close", peer: "client", code: 1006, reason: "" });
    call.connect(one.dialect);
  } else if ("picksUp" in one) pickUp(call, index, one.ready);
  else if (peer === undefined) return;
  else if ("beginsMs" in one) begin(call, peer, one.beginsMs);
  else if ("ends" in one) end(call, peer, one.ends);
  else if ("hangsUp" in one) hangUp(call, peer);
  else if ("waiting" in one) call.input({ type: "buffered", peer, bytes: one.waiting });
  else if ("hears" in one) {
    if (one.hears === "committed") call.upstream({ type: "committed", item: "theirs" }, peer);
    else call.upstream({ type: "speech", state: one.hears === "started" ? "started" : "stopped" }, peer);
  } else {
    hangUp(call, peer);
    call.advance(300);
    pickUp(call, index, true);
  }
}

describe("another isolate", () => {
  const PLANS: readonly (readonly [string, CallOptions])[] = [
    ["one that hears turns", { dialect: "duplex.v1", upstreams: [kind("a", "client")] }],
    ["a plain client", { dialect: "realtime", upstreams: [kind("a", "client"), kind("b", "client")] }],
    ["one that takes them", { dialect: "duplex.v1", upstreams: [kind("a", "server")] }],
    ["duplex, and turns", { dialect: "duplex.v1", upstreams: [kind("a", "none"), kind("b", "client")] }],
    ["a transcriber", { dialect: "realtime", transcriber: kind("ear", "client") }],
  ];

  test.each(PLANS)(
    "[M28] changes nothing at any moment: %s",
    (_, options) => {
      fc.assert(
        fc.property(
          fc.array(step, { maxLength: 22 }),
          fc.array(fc.nat(21), { maxLength: 4 }),
          (steps, at) => {
            const [plain, restored] = [new Call(options), new Call(options)];
            steps.forEach((one, index) => {
              take(plain, one);
              if (at.includes(index)) restored.hibernate();
              take(restored, one);
            });
            for (const call of [plain, restored]) call.advance(6000);
            expect(restored.events).toEqual(plain.events);
            expect(restored.frames.length).toBe(plain.frames.length);
            expect(Object.fromEntries(restored.sent)).toEqual(Object.fromEntries(plain.sent));
            expect(restored.session.deadline).toBe(plain.session.deadline);
          },
        ),
        { numRuns: 12 },
      );
    },
    60_000,
  );

  test("[M28] not the length of micro-turns either", () => {
    const call = new Call({ dialect: "duplex.v1", upstreams: [kind("a", "none")] });
    call.client(input({ turn_detection: { type: "duplex", frame_ms: 200 } }));
    call.speak(voice(1000));
    const before = call.commands().length;
    call.hibernate();
    call.speak(voice(1000));
    expect(call.commands().length - before).toBe(5);
  });

  test("[M28] a turn-based upstream is not told all silence because the plan once had no turns", () => {
    const planSession = { audio: { input: { turn_detection: { type: "duplex", frame_ms: 200 } } } };
    const call = new Call({ dialect: "duplex.v1", planSession, upstreams: [kind("a", "client")] });
    call.client(input({ turn_detection: { type: "server_vad" } }));
    call.hibernate();
    const before = call.heard().length;
    call.speak(silence(3000));
    expect(call.heard().length).toBe(before);
  });

  test("[M28] nor where speech began that was given to a provider which came later", () => {
    const call = new Call({ dialect: "duplex.v1", upstreams: [kind("a", "server")] });
    call.speak(silence(2000));
    call.open.delete("up0.1");
    call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
    call.speak(voice(1000));
    call.accept("up0.2");
    call.hibernate();
    call.speak(voice(300));
    call.upstream({ type: "speech", state: "started" }, "up0.2");
    expect(call.last("input_audio_buffer.speech_started")["audio_start_ms"]).toBeLessThan(2100);
  });
});
