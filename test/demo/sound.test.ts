/** The demo's own small signal processing: the endpointer, the resampler, G.711, sentences, the dialogue. */
import { describe, expect, test } from "vitest";
import { decode, encode } from "../../demo/codec.ts";
import { answer, type Question } from "../../demo/dialogue.ts";
import { Endpointer } from "../../demo/endpointer.ts";
import { seededRandom } from "../../demo/ids.ts";
import { resample, resampleRange } from "../../demo/resample.ts";
import { sentences, Voice } from "../../demo/voice.ts";
import { joined, noise, say, silence } from "../support/say.ts";

function tone(hz: number, rateHz: number, samples: number): Int16Array {
  return Int16Array.from({ length: samples }, (_, i) =>
    Math.round(16_000 * Math.sin((2 * Math.PI * hz * i) / rateHz)),
  );
}

/** Level of the middle of `samples` against a full tone of `tone`, in dB. */
function level(samples: Int16Array): number {
  const middle = samples.subarray(samples.length / 4, (3 * samples.length) / 4);
  const power = middle.reduce((sum, sample) => sum + sample * sample, 0) / middle.length;
  return 10 * Math.log10(Math.max(1e-9, power) / (16_000 ** 2 / 2));
}

describe("resampler", () => {
  test.each([
    [16_000, 24_000, 6_000],
    [8_000, 24_000, 3_000],
    [24_000, 8_000, 3_000],
  ])("[D32] %i → %i Hz keeps %i Hz within 0.1 dB", (from, to, hz) => {
    expect(Math.abs(level(resample(tone(hz, from, from), from, to)))).toBeLessThan(0.1);
  });

  test.each([4_100, 5_000, 9_000, 11_900])("[D32] 24 → 8 kHz rejects %i Hz by at least 60 dB", (hz) => {
    expect(level(resample(tone(hz, 24_000, 24_000), 24_000, 8_000))).toBeLessThan(-60);
  });

  test("[D32] any split of a range gives the same samples", () => {
    const input = noise(4, 3_000);
    const whole = resample(input, 16_000, 24_000);
    const parts = [0, 7, 480, 481, 2_000, whole.length];
    const split = joined(
      ...parts.slice(1).map((end, i) => resampleRange(input, 16_000, 24_000, parts[i] ?? 0, end)),
    );
    expect(split).toEqual(whole);
  });
});

test.each(["audio/pcmu", "audio/pcma"] as const)(
  "[D32] %s: decoding and encoding gives the byte back",
  (type) => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    const again = encode(decode(bytes, { type }), { type });
    // Mu-law has a negative zero (0x7f), which is written as zero.
    const expected = type === "audio/pcmu" ? bytes.with(0x7f, 0xff) : bytes;
    expect(again).toEqual(expected);
  },
);

describe("endpointer", () => {
  const settings = { rateHz: 24_000, threshold: 0.5, prefixPaddingMs: 300, silenceDurationMs: 500 };

  test("[D33] marks do not depend on how the stream is split", async () => {
    const stream = joined(
      silence(700),
      await say("Hello there."),
      silence(900),
      await say("And again."),
      silence(900),
    );
    const whole = new Endpointer(settings, 0).push(stream);
    expect(whole.map((mark) => mark.type)).toEqual(["started", "stopped", "started", "stopped"]);
    const random = seededRandom(21);
    const endpointer = new Endpointer(settings, 0);
    const marks = [];
    for (let at = 0; at < stream.length;) {
      const end = at + 1 + Math.floor(random() * 2_000);
      marks.push(...endpointer.push(stream.subarray(at, end)));
      at = end;
    }
    expect(marks).toEqual(whole);
  });

  test("[D33] a click is no speech, quiet noise is none, and steady loud noise becomes floor", () => {
    const click = joined(silence(500), noise(1, 480, 20_000), silence(500));
    expect(new Endpointer(settings, 0).push(click)).toEqual([]);
    expect(new Endpointer(settings, 0).push(noise(2, 48_000, 200))).toEqual([]);
    const endpointer = new Endpointer(settings, 0);
    endpointer.push(noise(3, 24_000 * 60, 3_000));
    expect(endpointer.speaking).toBe(false);
  });
});

describe("voice and words", () => {
  test("[D34] the story is long enough to be interrupted", async () => {
    const [part] = speak("tell me a story");
    const parts = await Promise.all(sentences(part).map((sentence) => say(sentence, { voice: "slt" })));
    const seconds = parts.reduce((sum, samples) => sum + samples.length, 0) / 24_000;
    expect(seconds).toBeGreaterThan(18);
    expect(seconds).toBeLessThan(35);
  });

  test("[D34] sentences joined are the text again, and none is long", () => {
    for (const text of [
      "One. Two! Three? 3.5 is pi: no.",
      "x".repeat(2_000),
      "",
      "no end",
      `${"word ".repeat(200)}.`,
    ]) {
      const pieces = sentences(text);
      expect(pieces.join("")).toBe(text);
      expect(pieces.every((piece) => piece.length <= 320)).toBe(true);
    }
  });

  test("[D34] the same sentence asked twice at once is made once; a closed voice fails", async () => {
    const voice = new Voice();
    const [one, two] = await Promise.all([
      voice.say("Yes.", "slt", 1, 24_000),
      voice.say("Yes.", "slt", 1, 24_000),
    ]);
    expect(two).toBe(one);
    expect(one.length).toBeGreaterThan(4_800);
    const slow = await voice.say("Yes.", "slt", 0.5, 8_000);
    expect(slow.length).toBeGreaterThan((one.length / 3) * 1.5);
    await voice.close();
    await expect(voice.say("No.", "slt", 1, 24_000)).rejects.toThrow("closed");
  });

  test.each([
    ["Hi!", "Hello! I am the demo voice. How can I help you?"],
    ["What time is it?", "I was given no clock tool, but by my own clock it is 14:05, universal time."],
    ["count to 3", "1, 2, 3."],
    ["Repeat after me: good day", "good day"],
    ["say 'hello world'", "hello world"],
    ["how much is seven plus 5", "7 plus 5 is 12."],
    ["9 / 0", "Nothing can be divided by zero."],
    ["spell relay", "relay: R, E, L, A, Y."],
    ["2026-11-23", expect.stringContaining("none fits")],
  ])("[D34] %s", (text, expected) => {
    expect(speak(text)[0]).toEqual(expected);
  });
});

function speak(text: string): [string] {
  const question: Question = {
    items: [
      {
        id: "i",
        type: "message",
        role: "user",
        status: "completed",
        content: [{ type: "input_text", text }],
      },
    ],
    instructions: "",
    tools: [],
    toolChoice: "auto",
    parallelToolCalls: true,
    reply: null,
    now: new Date("2026-11-23T14:05:00Z"),
  };
  const given = answer(question);
  const part = given.type === "speak" ? given.parts[0] : undefined;
  return [part?.type === "text" ? part.text : ""];
}
