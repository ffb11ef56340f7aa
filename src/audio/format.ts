/**
 * Audio formats of every wire in this project. Always mono; PCM is signed 16-bit little-endian.
 * Names are those of the OpenAI Realtime GA session object (`audio.input.format`).
 */
export type PcmRateHz = 8000 | 16000 | 24000 | 48000;

export type AudioFormat =
  | { readonly type: "audio/pcm"; readonly rate: PcmRateHz }
  | { readonly type: "audio/pcmu" }
  | { readonly type: "audio/pcma" };

export const PCM_RATES_HZ: readonly PcmRateHz[] = [8000, 16000, 24000, 48000];

/** OpenAI's default on both directions. */
export const PCM_24K: AudioFormat = { type: "audio/pcm", rate: 24000 };

/** Sample rate in hertz: 8 000 for G.711 (RFC 3551 §4.5.14), else the declared rate. */
export function sampleRateHz(format: AudioFormat): PcmRateHz {
  return format.type === "audio/pcm" ? format.rate : 8000;
}

/** Bytes one sample takes on the wire: 2 for PCM16, 1 for G.711. */
export function bytesPerSample(format: AudioFormat): 1 | 2 {
  return format.type === "audio/pcm" ? 2 : 1;
}

/** A key that is equal exactly for equal formats: one encoding serves every upstream with the same key. */
export function formatKey(format: AudioFormat): string {
  return format.type === "audio/pcm" ? `pcm${format.rate}` : format.type;
}

/** Milliseconds that `byteLength` bytes of this format last. */
export function durationMs(format: AudioFormat, byteLength: number): number {
  return (byteLength / bytesPerSample(format) / sampleRateHz(format)) * 1000;
}
