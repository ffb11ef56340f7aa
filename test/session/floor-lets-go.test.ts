/** The floor never outlives the sound that it judges: whatever makes the detector begin anew, it lets go. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { createUpstream as createAdapter } from "../../src/upstreams/index.ts";
import type { UpstreamOptions } from "../../src/upstreams/upstream.ts";
import { Call, WIRE } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";
import { createWireUpstream } from "../support/wire-upstream.ts";

const TURN = concat(silence(600), voice(1200), silence(900));
const count = (call: Call, type: string) => call.types().filter((one) => one === type).length;
const decisions = (call: Call) =>
  call.events.filter((event) => event.type === "overlap.decision").map((event) => event["decision"]);
const detection = (call: Call, turn_detection: object | null) =>
  call.client(JSON.stringify({ type: "session.update", session: { audio: { input: { turn_detection } } } }));

/** The agent is one second into an eight-second answer. */
function telling(dialect: "realtime" | "duplex.v1" = "duplex.v1"): Call {
  const call = new Call({ dialect });
  call.speak(TURN);
  call.answer(voice(8000, 24_000, 11), "A long story with many words in it.");
  call.speak(silence(1000));
  return call;
}

describe("a floor that judges", () => {
  const ANEW: readonly (readonly [string, (call: Call) => void])[] = [
    ["clear", (call) => call.client({ type: "input_audio_buffer.clear" })],
    ["commit", (call) => call.client({ type: "input_audio_buffer.commit" })],
    ["detection off", (call) => detection(call, null)],
    [
      "detection off and on",
      (call) => {
        detection(call, null);
        detection(call, { type: "server_vad" });
      },
    ],
    ["micro-turns", (call) => detection(call, { type: "duplex", frame_ms: 200 })],
  ];

  test.each(ANEW)("[F21] lets go of the agent when the detector begins anew: %s", (_, anew) => {
    const call = telling();
    for (let cough = 0; cough < 2; cough += 1) call.speak(concat(voice(140), silence(900)));
    call.speak(voice(400, 24_000, 8));
    expect(decisions(call).at(-1)).toBe("hold");
    anew(call);
    call.speak(voice(40));
    const before = call.frames.length;
    call.speak(silence(1500));
    expect(call.frames.length).toBeGreaterThan(before);
    expect(call.session.snapshot().floor).toMatchObject({ phase: "open", overlap: null });
  });

  test("[F21] and its next sound is judged by itself: a word after the agent is a whole turn", () => {
    const call = telling();
    // A sound in an agent's first half second, of which nothing is known yet.
    const fresh = new Call({ dialect: "duplex.v1" });
    fresh.speak(TURN);
    fresh.answer(voice(2000, 24_000, 11));
    fresh.speak(voice(120));
    fresh.client({ type: "input_audio_buffer.clear" });
    fresh.speak(silence(6000));
    fresh.speak(concat(voice(220), silence(900)));
    expect(count(fresh, "input_audio_buffer.speech_started")).toBe(2);
    expect(count(fresh, "input_audio_buffer.committed")).toBe(2);
    expect(call.session.snapshot().floor.overlap).toBeNull();
  });

  test("[F22] a sound that does not hold the agent is over when nothing more comes, too", () => {
    const call = new Call({ dialect: "duplex.v1" });
    call.speak(TURN);
    call.answer(voice(3000, 24_000, 11));
    call.speak(concat(voice(100), silence(240)));
    expect(call.session.snapshot().floor.overlap).not.toBeNull();
    call.advance(2500);
    expect(call.session.snapshot().floor.overlap).toBeNull();
    call.advance(4000);
    call.speak(concat(silence(300), voice(700), silence(900)));
    expect(count(call, "input_audio_buffer.committed")).toBe(2);
    const started = Number(call.last("input_audio_buffer.speech_started")["audio_start_ms"]);
    expect(started).toBeGreaterThan(2750);
  });

  test.each([100, 400])(
    "[F42] does not take for an echo what an upstream in this process gives back of the caller (pieces of %i ms)",
    (ms) => {
      const createUpstream = (options: UpstreamOptions) =>
        options.adapter === "wire" ? createWireUpstream(options) : createAdapter(options);
      const upstreams = [WIRE, { name: "echo", options: { adapter: "echo" } }];
      const call = new Call({ upstreams, createUpstream });
      const speak = (samples: Int16Array) => call.speak(samples, 24 * ms, ms);
      speak(concat(silence(600), voice(1200), silence(1200)));
      call.answer(voice(8000, 24_000, 11));
      speak(concat(silence(1000), voice(1500, 24_000, 4), silence(1000)));
      expect(count(call, "input_audio_buffer.committed")).toBe(2);
    },
  );

  test.each([40, 120, 200])(
    "[F40] goes on, when the client is heard again, at the sample where it stopped after %i ms: one turn has all of it",
    (ms) => {
      const call = new Call({ dialect: "duplex.v1" });
      call.speak(TURN);
      call.answer(voice(3000, 24_000, 11));
      const said = voice(1500, 24_000, 5);
      call.speak(said.subarray(0, 24 * ms));
      expect(call.session.snapshot().floor.overlap).not.toBeNull();
      call.advance(5000);
      call.clearEvents();
      for (let at = 24 * ms; at < said.length; at += 480) call.append(said.subarray(at, at + 480));
      call.speak(silence(900));
      expect(count(call, "input_audio_buffer.committed")).toBe(1);
      const hex = Buffer.from(new Uint8Array(said.buffer)).toString("hex");
      expect(Buffer.from(call.heard()).toString("hex")).toContain(hex);
    },
  );

  test("[F23] [F41] when agents may not be interrupted any more, what is being said is a turn and cuts nobody", () => {
    const call = telling();
    call.speak(voice(300));
    expect(decisions(call)).toEqual(["hold"]);
    detection(call, { type: "server_vad", interrupt_response: false });
    expect(decisions(call)).toEqual(["hold", "backchannel"]);
    call.speak(concat(voice(900, 24_000, 4), silence(8000)));
    expect(call.types()).not.toContain("conversation.item.truncated");
    expect(call.types()).not.toContain("output_audio_buffer.cleared");
    expect(count(call, "input_audio_buffer.committed")).toBe(2);
    const ms = call.frames.reduce((sum, { payload }) => sum + payload.length / 48, 0);
    expect(ms).toBe(8000);
  });

  const step = fc.oneof(
    { arbitrary: fc.record({ voiceMs: fc.integer({ min: 20, max: 900 }) }), weight: 4 },
    { arbitrary: fc.record({ silenceMs: fc.integer({ min: 20, max: 900 }) }), weight: 4 },
    { arbitrary: fc.record({ waitMs: fc.integer({ min: 20, max: 4000 }) }), weight: 2 },
    { arbitrary: fc.record({ anew: fc.nat(ANEW.length - 1) }), weight: 1 },
    { arbitrary: fc.record({ answerMs: fc.integer({ min: 300, max: 4000 }) }), weight: 2 },
    { arbitrary: fc.record({ interrupts: fc.boolean() }), weight: 1 },
  );

  test("[F24] held means: a sound is judged, and a deadline ends it", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), fc.boolean(), (steps, plain) => {
        const call = telling(plain ? "realtime" : "duplex.v1");
        for (const one of steps) {
          if ("voiceMs" in one) call.speak(voice(one.voiceMs));
          else if ("silenceMs" in one) call.speak(silence(one.silenceMs));
          else if ("waitMs" in one) call.advance(one.waitMs);
          else if ("anew" in one) ANEW[one.anew]?.[1](call);
          else if ("interrupts" in one)
            detection(call, { type: "server_vad", interrupt_response: one.interrupts });
          else {
            call.client({ type: "response.cancel" });
            call.client({ type: "response.create" });
            call.answer(voice(one.answerMs, 24_000, 11));
          }
          const { floor, context } = call.session.snapshot();
          const deadlines = context.deadlines.map(([name]) => name);
          if (floor.phase === "held") expect(floor.overlap).not.toBeNull();
          if (floor.overlap !== null) expect(deadlines).toContain("floor:unheard");
        }
        call.advance(6000);
        expect(call.session.snapshot().floor).toMatchObject({ phase: "open", overlap: null });
      }),
      { numRuns: 15 },
    );
  });
});
