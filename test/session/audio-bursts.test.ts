/** Audio that comes faster than it is spoken: what a gap held back, and floods of it. */
import { describe, expect, test } from "vitest";
import { CLIENT } from "../../src/session/io.ts";
import { Call, type Received } from "../support/call.ts";

const MANUAL = { audio: { input: { turn_detection: null } } };
const SERVER_VAD = { audio: { input: { turn_detection: { type: "server_vad" } } } };
const errorsOf = (call: Call) =>
  call.events.filter(({ type }) => type === "error").map((event) => event["error"] as Received);
const closeOf = (call: Call) => call.actions.findLast(({ type }) => type === "close");
/** An append of so many milliseconds of PCM at 24 kHz. */
const audio = (ms: number) => ({
  type: "input_audio_buffer.append",
  audio: "A".repeat(Math.ceil((ms * 48) / 3) * 4),
});

describe("audio", () => {
  test("[E31] a message of it counts as 10 ms at least, and one that no microphone gives as 100", () => {
    const header = [1, 0, 0, 0, 0, 0, 0, 0];
    const frame = (bytes: number): Uint8Array => Uint8Array.from([...header, ...new Uint8Array(bytes)]);
    // 1.33 ms are 128 samples at 96 kHz.
    for (const [message, most] of [
      [audio(1.34), 100],
      [frame(64), 100],
      [audio(0.1), 10],
      [frame(2), 10],
      [{ type: "input_audio_buffer.append", audio: "" }, 10],
    ] as const) {
      const call = new Call({
        session: MANUAL,
        dialect: "duplex.v1",
        limits: { clientAudioBurstMs: 1000 },
      });
      for (let n = 0; n < most; n += 1) call.client(message);
      expect(errorsOf(call)).toEqual([]);
      call.client(message);
      expect(errorsOf(call)[0]).toMatchObject({ code: "rate_limit_exceeded", param: "audio" });
    }
  });

  test("[E31] what a client held back comes whole, in however small messages: 330 s in 16,500 of 20 ms", () => {
    const header = [1, 0, 0, 0, 0, 0, 0, 0];
    const sound = Uint8Array.from({ length: 960 }, (_, n) => (n * 7) % 251);
    for (const message of [
      { type: "input_audio_buffer.append", audio: sound.toBase64() },
      Uint8Array.from([...header, ...sound]),
    ]) {
      const call = new Call({ session: MANUAL, dialect: "duplex.v1", limits: { inputStepMs: 2000 } });
      const [text] = [typeof message === "object" && "type" in message ? JSON.stringify(message) : message];
      for (let n = 0; n < 16_500; n += 1) call.client(text);
      call.client({ type: "input_audio_buffer.commit", event_id: "last" });
      call.advance(35_000);
      expect(errorsOf(call)).toEqual([]);
      expect(call.open.has(CLIENT)).toBe(true);
      expect(call.session.state().audio.received_ms).toBe(330_000);
      const heard = call.heard();
      expect(heard).toHaveLength(16_500 * 960);
      expect(heard.subarray(-960)).toEqual(sound);
      expect(call.types().filter((type) => type === "input_audio_buffer.committed")).toHaveLength(1);
    }
    // Eleven minutes of audio: some twelve seconds of CPU.
  }, 120_000);

  test("[E31] and others are served meanwhile: more than two seconds of it at once wait for their step", () => {
    const call = new Call({ session: MANUAL, limits: { inputStepMs: 2000 } });
    for (let n = 0; n < 2000; n += 1) call.client(audio(20));
    expect(call.heard().length).toBeLessThanOrEqual(2020 * 48);
    expect(call.session.deadline).toBe(call.now);
    for (let step = 0; step < 3; step += 1) {
      const before = call.heard().length;
      call.upstream({ type: "error", error: { code: "busy", message: `Between ${step}.` }, fatal: false });
      expect(call.last("error")["error"]).toMatchObject({ code: "busy" });
      call.advance(1);
      expect(call.heard().length - before).toBeGreaterThan(1900 * 48);
      expect(call.heard().length - before).toBeLessThanOrEqual(2 * 2020 * 48);
    }
    call.advance(1000);
    expect(call.heard()).toHaveLength(40_000 * 48);
    // However many come before the clock does: they are judged, and wait.
    for (let n = 0; n < 6000; n += 1) {
      const before = call.session.state().audio.received_ms;
      call.client(audio(20));
      expect(call.session.state().audio.received_ms - before).toBeLessThanOrEqual(2020);
    }
    call.advance(13_000);
    expect(call.session.state().audio.received_ms).toBe(160_000);
    expect(errorsOf(call)).toHaveLength(3);
  });

  test.each([
    ["five", "looks", SERVER_VAD, 30_000, 5000],
    // 20 ms count as 8, not as 5: each is a message.
    ["twelve and a half", "does not look", MANUAL, 75_000, 12_500],
  ] as const)(
    "[E120] half a minute's work is done at once, and beyond it %s seconds in a second where the relay %s for speech",
    (_, __, session, burst, perSecond) => {
      const received = (call: Call) => call.session.state().audio.received_ms;
      for (const count of [1000, 5000]) {
        const call = new Call({ session, limits: { inputStepMs: 2000 } });
        for (let n = 0; n < count; n += 1) call.client(audio(20));
        if (session === MANUAL) call.client({ type: "input_audio_buffer.commit" });
        const most = count * 20;
        call.advance(20);
        expect(received(call)).toBeGreaterThanOrEqual(Math.min(most, 30_000));
        expect(received(call)).toBeLessThanOrEqual(Math.min(most, burst + 6000));
        for (let seconds = 1; seconds <= 15; seconds += 1) {
          call.advance(1000);
          expect(received(call)).toBeGreaterThanOrEqual(Math.min(most, burst + seconds * perSecond - 1000));
          expect(received(call)).toBeLessThanOrEqual(Math.min(most, burst + 6000 + seconds * perSecond));
        }
        expect(received(call)).toBe(most);
        expect(errorsOf(call)).toEqual([]);
        if (session !== MANUAL) continue;
        expect(call.heard()).toHaveLength(most * 48);
        expect(call.types()).toContain("input_audio_buffer.committed");
      }
    },
  );

  test.each([
    [SERVER_VAD, 30_000, 5],
    [MANUAL, 120_000, 20],
  ] as const)(
    "[E120] however it is spread: more of it evenly is no way round it (%#)",
    (session, burst, speed) => {
      const call = new Call({ session, limits: { inputStepMs: 2000, clientAudioSpeed: 100 } });
      for (let ms = 0; ms < 2000; ms += 1) {
        call.client(audio(100));
        call.advance(1);
      }
      expect(call.session.state().audio.received_ms).toBeGreaterThanOrEqual(burst + 2000 * speed - 1000);
      expect(call.session.state().audio.received_ms).toBeLessThanOrEqual(burst + 2000 * speed + 6000);
      call.advance(40_000);
      expect(call.session.state().audio.received_ms).toBe(200_000);
      expect(errorsOf(call)).toEqual([]);
    },
  );

  test("[E120] and what a client speaks meanwhile comes after it, whatever else it says", () => {
    const call = new Call({ session: MANUAL, limits: { inputStepMs: 2000 } });
    for (let n = 0; n < 5000; n += 1) call.client(audio(20));
    for (let n = 0; n < 250; n += 1) {
      call.client({ type: "input_audio_buffer.append", audio: new Uint8Array(960).fill(1).toBase64() });
      if (n % 50 === 0) call.client({ type: "input_audio_buffer.commit" });
      call.advance(20);
    }
    call.advance(4000);
    expect(call.heard()).toEqual(
      Uint8Array.from({ length: 105_000 * 48 }, (_, n) => (n < 100_000 * 48 ? 0 : 1)),
    );
    expect(call.types().filter((type) => type === "input_audio_buffer.committed")).toHaveLength(5);
    expect(errorsOf(call)).toEqual([]);
  });

  test("[E120] a flood that waits is nobody's when its client is hung up on", () => {
    const call = new Call({ session: MANUAL, limits: { inputStepMs: 2000 } });
    for (let n = 0; n < 20_000 && call.open.has(CLIENT); n += 1) call.client(audio(20));
    expect(closeOf(call)).toMatchObject({ peer: CLIENT, code: 1008 });
    expect(call.session.busy).toBe(false);
    expect(call.session.state().audio.received_ms).toBeLessThanOrEqual(4000);
  });

  test("[E120] audio that waits behind a change of its format counts as what it is then", () => {
    const call = new Call({ session: MANUAL, limits: { inputStepMs: 2000, clientAudioBurstMs: 60_000 } });
    for (let n = 0; n < 20; n += 1) call.client(audio(1000));
    const format = { type: "audio/pcmu" };
    call.client({ type: "session.update", session: { type: "realtime", audio: { input: { format } } } });
    // Ten seconds each as mu-law of 8 kHz would be sixty.
    for (let n = 0; n < 3; n += 1) call.client(audio(10_000));
    call.advance(15_000);
    expect(errorsOf(call).map(({ code }) => code)).toContain("rate_limit_exceeded");
    expect(call.session.state().audio.received_ms).toBeLessThanOrEqual(140_000);
  });

  test("[E33] a flood is judged while it comes, whether or not the clock does", () => {
    const crumb = audio(0.05);
    for (const [message, most] of [
      ["{}", 3000],
      [crumb, 8000],
    ] as const) {
      const call = new Call({ session: MANUAL, limits: { inputStepMs: 2000 } });
      let sent = 0;
      for (; sent < 20_000 && call.open.has(CLIENT); sent += 1) call.client(message);
      expect(closeOf(call)).toMatchObject({ peer: CLIENT, code: 1008 });
      expect(sent).toBeLessThan(most);
      // What it had sent by then is nobody's.
      const told = errorsOf(call).length;
      call.advance(500);
      expect(errorsOf(call).length - told).toBeLessThanOrEqual(1);
    }
  });

  test("[E31] a client that speaks in time is never made to wait, in pieces of whatever length", () => {
    for (const ms of [3, 10, 20, 100, 1000]) {
      const call = new Call({ session: MANUAL, limits: { inputStepMs: 2000 } });
      for (let n = 0; n < 10_000 / ms; n += 1) {
        call.client(audio(ms));
        expect(call.session.deadline).not.toBe(call.now);
        expect(call.session.state().audio.received_ms).toBe((n + 1) * ms);
        call.advance(ms);
      }
      expect(errorsOf(call)).toEqual([]);
    }
  });
});
