/**
 * ITU-T G.711 by tables, built with the rules of the ITU's own reference software (G.191 STL, `g711.c`): mu-law
 * reads the upper 14 bits of a sample and A-law the upper 12, and the magnitude of a negative sample is its one's
 * complement.
 */

const MULAW_BIAS = 33;
const MULAW_MAXIMUM = 0x1fff;

function encodeMulawSample(sample: number): number {
  const magnitude = Math.min((sample < 0 ? ~sample >> 2 : sample >> 2) + MULAW_BIAS, MULAW_MAXIMUM);
  const segment = 31 - Math.clz32(magnitude) - 5;
  const code = (segment << 4) | ((magnitude >> (segment + 1)) & 0x0f);
  return (sample < 0 ? 0x7f : 0xff) - code;
}

function decodeMulawSample(byte: number): number {
  const code = ~byte & 0x7f;
  const segment = code >> 4;
  const magnitude = ((((code & 0x0f) << 1) + MULAW_BIAS) << segment) - MULAW_BIAS;
  return (byte & 0x80 ? magnitude : -magnitude) << 2;
}

function encodeAlawSample(sample: number): number {
  const magnitude = sample < 0 ? ~sample >> 4 : sample >> 4;
  // Below 32 the two lowest segments are one straight line; above, each segment doubles the step.
  const shift = magnitude < 32 ? 0 : 31 - Math.clz32(magnitude) - 4;
  const code = magnitude < 32 ? magnitude : ((shift + 1) << 4) | ((magnitude >> shift) & 0x0f);
  return (sample < 0 ? code : code | 0x80) ^ 0x55;
}

function decodeAlawSample(byte: number): number {
  const code = (byte ^ 0x55) & 0x7f;
  const segment = code >> 4;
  const step = ((code & 0x0f) << 4) + 8;
  const magnitude = segment === 0 ? step : (step + 0x100) << (segment - 1);
  return byte & 0x80 ? magnitude : -magnitude;
}

const MULAW_DECODED = Int16Array.from({ length: 256 }, (_, byte) => decodeMulawSample(byte));
const ALAW_DECODED = Int16Array.from({ length: 256 }, (_, byte) => decodeAlawSample(byte));
const MULAW_ENCODED = Uint8Array.from({ length: 1 << 14 }, (_, index) =>
  encodeMulawSample((index - (1 << 13)) << 2),
);
const ALAW_ENCODED = Uint8Array.from({ length: 1 << 12 }, (_, index) =>
  encodeAlawSample((index - (1 << 11)) << 4),
);

/** Writes one sample per byte into `out`, which must be at least as long as `bytes`. */
export function decodeMulaw(bytes: Uint8Array, out: Int16Array): void {
  for (let i = 0; i < bytes.length; i++) out[i] = MULAW_DECODED[bytes[i] ?? 0] ?? 0;
}

/** Writes one sample per byte into `out`, which must be at least as long as `bytes`. */
export function decodeAlaw(bytes: Uint8Array, out: Int16Array): void {
  for (let i = 0; i < bytes.length; i++) out[i] = ALAW_DECODED[bytes[i] ?? 0] ?? 0;
}

/** Writes one byte per sample into `out`, which must be at least as long as `samples`. */
export function encodeMulaw(samples: Int16Array, out: Uint8Array): void {
  for (let i = 0; i < samples.length; i++) out[i] = MULAW_ENCODED[((samples[i] ?? 0) >> 2) + (1 << 13)] ?? 0;
}

/** Writes one byte per sample into `out`, which must be at least as long as `samples`. */
export function encodeAlaw(samples: Int16Array, out: Uint8Array): void {
  for (let i = 0; i < samples.length; i++) out[i] = ALAW_ENCODED[((samples[i] ?? 0) >> 4) + (1 << 11)] ?? 0;
}
