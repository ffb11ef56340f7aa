/**
 * WAV files in and out, and an offline conversion of sample rates. Reads PCM of 8 to 32 bits, IEEE float, mu-law and
 * A-law, any number of channels (mixed to mono), RIFF and WAVE_FORMAT_EXTENSIBLE, any rate from 1 to 384 kHz.
 */

export interface Sound {
  readonly sampleRateHz: number;
  /** Mono, in [-1, 1]. */
  readonly samples: Float32Array;
}

export class WavError extends Error {
  override readonly name = "WavError";
}

interface Layout {
  readonly encoding: "pcm" | "float" | "alaw" | "ulaw";
  readonly channels: number;
  readonly sampleRateHz: number;
  readonly bits: number;
}

/** @throws WavError naming what is wrong with the file. */
export function readWav(file: Uint8Array): Sound {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.byteLength < 12 || tag(view, 0) !== "RIFF" || tag(view, 8) !== "WAVE") {
    throw new WavError("not a WAV file: it does not begin with RIFF … WAVE");
  }
  let layout: Layout | null = null;
  for (let at = 12; at + 8 <= file.byteLength;) {
    const name = tag(view, at);
    const length = view.getUint32(at + 4, true);
    const start = at + 8;
    if (name === "fmt ") layout = readLayout(view, start, Math.min(length, file.byteLength - start));
    if (name === "data") {
      if (layout === null) throw new WavError("the data chunk comes before the fmt chunk");
      // Writers to a pipe leave 0 or 0xFFFFFFFF as length: what is there counts.
      const known = length === 0 || length === 0xff_ff_ff_ff ? Number.POSITIVE_INFINITY : length;
      return decode(view, start, Math.min(known, file.byteLength - start), layout);
    }
    at = start + length + (length % 2);
  }
  throw new WavError(layout === null ? "it has no fmt chunk" : "it has no data chunk");
}

function tag(view: DataView, at: number): string {
  return String.fromCharCode(
    view.getUint8(at),
    view.getUint8(at + 1),
    view.getUint8(at + 2),
    view.getUint8(at + 3),
  );
}

function readLayout(view: DataView, at: number, length: number): Layout {
  if (length < 16) throw new WavError("its fmt chunk is shorter than 16 bytes");
  const declared = view.getUint16(at, true);
  // WAVE_FORMAT_EXTENSIBLE keeps the real format in the first two bytes of its GUID.
  const format = declared === 0xff_fe && length >= 26 ? view.getUint16(at + 24, true) : declared;
  const channels = view.getUint16(at + 2, true);
  const sampleRateHz = view.getUint32(at + 4, true);
  const bits = view.getUint16(at + 14, true);
  if (channels === 0) throw new WavError("it has no channels");
  if (sampleRateHz < 1000 || sampleRateHz > 384_000)
    throw new WavError(`its rate of ${sampleRateHz} Hz is not supported`);
  const encoding = encodingOf(format, bits);
  if (encoding === null) throw new WavError(`its format ${format} with ${bits} bits is not supported`);
  return { encoding, channels, sampleRateHz, bits };
}

function encodingOf(format: number, bits: number): Layout["encoding"] | null {
  if (format === 1 && [8, 16, 24, 32].includes(bits)) return "pcm";
  if (format === 3 && (bits === 32 || bits === 64)) return "float";
  if (format === 6 && bits === 8) return "alaw";
  if (format === 7 && bits === 8) return "ulaw";
  return null;
}

function decode(view: DataView, start: number, length: number, layout: Layout): Sound {
  const bytes = layout.bits / 8;
  const frames = Math.floor(length / (bytes * layout.channels));
  const samples = new Float32Array(frames);
  const read = sampleReader(view, layout);
  let at = start;
  for (let frame = 0; frame < frames; frame++) {
    let sum = 0;
    for (let channel = 0; channel < layout.channels; channel++, at += bytes) sum += read(at);
    samples[frame] = sum / layout.channels;
  }
  return { sampleRateHz: layout.sampleRateHz, samples };
}

function sampleReader(view: DataView, { encoding, bits }: Layout): (at: number) => number {
  if (encoding === "alaw") return (at) => fromALaw(view.getUint8(at)) / 32_768;
  if (encoding === "ulaw") return (at) => fromMuLaw(view.getUint8(at)) / 32_768;
  if (encoding === "float") {
    return bits === 32 ? (at) => view.getFloat32(at, true) : (at) => view.getFloat64(at, true);
  }
  if (bits === 8) return (at) => (view.getUint8(at) - 128) / 128;
  if (bits === 16) return (at) => view.getInt16(at, true) / 32_768;
  if (bits === 24) return (at) => (view.getUint16(at, true) / 256 + view.getInt8(at + 2) * 256) / 32_768;
  return (at) => view.getInt32(at, true) / 2_147_483_648;
}

/** ITU-T G.711, to the 16-bit scale. */
function fromMuLaw(code: number): number {
  const value = ~code & 0xff;
  const magnitude = ((((value & 15) << 3) + 132) << ((value >> 4) & 7)) - 132;
  return (value & 128) === 0 ? magnitude : -magnitude;
}

function fromALaw(code: number): number {
  const value = code ^ 0x55;
  const exponent = (value >> 4) & 7;
  const mantissa = (value & 15) << 4;
  const magnitude = exponent === 0 ? mantissa + 8 : (mantissa + 264) << (exponent - 1);
  return (value & 128) === 0 ? -magnitude : magnitude;
}

/** A mono 16-bit file. */
export function writeWav(samples: Int16Array, sampleRateHz: number): Uint8Array {
  const file = new Uint8Array(44 + samples.length * 2);
  const view = new DataView(file.buffer);
  const text = (at: number, value: string): void => file.set(new TextEncoder().encode(value), at);
  text(0, "RIFF");
  view.setUint32(4, file.byteLength - 8, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, sampleRateHz, true);
  view.setUint32(28, sampleRateHz * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, samples.length * 2, true);
  for (let i = 0; i < samples.length; i++) view.setInt16(44 + i * 2, samples[i] ?? 0, true);
  return file;
}

/** Rounded and saturated. */
export function toInt16(samples: Float32Array): Int16Array {
  const out = new Int16Array(samples.length);
  for (let i = 0; i < samples.length; i++) {
    out[i] = Math.max(-32_768, Math.min(32_767, Math.round((samples[i] ?? 0) * 32_768)));
  }
  return out;
}

/** Zero crossings of the sinc on either side: about 80 dB of rejection with the Kaiser window below. */
const CROSSINGS = 32;
const KAISER_BETA = 8;

/**
 * Whole-file conversion between any two rates by a Kaiser-windowed sinc, cut off at 0.95 of the lower Nyquist
 * frequency. The result has `round(length * to / from)` samples, in step with the source.
 */
export function resample(sound: Sound, toHz: number): Float32Array {
  const { samples, sampleRateHz: fromHz } = sound;
  if (fromHz === toHz) return samples;
  const divisor = greatestCommonDivisor(fromHz, toHz);
  const phases = toHz / divisor;
  const step = fromHz / divisor;
  const cutoff = 0.95 * Math.min(1, toHz / fromHz);
  const half = Math.ceil(CROSSINGS / cutoff);
  const filters = new Map<number, Float64Array>();
  const out = new Float32Array(Math.round((samples.length * toHz) / fromHz));
  for (let n = 0; n < out.length; n++) {
    const center = Math.floor((n * step) / phases);
    const phase = (n * step) % phases;
    let filter = filters.get(phase);
    if (filter === undefined) filters.set(phase, (filter = sincFilter(phase / phases, half, cutoff)));
    let sum = 0;
    for (let k = 0; k < filter.length; k++) sum += (filter[k] ?? 0) * (samples[center - half + 1 + k] ?? 0);
    out[n] = sum;
  }
  return out;
}

/** Weights of the samples from `half - 1` before to `half` after, for a point `fraction` behind the middle one. */
function sincFilter(fraction: number, half: number, cutoff: number): Float64Array {
  const filter = new Float64Array(2 * half);
  let gain = 0;
  for (let k = 0; k < filter.length; k++) {
    const x = k - half + 1 - fraction;
    const window = bessel0(KAISER_BETA * Math.sqrt(Math.max(0, 1 - (x / half) ** 2))) / bessel0(KAISER_BETA);
    const angle = Math.PI * x * cutoff;
    filter[k] = (angle === 0 ? 1 : Math.sin(angle) / angle) * window;
    gain += filter[k] ?? 0;
  }
  return filter.map((weight) => weight / gain);
}

/** Modified Bessel function of order zero, by its series. */
function bessel0(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-12; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
