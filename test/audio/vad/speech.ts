/** Speech for the detector's tests: the demo voice between pauses, over faint seeded noise. 16 kHz. */
import { synthesise, type FliteVoice } from "../../../demo/flite.ts";
import type { SpeechDetector } from "../../../src/audio/vad/detector.ts";
import { join, noise } from "../samples.ts";

export interface Labelled {
  readonly pcm: Int16Array;
  /** Sample ranges of the utterances. */
  readonly speech: readonly (readonly [from: number, to: number])[];
}

const SENTENCES = ["Good morning, I would like to change my booking.", "No, on Thursday.", "Yes, please."];
const PAUSE = 16000;

/** Three utterances with a second of pause around each. */
export function conversation(voice: FliteVoice = "slt"): Labelled {
  const parts: Int16Array[] = [new Int16Array(PAUSE)];
  const speech: [number, number][] = [];
  let at = PAUSE;
  for (const sentence of SENTENCES) {
    const samples = trimmed(synthesise(sentence, voice).samples);
    speech.push([at, at + samples.length]);
    parts.push(samples, new Int16Array(PAUSE));
    at += samples.length + PAUSE;
  }
  const clean = join(parts);
  const hiss = noise(clean.length, 30, 5);
  return { pcm: clean.map((sample, i) => sample + (hiss[i] ?? 0)), speech };
}

/** Without the faint beginning and end that the synthesiser adds. */
function trimmed(samples: Int16Array): Int16Array {
  const audible = (sample: number): boolean => Math.abs(sample) > 600;
  return samples.subarray(samples.findIndex(audible), samples.findLastIndex(audible) + 1);
}

/** Every sample times `gain`, plus `offset`, limited as a converter would. */
export function scaled(pcm: Int16Array, gain: number, offset = 0): Int16Array {
  return pcm.map((sample) => Math.max(-32768, Math.min(32767, Math.round(sample * gain + offset))));
}

export function probabilities(detector: SpeechDetector, pcm: Int16Array): number[] {
  const found: number[] = [];
  detector.push(pcm, (probability) => found.push(probability));
  return found;
}

/** For each utterance: was there a hop at or above the detector's start threshold in it, before its last tenth? */
export function heard(detector: SpeechDetector, { pcm, speech }: Labelled): boolean[] {
  const found = probabilities(detector, pcm);
  const hop = detector.hopSamples;
  return speech.map(([from, to]) => {
    const end = from + (to - from) * 0.9;
    return found
      .slice(Math.floor(from / hop), Math.floor(end / hop))
      .some((p) => p >= detector.thresholds.start);
  });
}
