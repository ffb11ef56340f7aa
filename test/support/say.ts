/** Caller speech for tests, made by flite: the same text gives the same samples, so hashes may be compared. */
import { synthesise, type FliteVoice } from "../../demo/flite.ts";
import { seededRandom } from "../../demo/ids.ts";
import { resample } from "../../demo/resample.ts";

export interface SayOptions {
  /** Default 24 000. */
  readonly rateHz?: number;
  /** Default `rms`, a voice the demo does not use for itself unless asked. */
  readonly voice?: FliteVoice;
}

const spoken = new Map<string, Int16Array>();

/** `text` as mono s16 samples. A copy: callers may write to it. About 50 ms the first time, cached then. */
export async function say(text: string, options: SayOptions = {}): Promise<Int16Array<ArrayBuffer>> {
  const { rateHz = 24_000, voice = "rms" } = options;
  const key = `${voice}|${rateHz}|${text}`;
  let samples = spoken.get(key);
  if (samples === undefined) {
    const speech = synthesise(text, voice);
    samples = resample(speech.samples, speech.rateHz, rateHz);
    spoken.set(key, samples);
  }
  return new Int16Array(samples);
}

/** `samples` of white noise from `seed`, uniform in ±`amplitude`. */
export function noise(seed: number, samples: number, amplitude = 3_000): Int16Array<ArrayBuffer> {
  const random = seededRandom(seed);
  return Int16Array.from({ length: samples }, () => Math.round((2 * random() - 1) * amplitude));
}

/** Digital silence. */
export function silence(ms: number, rateHz = 24_000): Int16Array<ArrayBuffer> {
  return new Int16Array(Math.round((ms * rateHz) / 1000));
}

/** One after the other. */
export function joined(...parts: readonly Int16Array[]): Int16Array<ArrayBuffer> {
  const whole = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
