import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createDecoder, encode } from "../../src/audio/codec.ts";
import { durationMs, PCM_24K, sampleRateHz, type AudioFormat } from "../../src/audio/format.ts";
import { AudioArchive } from "../../src/session/memory/archive.ts";
import { pitchHz } from "../audio/resampling.ts";
import { Call } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const BUDGET = 6 * 32_768;

function bytesAt(from: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) bytes[at] = (from + at) % 251;
  return bytes;
}

describe("the archive", () => {
  test("[I3] keeps within its budget, whoever spoke, and what it keeps is what was said", () => {
    const said = fc.record({
      item: fc.nat(9),
      bytes: fc.nat(50_000),
      callers: fc.boolean(),
      again: fc.nat(9),
    });
    fc.assert(
      fc.property(fc.array(said, { maxLength: 40 }), (list) => {
        let archive = new AudioArchive(BUDGET);
        /** Bytes of each recording so far; what they are follows from their place. */
        const lengths = new Map<string, number>();
        for (const { item, bytes, callers, again } of list) {
          const id = `${callers ? "caller" : "agent"}${item}`;
          const before = archive.read(id) === null ? 0 : (lengths.get(id) ?? 0);
          lengths.set(id, before + bytes);
          archive.append(id, PCM_24K, bytesAt(before, bytes), callers);
          if (again === 0) {
            const kept = archive.snapshot();
            archive = new AudioArchive(BUDGET);
            archive.restore(kept);
          }
          const blocks = archive.snapshot().flatMap(({ audio }) => audio.blocks);
          expect(blocks.reduce((sum, block) => sum + block.length, 0)).toBeLessThanOrEqual(BUDGET);
          expect(archive.bytes).toBeLessThanOrEqual(BUDGET);
          if (again === 1) archive.close(id);
          const kept = archive.read(id)?.bytes ?? new Uint8Array(0);
          expect(kept.length > 0).toBe(before + bytes > 0);
          expect(Buffer.compare(kept, bytesAt(before + bytes - kept.length, kept.length))).toBe(0);
        }
      }),
      { numRuns: 60 },
    );
  });

  const FORMATS: readonly AudioFormat[] = [
    PCM_24K,
    { type: "audio/pcm", rate: 8000 },
    { type: "audio/pcm", rate: 48_000 },
    { type: "audio/pcmu" },
    { type: "audio/pcma" },
  ];

  /** A tone that goes on from `fromMs`, in a format. */
  function toneIn(format: AudioFormat, fromMs: number, ms: number): Uint8Array {
    const rate = sampleRateHz(format);
    const first = Math.round((fromMs * rate) / 1000);
    const samples = Int16Array.from({ length: (ms * rate) / 1000 }, (_, n) =>
      Math.round(9000 * Math.sin((2 * Math.PI * 440 * (first + n)) / rate)),
    );
    return encode(format, samples).slice();
  }

  test("[I3] of what is longer than its budget keeps in one piece what it keeps in many", () => {
    for (const length of [BUDGET - 1, BUDGET, BUDGET + 1, BUDGET + 32_768, 3 * BUDGET + 17]) {
      const [whole, pieces] = [new AudioArchive(BUDGET), new AudioArchive(BUDGET)];
      for (const archive of [whole, pieces]) archive.append("former", PCM_24K, bytesAt(0, 40_000), true);
      const bytes = bytesAt(0, length);
      whole.append("long", PCM_24K, bytes, true);
      for (let at = 0; at < length; at += 5000)
        pieces.append("long", PCM_24K, bytes.subarray(at, at + 5000), true);
      for (const id of ["former", "long"]) expect(whole.read(id)).toEqual(pieces.read(id));
      whole.append("long", PCM_24K, bytesAt(length, 999), true);
      pieces.append("long", PCM_24K, bytesAt(length, 999), true);
      expect(whole.read("long")).toEqual(pieces.read("long"));
      expect(whole.snapshot()).toEqual(pieces.snapshot());
    }
  });

  test("[I41] keeps what comes in several formats in the first of them, every part converted", () => {
    const parts = fc.array(
      fc.record({ format: fc.constantFrom(...FORMATS), tens: fc.integer({ min: 1, max: 20 }) }),
      {
        minLength: 1,
        maxLength: 6,
      },
    );
    fc.assert(
      fc.property(parts, fc.boolean(), (list, restores) => {
        let archive = new AudioArchive(64 * 32_768);
        let ms = 0;
        for (const { format, tens } of list) {
          archive.append("a", format, toneIn(format, ms, tens * 10), true);
          ms += tens * 10;
          if (!restores) continue;
          const kept = structuredClone(archive.snapshot());
          archive = new AudioArchive(64 * 32_768);
          archive.restore(kept);
        }
        const kept = archive.read("a");
        if (!kept) return expect.unreachable();
        expect(kept.format).toEqual(list[0]?.format);
        expect(durationMs(kept.format, kept.bytes.byteLength)).toBeCloseTo(ms, 6);
        // Reading takes nothing away.
        expect(archive.read("a")).toEqual(kept);
        expect(archive.whole("a", ms)).toEqual(kept);
        const samples = createDecoder(kept.format).decode(kept.bytes);
        if (ms >= 200)
          expect(Math.abs(pitchHz(samples, sampleRateHz(kept.format)) - 440)).toBeLessThan(440 * 0.02);
        return undefined;
      }),
      { numRuns: 25 },
    );
  });
});

/** The content of the caller's item, or of the agent's, as `retrieve` shows it. */
function retrieved(call: Call, itemId: unknown) {
  call.client({ type: "conversation.item.retrieve", item_id: String(itemId) });
  const { content } = call.last("conversation.item.retrieved")["item"] as { content: { audio?: string }[] };
  return content[0];
}

describe("an item is retrieved", () => {
  test("[I40] without audio when its beginning is no longer kept, and with it when all is", () => {
    const call = new Call({ limits: { archiveBytes: 5 * 32_768, wordlessBytes: 5 * 32_768 } });
    call.speak(concat(silence(600), voice(1200), silence(900)));
    const short = call.last("input_audio_buffer.committed")["item_id"];
    expect(Uint8Array.fromBase64(retrieved(call, short)?.audio ?? "").length).toBeGreaterThan(48 * 1200);
    call.answer(voice(200));
    call.speak(concat(voice(5000), silence(900)));
    const long = call.last("input_audio_buffer.committed")["item_id"];
    expect(long).not.toBe(short);
    expect(retrieved(call, long)).toMatchObject({ type: "input_audio" });
    expect(retrieved(call, long)).not.toHaveProperty("audio");
    call.hibernate();
    expect(retrieved(call, long)).not.toHaveProperty("audio");
  });

  test("[I40] without audio when the history did not hold all of what was committed", () => {
    const call = new Call({ limits: { inputHistoryMs: 3000 }, session: { type: "realtime" } });
    const audio = { input: { turn_detection: null } };
    call.client({ type: "session.update", session: { type: "realtime", audio } });
    call.speak(voice(2000));
    call.client({ type: "input_audio_buffer.commit" });
    const whole = call.last("input_audio_buffer.committed")["item_id"];
    expect(Uint8Array.fromBase64(retrieved(call, whole)?.audio ?? "").length).toBe(48 * 2000);
    const detecting = { input: { turn_detection: { type: "server_vad" } } };
    call.client({ type: "session.update", session: { type: "realtime", audio: detecting } });
    call.speak(silence(8000));
    call.client({ type: "input_audio_buffer.commit" });
    const part = call.last("input_audio_buffer.committed")["item_id"];
    expect(part).not.toBe(whole);
    expect(retrieved(call, part)).not.toHaveProperty("audio");
  });

  test("[I40] of an answer that was cut, with what was heard of it", () => {
    const call = new Call();
    call.client({ type: "response.create" });
    call.answer(voice(2000));
    const { id } = call.last("response.output_item.added")["item"] as { id: string };
    call.client({ type: "conversation.item.truncate", item_id: id, content_index: 0, audio_end_ms: 700 });
    expect(Uint8Array.fromBase64(retrieved(call, id)?.audio ?? "").length).toBe(48 * 700);
  });
});
