/**
 * Audio formats of every wire in this project. Always mono; PCM is signed 16-bit little-endian.
 * Names are those of the OpenAI Realtime GA session object (`audio.input.format`).
 */
export type PcmRateHz = 8000 | 16000 | 24000 | 48000;

/** What a client may speak and hear, and what an upstream is sent. */
export type AudioFormat =
  | { readonly type: "audio/pcm"; readonly rate: PcmRateHz }
  | { readonly type: "audio/pcmu" }
  | { readonly type: "audio/pcma" };

/** What an upstream may speak: PCM at any rate of which `isRateHz` is true. */
export type ProviderFormat = AudioFormat | { readonly type: "audio/pcm"; readonly rate: number };

export const PCM_RATES_HZ: readonly PcmRateHz[] = [8000, 16000, 24000, 48000];

/** Bounds of the rates that can be resampled, in hertz: a kernel's buffers are made for ratios up to 12. */
export const MIN_RATE_HZ = 8000;
export const MAX_RATE_HZ = 96_000;

/** OpenAI's default on both directions. */
export const PCM_24K: AudioFormat = { type: "audio/pcm", rate: 24000 };

/** A rate that can be resampled: a whole number of hertz from 8 000 to 96 000. */
export function isRateHz(rate: unknown): rate is number {
  return Number.isInteger(rate) && Number(rate) >= MIN_RATE_HZ && Number(rate) <= MAX_RATE_HZ;
}

/** Sample rate in hertz: 8 000 for G.711 (RFC 3551 §4.5.14), else the declared rate. */
export function sampleRateHz(format: AudioFormat): PcmRateHz;
export function sampleRateHz(format: ProviderFormat): number;
export function sampleRateHz(format: ProviderFormat): number {
  return format.type === "audio/pcm" ? format.rate : 8000;
}

/** Bytes one sample takes on the wire: 2 for PCM16, 1 for G.711. */
export function bytesPerSample(format: ProviderFormat): 1 | 2 {
  return format.type === "audio/pcm" ? 2 : 1;
}

/** A key that is equal exactly for equal formats: one encoding serves every upstream with the same key. */
export function formatKey(format: ProviderFormat): string {
  return format.type === "audio/pcm" ? `pcm${format.rate}` : format.type;
}

/** Milliseconds that `byteLength` bytes of this format last; a fraction where the rate asks for one. */
export function durationMs(format: ProviderFormat, byteLength: number): number {
  return (byteLength / bytesPerSample(format) / sampleRateHz(format)) * 1000;
}
