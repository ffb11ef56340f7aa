/**
 * Wire bytes to samples and back, for the three formats of the dialect: PCM16 little-endian at 24 kHz and G.711
 * (ITU-T G.711) at 8 kHz. Written apart from the relay's codecs: a provider does not share code with its caller.
 */
export type WireFormat =
  | { readonly type: "audio/pcm"; readonly rate: 24_000 }
  | { readonly type: "audio/pcmu" }
  | { readonly type: "audio/pcma" };

export const PCM_24K: WireFormat = { type: "audio/pcm", rate: 24_000 };

export function rateHz(format: WireFormat): 24_000 | 8_000 {
  return format.type === "audio/pcm" ? 24_000 : 8_000;
}

export function bytesPerSample(format: WireFormat): 1 | 2 {
  return format.type === "audio/pcm" ? 2 : 1;
}

export function encode(samples: Int16Array, format: WireFormat): Uint8Array {
  if (format.type === "audio/pcm") {
    const bytes = new Uint8Array(samples.length * 2);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < samples.length; i += 1) view.setInt16(2 * i, samples[i] ?? 0, true);
    return bytes;
  }
  const compress = format.type === "audio/pcmu" ? linearToMu : linearToA;
  return Uint8Array.from(samples, compress);
}

/** A trailing half sample of PCM is ignored. */
export function decode(bytes: Uint8Array, format: WireFormat): Int16Array {
  if (format.type === "audio/pcm") {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const samples = new Int16Array(bytes.byteLength >> 1);
    for (let i = 0; i < samples.length; i += 1) samples[i] = view.getInt16(2 * i, true);
    return samples;
  }
  const expand = format.type === "audio/pcmu" ? muToLinear : aToLinear;
  return Int16Array.from(bytes, expand);
}

const MU_BIAS = 0x84;
const MU_CLIP = 32_635;

function linearToMu(sample: number): number {
  const sign = sample < 0 ? 0x80 : 0;
  const biased = Math.min(Math.abs(sample), MU_CLIP) + MU_BIAS;
  const exponent = 31 - Math.clz32(biased) - 7;
  const mantissa = (biased >> (exponent + 3)) & 0x0f;
  return ~(sign | (exponent << 4) | mantissa) & 0xff;
}

function muToLinear(byte: number): number {
  const code = ~byte & 0xff;
  const magnitude = ((((code & 0x0f) << 3) + MU_BIAS) << ((code >> 4) & 7)) - MU_BIAS;
  return (code & 0x80) === 0 ? magnitude : -magnitude;
}

function linearToA(sample: number): number {
  const sign = sample >= 0 ? 0x80 : 0;
  // One's complement for negatives, as in the ITU reference: -1 and 0 are mirror images.
  const magnitude = Math.min((sample >= 0 ? sample : ~sample) >> 3, 0xfff);
  const exponent = magnitude < 32 ? 0 : 31 - Math.clz32(magnitude) - 4;
  const mantissa = exponent === 0 ? magnitude >> 1 : magnitude >> exponent;
  return (sign | (exponent << 4) | (mantissa & 0x0f)) ^ 0x55;
}

function aToLinear(byte: number): number {
  const code = byte ^ 0x55;
  const exponent = (code >> 4) & 7;
  const mantissa = code & 0x0f;
  const magnitude = exponent === 0 ? (mantissa << 4) + 8 : ((mantissa << 4) + 0x108) << (exponent - 1);
  return (code & 0x80) === 0 ? -magnitude : magnitude;
}
