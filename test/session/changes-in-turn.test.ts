/** The client changes its format, its mode or its detection in the middle of a turn: not a sample is lost. */
import { describe, expect, test } from "vitest";

import { NO_KERNELS } from "../../src/audio/kernels.ts";
import { createResampler } from "../../src/audio/resampler.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import { Call, WIRE } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const samplesOf = (bytes: Uint8Array) => new Int16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
const count = (call: Call, type: string) => call.types().filter((one) => one === type).length;
const pcm = (rate: number) => ({ type: "audio/pcm", rate });
const update = (call: Call, input: JsonObject) =>
  call.client({ type: "session.update", session: { audio: { input } } });
const MANUAL = { audio: { input: { turn_detection: null } } };

/** What a resampler makes of all of it. */
function resampled(samples: Int16Array, fromHz: 8000 | 16_000 | 24_000, toHz: 8000 | 24_000): Int16Array {
  const resampler = createResampler(fromHz, toHz, NO_KERNELS);
  return concat(resampler.process(samples).slice(), resampler.flush().slice());
}

function appendMulaw(call: Call, ms: number): void {
  call.client({
    type: "input_audio_buffer.append",
    audio: new Uint8Array(8 * ms).fill(0xff).toBase64(),
  });
}

describe("a change of the input format", () => {
  test("[A30] in mid-turn goes on with the turn, which ends where it ends, and has all of its samples", () => {
    const call = new Call({ dialect: "duplex.v1" });
    const [first, second] = [voice(800), voice(700, 16_000, 5)];
    call.speak(concat(silence(600), first));
    update(call, { format: pcm(16_000) });
    call.speak(concat(second, silence(900, 16_000)), 320);
    expect(count(call, "input_audio_buffer.speech_started")).toBe(1);
    expect(count(call, "input_audio_buffer.committed")).toBe(1);
    expect(call.commandTypes()).toEqual(["greet", "audio", "configure", "audio", "commit", "respond"]);
    const started = Number(call.last("input_audio_buffer.speech_started")["audio_start_ms"]);
    const stopped = Number(call.last("input_audio_buffer.speech_stopped")["audio_end_ms"]);
    expect(stopped).toBeGreaterThan(2100);
    const heard = samplesOf(call.heard());
    const whole = concat(
      silence(600),
      first,
      resampled(concat(second, silence(900, 16_000)), 16_000, 24_000),
    );
    expect(heard.length / 24).toBeCloseTo(stopped - 10 - started, -1);
    expect(heard).toEqual(whole.subarray(24 * started, 24 * started + heard.length));
  });

  test("[A30] the samples that a resampler still holds come out of it", () => {
    const call = new Call({ dialect: "duplex.v1", session: { audio: { input: { format: pcm(16_000) } } } });
    update(call, { turn_detection: null });
    const first = voice(333, 16_000);
    call.append(first);
    update(call, { format: pcm(24_000) });
    const second = voice(400);
    call.append(second);
    call.client({ type: "input_audio_buffer.commit" });
    expect(samplesOf(call.heard())).toEqual(concat(resampled(first, 16_000, 24_000), second));
  });

  test("[A31] keeps a buffer that was not committed, and its recording is in the format it began with", () => {
    const call = new Call({ session: MANUAL });
    const first = voice(1000);
    call.append(first);
    update(call, { format: { type: "audio/pcmu" } });
    appendMulaw(call, 500);
    call.client({ type: "input_audio_buffer.commit" });
    expect(call.types()).not.toContain("error");
    const item_id = String(call.last("input_audio_buffer.committed")["item_id"]);
    expect(call.heard().length / 48).toBe(1500);
    call.client({ type: "conversation.item.retrieve", item_id });
    const { content } = call.last("conversation.item.retrieved")["item"] as { content: { audio: string }[] };
    const kept = samplesOf(Uint8Array.fromBase64(content[0]?.audio ?? ""));
    expect(kept.length).toBe(24 * 1500);
    expect(kept.subarray(0, first.length)).toEqual(first);
    // The next item is recorded in the new one, and a new connection is told both.
    appendMulaw(call, 400);
    call.client({ type: "input_audio_buffer.commit" });
    call.open.delete("up0.1");
    call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
    call.advance(260);
    call.accept("up0.2");
    expect(call.commandTypes("up0.2")).toEqual(["greet", "audio", "commit", "audio", "commit"]);
    expect(call.heard("up0.2").length / 48).toBe(1900);
    const archived = call.session.snapshot().conversation.audio.map(({ format }) => format.type);
    expect(archived).toEqual(["audio/pcm", "audio/pcmu"]);
  });

  test("[M105] a turn whose beginning was heard before it is recorded from there, in the new rate", () => {
    const call = new Call({ dialect: "duplex.v1" });
    // Too faint to be speech.
    const first = voice(600, 24_000, 7).map((sample) => sample / 400);
    call.speak(first);
    update(call, { format: pcm(8000) });
    call.speak(concat(voice(800, 8000, 5), silence(900, 8000)), 160);
    const started = Number(call.last("input_audio_buffer.speech_started")["audio_start_ms"]);
    expect(started).toBeLessThan(550);
    const heardMs = call.heard().length / 48;
    const item_id = String(call.last("input_audio_buffer.committed")["item_id"]);
    call.client({ type: "conversation.item.retrieve", item_id });
    const { content } = call.last("conversation.item.retrieved")["item"] as { content: { audio: string }[] };
    const kept = samplesOf(Uint8Array.fromBase64(content[0]?.audio ?? ""));
    expect(kept.length / 8).toBeCloseTo(heardMs, -1);
    expect(call.session.snapshot().conversation.audio[0]?.format).toEqual(pcm(8000));
    // Sample for sample what the upstream was given, but for the rates.
    const before = resampled(first, 24_000, 8000);
    expect(kept.subarray(200, 8 * (600 - started) - 200)).toEqual(before.subarray(8 * started + 200, -200));
    call.open.delete("up0.1");
    call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
    call.advance(260);
    call.accept("up0.2");
    expect(call.events.filter(({ error }) => JSON.stringify(error ?? "").includes("audio_lost"))).toEqual([]);
    expect(call.heard("up0.2").length / 48).toBeCloseTo(heardMs, -1);
  });

  test("[M101] one that follows another resamples no more than what came between them", () => {
    const call = new Call({ dialect: "duplex.v1", session: MANUAL });
    for (let second = 0; second < 5; second += 1) call.append(voice(1000));
    update(call, { format: pcm(48_000) });
    update(call, { format: pcm(8000) });
    const origin = () => {
      const { streams } = call.session.snapshot().input;
      return (streams.find(({ rateHz }) => rateHz === 8000)?.originTicks ?? 0) / 48;
    };
    expect(origin()).toBe(5000);
    call.append(voice(300, 8000));
    update(call, { format: pcm(48_000) });
    const [former] = call.session.snapshot().input.streams.filter(({ rateHz }) => rateHz === 48_000);
    expect((former?.originTicks ?? 0) / 48).toBeCloseTo(5000, 0);
  });

  test("[A31] many changes in one turn keep positions and lengths", () => {
    const call = new Call({ dialect: "duplex.v1", session: MANUAL });
    let ms = 0;
    for (const rate of [8000, 48_000, 16_000, 24_000, 8000, 24_000]) {
      update(call, { format: pcm(rate) });
      call.append(voice(101, rate, 3));
      ms += 101;
    }
    call.client({ type: "input_audio_buffer.commit" });
    expect(call.heard().length / 48).toBeCloseTo(ms, 0);
    expect(Math.round(call.session.snapshot().audioReceivedMs)).toBe(ms);
    // Nobody takes the rates in between any more.
    const rates = call.session.snapshot().input.streams.map(({ rateHz }) => rateHz);
    expect(rates.filter((rate) => rate === 48_000 || rate === 8000)).toEqual([]);
  });

  test("[A32] an upstream that comes back with another input rate hears what it has not heard, once", () => {
    const to = (rate: number) => ({ adapter: "wire", settings: { turns: "none", input: pcm(rate) } });
    for (const [from, then] of [
      [24_000, 8000],
      [8000, 24_000],
    ] as const) {
      const upstreams = [{ name: "wire", options: to(from), fallback: [to(then)] }];
      const call = new Call({ upstreams, dialect: "duplex.v1", session: MANUAL });
      const before = voice(10_000);
      call.speak(before);
      call.open.delete("up0.1");
      call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
      const missed = voice(1500, 24_000, 7);
      call.append(missed);
      call.advance(1);
      call.accept("up0.2");
      call.append(silence(500));
      const heard = call.heard("up0.2").length / 2 / (then / 1000);
      expect(Math.abs(heard - 2000)).toBeLessThan(10);
    }
  });
});

describe("a change of turn_detection", () => {
  test("[M19] to server_vad leaves nothing of what was not committed in the next turn", () => {
    for (const before of [null, { type: "duplex", frame_ms: 200 }]) {
      const call = new Call({
        dialect: "duplex.v1",
        session: { audio: { input: { turn_detection: before } } },
      });
      call.speak(voice(3000));
      update(call, { turn_detection: { type: "server_vad" } });
      const heardBefore = call.heard().length;
      call.speak(concat(silence(600), voice(1200), silence(900)));
      expect(call.commandTypes()).toContain("clear");
      const types = call.commandTypes();
      expect(types.slice(types.indexOf("clear")).filter((type) => type !== "configure")).toEqual([
        "clear",
        "audio",
        "commit",
        "respond",
      ]);
      const ms = (call.heard().length - heardBefore) / 48;
      expect(ms).toBeLessThan(2400);
      const item_id = String(call.last("input_audio_buffer.committed")["item_id"]);
      call.client({ type: "conversation.item.retrieve", item_id });
      const { content } = call.last("conversation.item.retrieved")["item"] as {
        content: { audio: string }[];
      };
      expect(Uint8Array.fromBase64(content[0]?.audio ?? "").length / 48).toBeCloseTo(ms, 0);
    }
  });

  test("[M20] off in mid-turn: the turn is the client's, from its beginning, its recording as well", () => {
    const call = new Call();
    call.speak(concat(silence(600), voice(800)));
    const started = Number(call.last("input_audio_buffer.speech_started")["audio_start_ms"]);
    update(call, { turn_detection: null });
    call.speak(voice(500, 24_000, 4));
    call.client({ type: "input_audio_buffer.commit" });
    const item_id = String(call.last("input_audio_buffer.committed")["item_id"]);
    call.client({ type: "conversation.item.retrieve", item_id });
    const { content } = call.last("conversation.item.retrieved")["item"] as { content: { audio: string }[] };
    const kept = Uint8Array.fromBase64(content[0]?.audio ?? "");
    expect(kept.length / 48).toBe(1900 - started);
    expect(call.heard()).toEqual(kept);
  });

  test("[M20] off and on again: a speech that was witnessed is not one for ever", () => {
    const call = new Call();
    call.speak(concat(silence(600), voice(800)));
    update(call, { turn_detection: null });
    update(call, { turn_detection: { type: "server_vad" } });
    call.speak(concat(voice(900, 24_000, 6), silence(900)));
    expect(count(call, "input_audio_buffer.committed")).toBe(1);
    expect(call.commandTypes().at(-1)).toBe("respond");
  });
});

describe("the memory of a message", () => {
  test("[A33] is not looked at when the message is worked through", () => {
    const call = new Call({ session: { audio: { input: { turn_detection: { type: "server_vad" } } } } });
    const reference = new Call();
    const spoken = concat(silence(600), voice(919));
    for (const one of [call, reference]) one.speak(spoken, 24 * 70);
    // Decoded as far as it can be, into the very memory in which the last one was.
    call.client(`{"type":"input_audio_buffer.append","audio":"${"A".repeat(4200)}!${"A".repeat(3)}"}`);
    expect(call.last("error")["error"]).toMatchObject({ param: "audio" });
    for (const one of [call, reference]) one.client({ type: "input_audio_buffer.commit" });
    expect(call.heard()).toEqual(reference.heard());
  });
});

describe("what a new connection is told to have missed", () => {
  test("[M21] is nothing where nothing was said", () => {
    for (const turns of ["client", "server"]) {
      const call = new Call({
        dialect: "duplex.v1",
        upstreams: [{ name: "wire", options: { adapter: "wire", settings: { turns } } }],
        limits: { parkMs: 20_000 },
      });
      call.speak(silence(95_000));
      if (turns === "server") call.speak(voice(300));
      call.speak(concat(voice(1000), silence(900)));
      call.accept("up0.2");
      expect(call.types()).not.toContain("relay.audio_dropped");
    }
  });

  test("[M21] nor is silence that a provider had heard heard by it again", () => {
    const call = new Call({
      dialect: "duplex.v1",
      upstreams: [{ ...WIRE, options: { adapter: "wire", settings: { turns: "server" } } }],
      limits: { parkMs: 0 },
    });
    call.speak(silence(60_000));
    call.open.delete("up0.1");
    call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
    call.advance(260);
    call.accept("up0.2");
    call.speak(voice(500));
    expect(call.types()).not.toContain("relay.audio_dropped");
    const heard = samplesOf(call.heard("up0.2"));
    expect(heard.length).toBeLessThan(24 * 3000);
    expect(heard.subarray(-24 * 500)).toEqual(voice(500));
  });
});
