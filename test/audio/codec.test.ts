import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createDecoder, encode } from "../../src/audio/codec.ts";
import {
  bytesPerSample,
  durationMs,
  formatKey,
  sampleRateHz,
  type AudioFormat,
} from "../../src/audio/format.ts";
import { bytesOf, samplesOf } from "../../src/audio/pcm.ts";
import { cuts, join, pieces, samples } from "./samples.ts";

const PCM: AudioFormat = { type: "audio/pcm", rate: 16000 };
const MULAW: AudioFormat = { type: "audio/pcmu" };
const ALAW: AudioFormat = { type: "audio/pcma" };
const ALL_CODES = Uint8Array.from({ length: 256 }, (_, code) => code);
const EVERY_SAMPLE = Int16Array.from({ length: 65536 }, (_, n) => n - 32768);

function decodeAll(format: AudioFormat): Int16Array {
  return createDecoder(format).decode(ALL_CODES).slice();
}

// First and last decoder output of each segment, G.711 (11/88) table 2a, as 14-bit values of positive codes.
const MULAW_TABLE: readonly [number, number][] = [
  ...([
    [0x80, 8031],
    [0x8f, 4191],
    [0x90, 3999],
    [0x9f, 2079],
    [0xa0, 1983],
    [0xaf, 1023],
  ] as [number, number][]),
  ...([
    [0xb0, 975],
    [0xbf, 495],
    [0xc0, 471],
    [0xcf, 231],
    [0xd0, 219],
    [0xdf, 99],
  ] as [number, number][]),
  ...([
    [0xe0, 93],
    [0xef, 33],
    [0xf0, 30],
    [0xfe, 2],
    [0xff, 0],
  ] as [number, number][]),
];
// Table 1a, as 13-bit values; the codes before even bits are inverted.
const ALAW_TABLE: readonly [number, number][] = [
  ...([
    [0xff, 4032],
    [0xf0, 2112],
    [0xef, 2016],
    [0xe0, 1056],
    [0xdf, 1008],
    [0xd0, 528],
  ] as [number, number][]),
  ...([
    [0xcf, 504],
    [0xc0, 264],
    [0xbf, 252],
    [0xb0, 132],
    [0xaf, 126],
    [0xa0, 66],
  ] as [number, number][]),
  ...([
    [0x9f, 63],
    [0x90, 33],
    [0x8f, 31],
    [0x80, 1],
  ] as [number, number][]),
];

describe("[A1] G.711 is the ITU's, code by code", () => {
  test.each(MULAW_TABLE)("[A1] mu-law code %i decodes to ±%i in 14 bits", (code, value) => {
    const decoded = decodeAll(MULAW);
    expect(decoded[code]).toBe(value * 4);
    expect(Math.abs(decoded[code & 0x7f] ?? NaN)).toBe(value * 4);
  });

  test.each(ALAW_TABLE)("[A1] A-law code %i decodes to ±%i in 13 bits", (code, value) => {
    const decoded = decodeAll(ALAW);
    expect(decoded[code ^ 0x55]).toBe(value * 8);
    expect(decoded[(code & 0x7f) ^ 0x55]).toBe(-value * 8);
  });

  test.each([MULAW, ALAW])("[A1] $type: what was decoded encodes to the same code", (format) => {
    const codes = encode(format, decodeAll(format));
    // Mu-law has two zeros; the encoder has one.
    const expected = format === MULAW ? ALL_CODES.map((code) => (code === 0x7f ? 0xff : code)) : ALL_CODES;
    expect(codes).toEqual(expected);
  });

  // Half a quantising interval: tables 1a and 2a, decision values. Above 32635 mu-law clips.
  test.each([
    ["mu-law", MULAW, (code: number) => 4 << ((~code >> 4) & 7)],
    ["A-law", ALAW, (code: number) => 8 << Math.max((((code ^ 0x55) >> 4) & 7) - 1, 0)],
  ] as const)("[A1] %s is never farther off than half its interval", (_, format, halfInterval) => {
    const codes = encode(format, EVERY_SAMPLE);
    const decoded = createDecoder(format).decode(codes);
    const wrong = EVERY_SAMPLE.filter((sample, index) => {
      const clipped = Math.max(-32635, Math.min(32635, sample));
      const error = Math.abs((decoded[index] ?? NaN) - (format === MULAW ? clipped : sample));
      return !(error <= halfInterval(codes[index] ?? 0));
    });
    expect([...wrong]).toEqual([]);
  });

  test("[A1] full scale is clipped to the largest value and keeps its sign", () => {
    const extremes = Int16Array.of(32767, -32768, 0, -1, 1);
    expect(encode(MULAW, extremes)).toEqual(Uint8Array.of(0x80, 0x00, 0xff, 0x7f, 0xff));
    expect(encode(ALAW, extremes)).toEqual(Uint8Array.of(0xaa, 0x2a, 0xd5, 0x55, 0xd5));
  });
});

describe("[A2] PCM16 may be cut anywhere", () => {
  test("[A2] an odd byte waits for the next message", () => {
    const decoder = createDecoder(PCM);
    expect([...decoder.decode(Uint8Array.of(0x01))]).toEqual([]);
    expect(decoder.snapshot()).toBe(1);
    expect([...decoder.decode(Uint8Array.of(0x80, 0x02))]).toEqual([-32767]);
    expect([...decoder.decode(new Uint8Array(0))]).toEqual([]);
    expect([...decoder.decode(Uint8Array.of(0x00, 0xff, 0x7f))]).toEqual([2, 32767]);
    expect(decoder.snapshot()).toBe(-1);
  });

  test.each([PCM, MULAW, ALAW])(
    "[A2] $type: neither cuts, offsets nor a move to another decoder matter",
    (format) => {
      fc.assert(
        fc.property(samples(200), cuts(), fc.nat(3), (whole, cut, offset) => {
          const wire = encode(format, whole);
          const expected = createDecoder(format).decode(wire).slice();
          const shifted = new Uint8Array(wire.length + offset).subarray(offset);
          shifted.set(wire);
          const decoded: Int16Array[] = [];
          let carried = -1;
          for (const piece of pieces(shifted, cut(wire.length))) {
            const decoder = createDecoder(format);
            decoder.restore(carried);
            decoded.push(decoder.decode(piece).slice());
            carried = decoder.snapshot();
          }
          expect(join(decoded)).toEqual(expected);
          expect(carried).toBe(-1);
        }),
      );
    },
  );

  test("[A2] a reset forgets the odd byte", () => {
    const decoder = createDecoder(PCM);
    decoder.decode(Uint8Array.of(7));
    decoder.reset();
    expect([...decoder.decode(Uint8Array.of(2, 0))]).toEqual([2]);
  });
});

describe("buffers", () => {
  test("an aligned message is decoded without a copy", () => {
    const bytes = Uint8Array.of(0, 0, 1, 0);
    expect(createDecoder(PCM).decode(bytes.subarray(2)).buffer).toBe(bytes.buffer);
    expect(samplesOf(bytes).buffer).toBe(bytes.buffer);
  });

  test("encode fills the given buffer, and refuses one that is too short", () => {
    const out = new Uint8Array(8);
    expect(encode(PCM, Int16Array.of(1, -1), out)).toEqual(Uint8Array.of(1, 0, 255, 255));
    expect(encode(MULAW, Int16Array.of(0, 0), out).buffer).toBe(out.buffer);
    expect(() => encode(PCM, new Int16Array(5), out)).toThrow("10 bytes of audio/pcm do not fit into 8");
  });

  test("samples of an odd number of bytes are refused; unaligned ones go to the scratch buffer", () => {
    expect(() => samplesOf(new Uint8Array(3))).toThrow(RangeError);
    const scratch = new Int16Array(4);
    const odd = new Uint8Array(5).subarray(1);
    odd.set(bytesOf(Int16Array.of(5, -6)));
    expect(samplesOf(odd, scratch)).toEqual(Int16Array.of(5, -6));
    expect(samplesOf(odd, scratch).buffer).toBe(scratch.buffer);
    expect(samplesOf(odd)).toEqual(Int16Array.of(5, -6));
  });
});

test("[A47] G.711 is 8 000 samples of one byte a second", () => {
  for (const format of [MULAW, ALAW]) {
    expect(sampleRateHz(format)).toBe(8000);
    expect(bytesPerSample(format)).toBe(1);
    expect(durationMs(format, 8000)).toBe(1000);
    // A rate beside it, as some providers write, changes nothing.
    const stated = { ...format, rate: 24_000 };
    expect(sampleRateHz(stated)).toBe(8000);
    expect(durationMs(stated, 160)).toBe(20);
    expect(formatKey(stated)).toBe(formatKey(format));
  }
});
