import { describe, expect, it } from "vitest";
import { readWav, resample, toInt16, WavError, writeWav } from "../../tools/wav.ts";

/** A WAV file of `frames`, written by `put(view, at, value)` for each sample of each channel. */
function wav(
  format: number,
  bits: number,
  channels: number,
  values: number[],
  extensible = false,
): Uint8Array {
  const bytes = bits / 8;
  const fmt = extensible ? 40 : 16;
  const file = new Uint8Array(28 + fmt + values.length * bytes);
  const view = new DataView(file.buffer);
  const text = (at: number, value: string): void => file.set(new TextEncoder().encode(value), at);
  text(0, "RIFF");
  text(8, "WAVEfmt ");
  view.setUint32(16, fmt, true);
  view.setUint16(20, extensible ? 0xfffe : format, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, 16_000, true);
  view.setUint16(34, bits, true);
  if (extensible) view.setUint16(44, format, true);
  const data = 20 + fmt;
  text(data, "data");
  view.setUint32(data + 4, values.length * bytes, true);
  values.forEach((value, i) => {
    const at = data + 8 + i * bytes;
    if (format === 3) {
      if (bits === 32) view.setFloat32(at, value, true);
      else view.setFloat64(at, value, true);
    } else if (bits === 8) view.setUint8(at, value);
    else if (bits === 16) view.setInt16(at, value, true);
    else if (bits === 32) view.setInt32(at, value, true);
    else {
      view.setUint16(at, value & 0xffff, true);
      view.setInt8(at + 2, value >> 16);
    }
  });
  return file;
}

const read = (file: Uint8Array): number[] => Array.from(readWav(file).samples);

describe("reading WAV files", () => {
  it("[T1] reads integer PCM of 8, 16, 24 and 32 bits", () => {
    expect(read(wav(1, 8, 1, [128, 192, 0]))).toEqual([0, 0.5, -1]);
    expect(read(wav(1, 16, 1, [0, 16_384, -32_768]))).toEqual([0, 0.5, -1]);
    expect(read(wav(1, 24, 1, [0, 0x40_00_00, -0x80_00_00, -1]))).toEqual([0, 0.5, -1, -(2 ** -23)]);
    expect(read(wav(1, 32, 1, [0, 2 ** 30, -(2 ** 31)]))).toEqual([0, 0.5, -1]);
  });

  it("[T1] reads float and G.711", () => {
    expect(read(wav(3, 32, 1, [0.25, -1]))).toEqual([0.25, -1]);
    expect(read(wav(3, 64, 1, [0.25, -1]))).toEqual([0.25, -1]);
    // ITU-T G.711: 0xFF and 0x7F are zero in mu-law, 0x80 the largest value; 0xD5 is the smallest in A-law.
    expect(read(wav(7, 8, 1, [0xff, 0x80, 0x00])).map((x) => x * 32_768)).toEqual([0, 32_124, -32_124]);
    expect(read(wav(6, 8, 1, [0xd5, 0xaa, 0x2a])).map((x) => x * 32_768)).toEqual([8, 32_256, -32_256]);
  });

  it("[T1] mixes channels to mono and understands WAVE_FORMAT_EXTENSIBLE", () => {
    expect(read(wav(1, 16, 2, [16_384, 0, -16_384, 16_384]))).toEqual([0.25, 0]);
    expect(read(wav(3, 32, 1, [0.5], true))).toEqual([0.5]);
  });

  it("[T1] takes what is there when a pipe left the length open, or the file was cut", () => {
    const open = wav(1, 16, 1, [16_384, 16_384]);
    new DataView(open.buffer).setUint32(40, 0xffffffff, true);
    expect(read(open)).toEqual([0.5, 0.5]);
    expect(read(wav(1, 16, 1, [16_384, 16_384]).subarray(0, 47))).toEqual([0.5]);
  });

  it("[T1] says what is wrong with a file", () => {
    expect(() => readWav(new Uint8Array(3))).toThrow(WavError);
    expect(() => readWav(new TextEncoder().encode("RIFFxxxxWAVEdata\0\0\0\0"))).toThrow(
      /data chunk comes before/,
    );
    expect(() => readWav(new TextEncoder().encode("RIFFxxxxWAVE"))).toThrow(/no fmt chunk/);
    expect(() => readWav(wav(85, 16, 1, []))).toThrow(/format 85 with 16 bits/);
    expect(() => readWav(wav(1, 16, 0, []))).toThrow(/no channels/);
  });

  it("reads back what it writes", () => {
    const samples = new Int16Array([0, 1, -1, 32_767, -32_768]);
    const sound = readWav(writeWav(samples, 24_000));
    expect(sound.sampleRateHz).toBe(24_000);
    expect(toInt16(sound.samples)).toEqual(samples);
  });
});

describe("converting rates", () => {
  it.each([
    [8000, 24_000],
    [11_025, 24_000],
    [44_100, 24_000],
    [48_000, 24_000],
  ])("keeps a 1 kHz tone from %i to %i Hz in level, length and step", (from, to) => {
    const tone = Float32Array.from({ length: from }, (_, i) => Math.sin((2 * Math.PI * 1000 * i) / from));
    const out = resample({ sampleRateHz: from, samples: tone }, to);
    expect(out.length).toBe(to);
    let worst = 0;
    for (let i = 2000; i < to - 2000; i++) {
      worst = Math.max(worst, Math.abs((out[i] ?? 0) - Math.sin((2 * Math.PI * 1000 * i) / to)));
    }
    expect(worst).toBeLessThan(0.001);
  });

  it("removes what the lower rate cannot carry", () => {
    const tone = Float32Array.from({ length: 48_000 }, (_, i) =>
      Math.sin((2 * Math.PI * 14_000 * i) / 48_000),
    );
    const out = resample({ sampleRateHz: 48_000, samples: tone }, 24_000);
    const peak = out.subarray(1000, 23_000).reduce((max, x) => Math.max(max, Math.abs(x)), 0);
    expect(20 * Math.log10(peak)).toBeLessThan(-60);
  });
});
