/**
 * Quality of a speech detector against labels. Frames are scored every 10 ms; onsets and ends by the decision rule of
 * docs/vad.md: one hop at or above `start` begins speech, `hangMs` of hops below `stop` end it.
 */

/** Probabilities of one recording: value i was known at `firstMs + i · hopMs` and stands for the hop before it. */
export interface Track {
  readonly hopMs: number;
  readonly probabilities: Float32Array;
}

export type Segment = readonly [startS: number, endS: number];

export interface Rule {
  readonly start: number;
  readonly stop: number;
  readonly hangMs: number;
}

/** Decision times in seconds. */
export interface Decisions {
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

export function decide(track: Track, rule: Rule): Decisions {
  const starts: number[] = [];
  const ends: number[] = [];
  let speaking = false;
  let quietMs = 0;
  track.probabilities.forEach((probability, hop) => {
    const nowS = ((hop + 1) * track.hopMs) / 1000;
    if (!speaking) {
      if (probability < rule.start) return;
      speaking = true;
      quietMs = 0;
      starts.push(nowS);
      return;
    }
    quietMs = probability < rule.stop ? quietMs + track.hopMs : 0;
    if (quietMs < rule.hangMs) return;
    speaking = false;
    ends.push(nowS);
  });
  return { starts, ends };
}

/** Histogram of probabilities by label: AUC and F1 of any number of recordings in constant memory. */
export class FrameScores {
  readonly #speech = new Float64Array(BUCKETS + 1);
  readonly #other = new Float64Array(BUCKETS + 1);

  add(track: Track, segments: readonly Segment[], durationS: number): void {
    let next = 0;
    const frames = Math.floor(durationS * 100);
    for (let frame = 0; frame < frames; frame++) {
      const middle = (frame + 0.5) / 100;
      while (next < segments.length && (segments[next]?.[1] ?? 0) <= middle) next++;
      const segment = segments[next];
      const speech = segment !== undefined && segment[0] <= middle;
      const probability = track.probabilities[Math.floor((middle * 1000) / track.hopMs)];
      if (probability === undefined) break;
      const counts = speech ? this.#speech : this.#other;
      const bucket = bucketOf(probability);
      counts[bucket] = (counts[bucket] ?? 0) + 1;
    }
  }

  /** Area under the ROC curve, ties counted half. */
  auc(): number {
    let below = 0;
    let area = 0;
    for (let i = 0; i <= BUCKETS; i++) {
      area += (this.#speech[i] ?? 0) * (below + (this.#other[i] ?? 0) / 2);
      below += this.#other[i] ?? 0;
    }
    return area / (below * sum(this.#speech));
  }

  /** F1 of calling frames at or above `threshold` speech. */
  f1(threshold: number): number {
    const from = bucketOf(threshold);
    const hits = sum(this.#speech.subarray(from));
    const false_ = sum(this.#other.subarray(from));
    return (2 * hits) / (hits + false_ + sum(this.#speech));
  }

  /** Points of the ROC curve, false-positive rate rising. */
  roc(): [number, number][] {
    const speech = sum(this.#speech);
    const other = sum(this.#other);
    const points: [number, number][] = [[0, 0]];
    let hits = 0;
    let false_ = 0;
    for (let i = BUCKETS; i >= 0; i--) {
      if (this.#speech[i] === 0 && this.#other[i] === 0) continue;
      hits += this.#speech[i] ?? 0;
      false_ += this.#other[i] ?? 0;
      points.push([false_ / other, hits / speech]);
    }
    return points;
  }
}

const BUCKETS = 40_000;

/** Even in the logit, where the detectors' probabilities are dense at both ends. */
function bucketOf(probability: number): number {
  const p = Math.min(Math.max(probability, 1e-8), 1 - 1e-8);
  return Math.round(((Math.log(p / (1 - p)) + 18.5) / 37) * BUCKETS);
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}

/** A start this long after a labelled one finds it; this early before one is not false. */
const FOUND_WITHIN_S = 0.5;
const EARLY_S = 0.15;
/** A labelled onset counts when this much silence is before it; an end, when this much is after it. */
const PAUSE_S = 0.35;
/** A decision this long after a labelled end still belongs to it. */
const TAIL_S = 0.2;

export interface EventScores {
  readonly onsets: number;
  readonly found: number;
  readonly falseStarts: number;
  readonly minutes: number;
  /** Milliseconds from labelled onset to decision, of the found ones. */
  readonly onsetMs: readonly number[];
  /** Milliseconds from labelled end to decision. */
  readonly endMs: readonly number[];
}

/** Compares decisions with labels in one recording. */
export function scoreEvents(
  decisions: Decisions,
  segments: readonly Segment[],
  durationS: number,
): EventScores {
  const onsetMs: number[] = [];
  const endMs: number[] = [];
  let onsets = 0;
  segments.forEach(([start, end], index) => {
    const before = segments[index - 1]?.[1] ?? 0;
    const after = segments[index + 1]?.[0] ?? durationS;
    if (start - before >= PAUSE_S) {
      onsets++;
      const hit = decisions.starts.find((at) => at >= start - EARLY_S && at <= start + FOUND_WITHIN_S);
      if (hit !== undefined) onsetMs.push((hit - start) * 1000);
    }
    if (after - end < PAUSE_S) return;
    const ended = decisions.ends.find((at) => at > end - EARLY_S && at < after + EARLY_S);
    if (ended !== undefined) endMs.push((ended - end) * 1000);
  });
  const near = (at: number): boolean =>
    segments.some(([start, end]) => at >= start - EARLY_S && at <= end + TAIL_S);
  const falseStarts = decisions.starts.filter((at) => !near(at)).length;
  return { onsets, found: onsetMs.length, falseStarts, minutes: durationS / 60, onsetMs, endMs };
}

export function addScores(all: readonly EventScores[]): EventScores {
  const total = (value: (scores: EventScores) => number): number => all.reduce((t, s) => t + value(s), 0);
  return {
    onsets: total((s) => s.onsets),
    found: total((s) => s.found),
    falseStarts: total((s) => s.falseStarts),
    minutes: total((s) => s.minutes),
    onsetMs: all.flatMap((s) => s.onsetMs),
    endMs: all.flatMap((s) => s.endMs),
  };
}

/** The `q` quantile (0 … 1), or NaN of nothing. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN;
}

/** The last of each `count` hops. */
export function lastOf(track: Track, count: number): Track {
  const probabilities = track.probabilities.filter((_, hop) => hop % count === count - 1);
  return { hopMs: track.hopMs * count, probabilities };
}
