/** Ways in which audio goes wrong, applied to the corpus. */
import { NO_KERNELS } from "../../src/audio/kernels.ts";
import { createResampler } from "../../src/audio/resampler.ts";
import { clip, type Recording } from "./corpus.ts";
import type { Candidate } from "./detectors.ts";
import { quality } from "./quality.ts";
import { decide } from "./score.ts";

type Change = (pcm: Int16Array) => Int16Array;

function louder(decibels: number): Change {
  const gain = 10 ** (decibels / 20);
  return (pcm) => pcm.map((sample) => clip(sample * gain));
}

/** Through an 8 kHz channel and back, as a telephone call arrives. */
function telephone(pcm: Int16Array): Int16Array {
  const down = createResampler(16000, 8000, NO_KERNELS).process(pcm).slice();
  const up = createResampler(8000, 16000, NO_KERNELS).process(down);
  const out = new Int16Array(pcm.length);
  out.set(up.subarray(0, pcm.length));
  return out;
}

export const CHANGES: Readonly<Record<string, Change>> = {
  "as recorded": (pcm) => pcm,
  "+6 dB": louder(6),
  "-6 dB": louder(-6),
  "-12 dB": louder(-12),
  "-18 dB": louder(-18),
  "-24 dB": louder(-24),
  "DC offset of 10 %": (pcm) => pcm.map((sample) => clip(sample + 3277)),
  "clipped by 20 dB": (pcm) => pcm.map((sample) => clip(Math.max(-3277, Math.min(3277, sample)))),
  "50 Hz hum at -26 dBFS": (pcm) =>
    pcm.map((sample, i) => clip(sample + 2321 * Math.sin((Math.PI * i) / 160))),
  "8 kHz telephone band": telephone,
};

export interface RobustnessRow {
  readonly change: string;
  readonly detector: string;
  readonly auc: number;
  readonly recall: number;
  readonly false_per_min: number;
}

export async function robustness(
  candidates: readonly Candidate[],
  corpus: readonly Recording[],
): Promise<RobustnessRow[]> {
  const rows: RobustnessRow[] = [];
  for (const [change, apply] of Object.entries(CHANGES)) {
    for (const candidate of candidates) {
      const { detector, auc, recall, false_per_min } = (await quality(candidate, corpus, apply)).scores;
      rows.push({ change, detector, auc, recall, false_per_min });
    }
  }
  return rows;
}

export interface StressRow {
  readonly signal: string;
  readonly highest: number;
  readonly false_starts: number;
  readonly not_a_number: number;
}

/** A minute each of what is no speech at all. */
export async function stress(candidate: Candidate): Promise<StressRow[]> {
  const length = 16000 * 60;
  let seed = 1;
  const random = (): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
    return seed / 2 ** 31;
  };
  const signals: Record<string, Int16Array> = {
    "digital silence": new Int16Array(length),
    "one bit of noise": Int16Array.from({ length }, () => Math.round(random())),
    "full-scale white noise": Int16Array.from({ length }, () => clip(random() * 32767)),
    "full-scale 440 Hz square wave": Int16Array.from({ length }, (_, i) =>
      Math.sin((i * 440 * Math.PI) / 8000) < 0 ? -32768 : 32767,
    ),
    "50 Hz hum": Int16Array.from({ length }, (_, i) => Math.round(8000 * Math.sin((Math.PI * i) / 160))),
  };
  const rows: StressRow[] = [];
  for (const [signal, pcm] of Object.entries(signals)) {
    const { hops } = await candidate.track(pcm);
    rows.push({
      signal,
      highest: hops.probabilities.reduce((most, p) => Math.max(most, p), 0),
      false_starts: decide(hops, candidate.rule).starts.length,
      not_a_number: hops.probabilities.filter((p) => !(p >= 0 && p <= 1)).length,
    });
  }
  return rows;
}
