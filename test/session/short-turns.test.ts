/** Settings at the ends of their range, and turns shorter than a provider takes. */
import { describe, expect, test } from "vitest";

import { endpointerOptions } from "../../src/session/turns/endpointing.ts";
import { createDetector } from "../../src/audio/vad/index.ts";
import { turnDetectionOf } from "../support/turn-detection.ts";
import { Call } from "../support/call.ts";
import { loadKernels } from "../support/kernels.ts";
import { say } from "../support/say.ts";
import { concat, pink, silence, voice } from "../support/signal.ts";

const count = (call: Call, type: string) => call.types().filter((one) => one === type).length;
const session = (settings: object) => ({
  audio: { input: { turn_detection: { type: "server_vad", ...settings } } },
});
const DETECTORS = ["energy", "silero"] as const;
const kernelsOf = (detector: string) =>
  detector === "silero" ? { detector: "auto" as const, kernels: loadKernels() } : {};

describe("threshold", () => {
  test.each(DETECTORS)("[M22] 0: silence is silence, digital or a room's (%s)", (detector) => {
    const call = new Call({ ...kernelsOf(detector), session: session({ threshold: 0 }) });
    call.speak(concat(new Int16Array(24_000 * 10), silence(10_000)));
    expect(call.types()).not.toContain("input_audio_buffer.speech_started");
  });

  test.each(DETECTORS)("[M22] 0: a turn ends, and one is found (%s)", async (detector) => {
    const call = new Call({ ...kernelsOf(detector), session: session({ threshold: 0 }) });
    call.speak(concat(silence(3000), await say("What is the weather like today?"), silence(2000)));
    expect(count(call, "input_audio_buffer.committed")).toBe(1);
  });

  test.each(DETECTORS)("[M22] 1: clear speech is heard (%s)", async (detector) => {
    const call = new Call({ ...kernelsOf(detector), session: session({ threshold: 1 }) });
    call.speak(concat(silence(1000), await say("Yes, please do that."), silence(2000)));
    expect(count(call, "input_audio_buffer.committed")).toBe(1);
  });

  test("[M22] whatever it is, speech begins at more than ends it, and louder with the threshold", () => {
    for (const detector of DETECTORS) {
      const { thresholds } = createDetector(
        loadKernels(),
        detector === "silero" ? "auto" : "energy",
      ).detector;
      let before = 0;
      for (let step = 0; step <= 100; step += 1) {
        for (const audible of [false, true]) {
          const options = endpointerOptions(turnDetectionOf({ threshold: step / 100 }), thresholds, audible);
          expect(options.start).toBeGreaterThan(options.stop);
          expect(options.start).toBeGreaterThanOrEqual(thresholds.least);
          expect(options.start).toBeLessThanOrEqual(0.99);
          if (!audible) expect(options.start).toBeGreaterThanOrEqual(before);
          if (!audible) before = options.start;
        }
      }
    }
  });
});

describe("a turn shorter than a provider takes", () => {
  const least = (call: Call): readonly number[] => {
    const lengths: number[] = [];
    let ms = 0;
    for (const command of call.commands()) {
      if (command.type === "audio") ms += Uint8Array.fromBase64(command.audio).length / 48;
      if (command.type !== "commit") continue;
      lengths.push(ms);
      ms = 0;
    }
    return lengths;
  };
  const settings = { prefix_padding_ms: 0, silence_duration_ms: 0 };

  test.each([20, 40, 60])("[M23] a sound of %i ms is committed with silence up to 100 ms", (ms) => {
    const call = new Call({ session: session(settings) });
    call.speak(concat(silence(1000), voice(ms), silence(1000)));
    const lengths = least(call);
    expect(lengths.length).toBe(count(call, "input_audio_buffer.committed"));
    expect(lengths.length).toBeGreaterThan(0);
    for (const length of lengths) expect(length).toBeGreaterThanOrEqual(100);
    const item_id = String(call.last("input_audio_buffer.committed")["item_id"]);
    call.client({ type: "conversation.item.retrieve", item_id });
    const { content } = call.last("conversation.item.retrieved")["item"] as { content: { audio: string }[] };
    expect(Uint8Array.fromBase64(content[0]?.audio ?? "").length / 48).toBeGreaterThanOrEqual(100);
  });

  test.each(["Hi.", "Yes."])("[M23] so is the beginning of a word (%s)", async (word) => {
    const spoken = await say(word, { voice: "awb" });
    const from = spoken.findIndex((sample) => Math.abs(sample) > 500);
    const lengths: number[] = [];
    for (const ms of [40, 60, 80, 100, 120]) {
      const call = new Call({ ...kernelsOf("silero"), session: session(settings) });
      call.speak(concat(new Int16Array(24_000), spoken.slice(from, from + 24 * ms), new Int16Array(24_000)));
      lengths.push(...least(call));
    }
    expect(lengths.length).toBeGreaterThan(1);
    for (const length of lengths) expect(length).toBeGreaterThanOrEqual(100);
  });

  test("[M23] nor is a shorter one committed in advance, or by the clock", () => {
    const eager = new Call({ session: { ...session(settings), relay: { eager_ms: 50 } } });
    const clock = new Call({ session: session(settings) });
    eager.speak(concat(silence(1000), voice(40), silence(1000)));
    clock.speak(concat(silence(1000), voice(40)));
    clock.advance(5000);
    for (const call of [eager, clock])
      for (const length of least(call)) expect(length).toBeGreaterThanOrEqual(100);
    expect(count(clock, "input_audio_buffer.committed")).toBe(1);
  });
});

describe("room tone that rises over an answer", () => {
  const room = pink(12_000, -29);
  const quiet = pink(5000, -70);

  test.each(["duplex.v1", "realtime"] as const)(
    "[F20] does not cut the agent, by energy alone (%s)",
    (dialect) => {
      const call = new Call({ dialect });
      call.speak(concat(quiet, voice(1200), quiet.subarray(0, 24 * 900)));
      call.answer(voice(10_000, 24_000, 11), "A long answer.");
      call.speak(concat(quiet.subarray(0, 24 * 1000), room.subarray(0, 24 * 7000)));
      expect(call.types()).not.toContain("conversation.item.truncated");
      expect(count(call, "input_audio_buffer.speech_started")).toBe(1);
      const decisions = call.events.filter(({ type }) => type === "overlap.decision");
      expect(decisions.map(({ decision }) => decision)).not.toContain("interrupt");
      // A voice over the new noise is still one.
      call.speak(room.subarray(0, 24 * 4000));
      const loud = voice(1500, 24_000, 3).map((value, at) => value + (room[at] ?? 0));
      call.speak(concat(loud, room.subarray(0, 24 * 900)));
      expect(count(call, "input_audio_buffer.committed")).toBe(2);
    },
  );

  test("[F20] nor does one that rises slowly", () => {
    const call = new Call({ dialect: "duplex.v1" });
    call.speak(concat(quiet, voice(1200), quiet.subarray(0, 24 * 900)));
    call.answer(voice(10_000, 24_000, 11), "A long answer.");
    const ramp = pink(6000, -29).map((value, at, all) => value * 10 ** (-2.05 * (1 - at / all.length)));
    call.speak(concat(quiet.subarray(0, 24 * 1000), ramp));
    expect(call.types()).not.toContain("overlap.decision");
  });
});
