/** Scores of one detector over a corpus. */
import type { Candidate } from "./detectors.ts";
import type { Recording } from "./corpus.ts";
import { addScores, decide, FrameScores, quantile, scoreEvents, type EventScores } from "./score.ts";

export interface Quality {
  readonly detector: string;
  readonly threshold: number;
  readonly auc: number;
  readonly f1: number;
  /** Prompts and digits as they are and at 10 dB and more over noise. */
  readonly recall: number;
  readonly false_per_min: number;
  readonly onset_p50_ms: number;
  readonly onset_p95_ms: number;
  readonly end_p50_ms: number;
  readonly end_p95_ms: number;
  /** The same at 5 and 0 dB. */
  readonly low_recall: number;
  readonly low_false_per_min: number;
}

export interface Curves {
  readonly roc: readonly (readonly [number, number])[];
  /** Share of onsets found by so many milliseconds after they began. */
  readonly latency: readonly (readonly [number, number])[];
}

export interface Scored {
  readonly scores: Quality;
  readonly curves: Curves;
}

/** `change` is applied to every recording's samples first. */
export async function quality(
  candidate: Candidate,
  corpus: readonly Recording[],
  change: (pcm: Int16Array) => Int16Array = (pcm) => pcm,
): Promise<Scored> {
  const frames = new FrameScores();
  const clear: EventScores[] = [];
  const noisy: EventScores[] = [];
  for (const { pcm, segments, durationS, kind, snr } of corpus) {
    const heard = await candidate.track(change(pcm));
    frames.add(heard.frames, segments, durationS);
    // The meetings are labelled by utterance, too coarsely for onsets.
    if (kind === "ami") continue;
    const scores = scoreEvents(decide(heard.hops, candidate.rule), segments, durationS);
    (snr === null || snr >= 10 ? clear : noisy).push(scores);
  }
  const high = addScores(clear);
  const low = addScores(noisy);
  return {
    scores: {
      detector: candidate.name,
      threshold: candidate.rule.start,
      auc: frames.auc(),
      f1: frames.f1(0.5),
      recall: high.found / high.onsets,
      false_per_min: high.falseStarts / high.minutes,
      onset_p50_ms: quantile(high.onsetMs, 0.5),
      onset_p95_ms: quantile(high.onsetMs, 0.95),
      end_p50_ms: quantile(high.endMs, 0.5),
      end_p95_ms: quantile(high.endMs, 0.95),
      low_recall: low.found / low.onsets,
      low_false_per_min: low.falseStarts / low.minutes,
    },
    curves: { roc: thinned(frames.roc()), latency: latencyCurve(high) },
  };
}

function latencyCurve({ onsetMs, onsets }: EventScores): [number, number][] {
  return Array.from({ length: 51 }, (_, i) => {
    const ms = i * 10;
    return [ms, onsetMs.filter((value) => value <= ms).length / onsets];
  });
}

/** At most some 200 points, evenly along the false-positive rate. */
function thinned(points: readonly [number, number][]): [number, number][] {
  let last = -1;
  return points.filter(([x], i) => {
    if (i < points.length - 1 && x - last < 0.005) return false;
    last = x;
    return true;
  });
}
