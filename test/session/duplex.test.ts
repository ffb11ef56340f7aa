import { describe, expect, test } from "vitest";

import { FRAME_AUDIO, writeFrame } from "../../src/protocol/frame.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import type { UpstreamOptions } from "../../src/upstreams/upstream.ts";
import { Call, WIRE } from "../support/call.ts";
import { concat, seeded, silence, voice } from "../support/signal.ts";
import { createWireUpstream } from "../support/wire-upstream.ts";

const ECHO = { name: "echo", options: { adapter: "echo" } };
const either = (options: UpstreamOptions) =>
  options.adapter === "wire" ? createWireUpstream(options) : createUpstream(options);

function frame(samples: Int16Array | Uint8Array, sequence = 0): Uint8Array {
  const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
  return writeFrame({ kind: FRAME_AUDIO, stream: 0, response: 0, sequence }, bytes);
}

describe("duplex.v1", () => {
  test("[X1] audio travels as binary both ways; no output_audio.delta is sent", () => {
    const call = new Call({ dialect: "duplex.v1" });
    const turn = concat(silence(600), voice(1200), silence(900));
    for (let at = 0; at < turn.length; at += 480) call.client(frame(turn.subarray(at, at + 480)));
    const answer = voice(300);
    call.answer(answer);
    expect(call.types()).not.toContain("response.output_audio.delta");
    expect(call.frames.map((one) => [...one.payload]).flat()).toEqual([...new Uint8Array(answer.buffer)]);
    expect(call.last("response.created")["response"]).toMatchObject({
      relay: { ordinal: 1, stream: 0, upstream: "wire" },
    });
    expect(call.frames[0]?.header).toMatchObject({ kind: 1, stream: 0, response: 1 });
  });

  test("[X2] text and binary messages to the client share one count from 1, without a gap", () => {
    const call = new Call({ dialect: "duplex.v1" });
    call.client({ type: "response.create" });
    call.answer(voice(300));
    const numbers = [
      ...call.events.map((event) => Number(event["server_event_seq"])),
      ...call.frames.map((one) => one.header.sequence),
    ].sort((a, b) => a - b);
    expect(numbers).toEqual(numbers.map((_, at) => at + 1));
  });

  test("[X3] a realtime client gets no extension: no numbers, no relay fields, no relay events", () => {
    const call = new Call();
    call.client({ type: "response.create" });
    call.answer(voice(300));
    const all = JSON.stringify(call.events);
    expect(all).not.toContain("server_event_seq");
    expect(all).not.toContain('"relay');
    expect(call.frames).toEqual([]);
  });

  test("[X4] PCM at 8, 16 and 48 kHz is taken and given", () => {
    for (const rate of [8000, 16000, 48000]) {
      const format = { type: "audio/pcm", rate };
      const call = new Call({
        dialect: "duplex.v1",
        session: { audio: { input: { format, turn_detection: null }, output: { format } } },
      });
      call.client(frame(voice(500, rate)));
      call.client({ type: "input_audio_buffer.commit" });
      expect(call.heard().length).toBe(24 * 500 * 2);
      call.client({ type: "response.create" });
      call.answer(voice(400));
      const bytes = call.frames.reduce((sum, one) => sum + one.payload.length, 0);
      expect(bytes).toBe((rate / 1000) * 400 * 2);
    }
  });

  test("[X5] relay.upstream tells of each upstream's state", () => {
    const call = new Call({ dialect: "duplex.v1" });
    const states = call.events.filter((event) => event.type === "relay.upstream");
    expect(states.map((event) => event["status"])).toEqual(["dialling", "ready"]);
  });

  test("[X6] with two upstreams every sample reaches both and both answers come back tagged", () => {
    const call = new Call({
      dialect: "duplex.v1",
      upstreams: [WIRE, ECHO],
      createUpstream: either,
      session: { audio: { input: { turn_detection: null } } },
    });
    const audio = voice(1000);
    const bytes = new Uint8Array(audio.buffer);
    const random = seeded(7);
    for (let at = 0; at < bytes.length;) {
      const length = 1 + Math.floor(random() * 2000);
      call.client(frame(bytes.slice(at, at + length)));
      at += length;
    }
    call.client({ type: "input_audio_buffer.commit" });
    call.client({ type: "response.create" });
    const answer = voice(300, 24_000, 9);
    call.answer(answer);
    expect(call.heard()).toEqual(bytes);
    const of = (stream: number) =>
      Uint8Array.from(
        call.frames.filter((one) => one.header.stream === stream).flatMap((one) => [...one.payload]),
      );
    expect(of(1)).toEqual(bytes);
    expect(of(0)).toEqual(new Uint8Array(answer.buffer));
  });

  test("[X7] a duplex upstream is neither committed to, cancelled nor truncated", () => {
    const call = new Call({ dialect: "duplex.v1", upstreams: [ECHO], createUpstream: either });
    const turn = concat(silence(600), voice(1200), silence(900));
    call.speak(turn);
    expect(call.types()).toContain("input_audio_buffer.speech_started");
    expect(call.types()).not.toContain("conversation.item.truncated");
    expect(call.types().filter((type) => type === "response.done")).toEqual([]);
    expect(Uint8Array.from(call.frames.flatMap((one) => [...one.payload]))).toEqual(
      new Uint8Array(turn.buffer),
    );
  });

  test("[X8] a duplex stream that pauses for a second ends its response; the next audio begins another", () => {
    const call = new Call({ dialect: "duplex.v1", upstreams: [ECHO], createUpstream: either });
    call.speak(silence(200));
    call.advance(1100);
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
    call.speak(silence(200));
    expect(call.types().filter((type) => type === "response.created").length).toBe(2);
    expect(new Set(call.frames.map((one) => one.header.response))).toEqual(new Set([1, 2]));
  });

  test("[X9] output_audio_buffer.clear stops what is playing and tells what was heard", () => {
    const call = new Call({ dialect: "duplex.v1" });
    call.client({ type: "response.create" });
    call.answer(voice(3000));
    call.advance(1000);
    call.clearEvents();
    call.client({ type: "output_audio_buffer.clear" });
    expect(call.last("conversation.item.truncated")).toMatchObject({ audio_end_ms: 1000 });
    // Whatever else follows: first the player is stopped.
    expect(call.types()[0]).toBe("output_audio_buffer.cleared");
  });

  test("[X10] a session whose speech the energy detector decides says so, with the reason", () => {
    const call = new Call({ dialect: "duplex.v1" });
    expect(call.last("relay.detector")).toMatchObject({ detector: "energy", reason: "plan" });
    expect(call.last("session.created")["session"]).toMatchObject({ relay: { detector: "energy" } });
    expect(call.actions).toContainEqual({ type: "metric", name: "detector_fallbacks", value: 1 });
    expect(new Call().types()).not.toContain("relay.detector");
  });

  test("[X11] turn_detection duplex: audio flows always, in micro-turns of frame_ms, and nothing is committed", () => {
    const turn_detection = { type: "duplex", frame_ms: 200 };
    const call = new Call({ dialect: "duplex.v1", session: { audio: { input: { turn_detection } } } });
    const audio = concat(silence(500), voice(1110), silence(700));
    for (let at = 0; at < audio.length; at += 700) call.client(frame(audio.subarray(at, at + 700)));
    const pieces = call.commands().flatMap((one) => (one.type === "audio" ? [one.audio] : []));
    const lengths = pieces.map((piece) => Uint8Array.fromBase64(piece).length);
    expect(new Set(lengths)).toEqual(new Set([200 * 48]));
    expect(call.heard()).toEqual(new Uint8Array(audio.buffer).slice(0, 2200 * 48));
    expect(call.commandTypes()).toEqual(["greet", "audio"]);
    expect(call.types()).not.toContain("input_audio_buffer.speech_started");
  });
});
