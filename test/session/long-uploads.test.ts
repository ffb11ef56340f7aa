import { describe, expect, test } from "vitest";

import { Call, type CallOptions } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const bytesOf = (samples: Int16Array) =>
  new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
const append = (samples: Int16Array) => ({
  type: "input_audio_buffer.append",
  audio: bytesOf(samples).toBase64(),
});
const MANUAL = { audio: { input: { turn_detection: null } } };
const UPLOAD = concat(
  silence(600),
  voice(1500),
  silence(1500),
  voice(900),
  silence(2500),
  voice(700),
  silence(900),
);

function stepped(options: CallOptions = {}): Call {
  return new Call({ ...options, limits: { inputStepMs: 500, ...options.limits } });
}

describe("a long upload", () => {
  test("[E46] is worked through in steps of two seconds, and others are served between two of them", () => {
    const call = new Call({ session: MANUAL, limits: { inputStepMs: 2000 } });
    call.client(append(voice(9000)));
    expect(call.heard()).toHaveLength(2000 * 48);
    expect(call.session.deadline).toBe(call.now);
    expect(call.session.quiet).toBe(false);
    call.upstream({ type: "error", error: { code: "busy", message: "Between." }, fatal: false });
    expect(call.last("error")["error"]).toMatchObject({ code: "busy" });
    expect(call.heard()).toHaveLength(2000 * 48);
    call.advance(0);
    expect(call.heard()).toHaveLength(4000 * 48);
    call.advance(10);
    expect(call.heard()).toEqual(bytesOf(voice(9000)));
  });

  test("[E46] keeps the order of messages: what comes meanwhile waits", () => {
    const call = stepped({ session: MANUAL });
    call.client(append(voice(1200)));
    call.client({ type: "input_audio_buffer.commit" });
    call.client(append(voice(700)));
    call.client({ type: "input_audio_buffer.commit" });
    call.client({ type: "response.create", event_id: "asked" });
    expect(call.types()).not.toContain("input_audio_buffer.committed");
    call.advance(20);
    expect(call.commandTypes()).toEqual(["greet", "audio", "commit", "audio", "commit", "respond"]);
    expect(call.heard()).toEqual(bytesOf(concat(voice(1200), voice(700))));
  });

  test("[E46] gives the turns that it gives in one piece", () => {
    const whole = new Call();
    const parts = stepped();
    for (const call of [whole, parts]) {
      call.client(append(UPLOAD));
      call.advance(100);
    }
    expect(parts.types()).toEqual(whole.types());
    expect(parts.heard()).toEqual(whole.heard());
    const positions = (call: Call) =>
      call.events.flatMap((event) => [event["audio_start_ms"] ?? [], event["audio_end_ms"] ?? []].flat());
    expect(positions(parts)).toEqual(positions(whole));
  });

  test("[E46] is asked to be stored when all of it was worked through, and a snapshot holds all of it", () => {
    const call = stepped({ dialect: "duplex.v1" });
    const header = Uint8Array.of(1, 0, 0, 0, 1, 0, 0, 0);
    const frame = Uint8Array.from([...header, ...bytesOf(UPLOAD)]);
    call.actions.length = 0;
    call.client(frame);
    call.advance(2);
    expect(call.types()).toContain("input_audio_buffer.speech_started");
    expect(call.actions.map(({ type }) => type)).not.toContain("persist");
    const early = structuredClone(call.session.snapshot());
    expect(early.audioReceivedMs).toBe(UPLOAD.length / 24);
    call.advance(50);
    expect(call.actions).toContainEqual({ type: "persist", urgent: true });
    expect(call.session.snapshot().audioReceivedMs).toBe(UPLOAD.length / 24);
    expect(call.types().filter((type) => type === "input_audio_buffer.committed")).toHaveLength(3);
  });

  test("[E46] goes on when its client drops, and is over when another one comes and wants other things", () => {
    const call = stepped({ session: MANUAL });
    call.client(append(voice(3000)));
    call.client({ type: "input_audio_buffer.clear" });
    call.open.delete("client");
    call.input({ type: "close", peer: "client", code: 1006, reason: "" });
    call.connect("realtime");
    call.clearEvents();
    call.client({ type: "input_audio_buffer.commit" });
    call.advance(20);
    expect(call.heard()).toEqual(bytesOf(voice(3000)));
    expect(call.types()).toContain("input_audio_buffer.committed");
    expect(call.types()).not.toContain("input_audio_buffer.cleared");
  });

  test("[E46] what waits for it is bounded: beyond 16 MiB it is refused", () => {
    const call = stepped({ session: MANUAL, limits: { clientMessageSize: 200_000 } });
    call.client(append(voice(2000)));
    const clear = { type: "input_audio_buffer.clear", event_id: "late", pad: "y".repeat(150_000) };
    call.client(clear);
    call.client(clear);
    expect(call.last("error")["error"]).toMatchObject({ code: "rate_limit_exceeded", event_id: "late" });
    call.advance(20);
    expect(call.types().filter((type) => type === "input_audio_buffer.cleared")).toHaveLength(1);
  });
});
