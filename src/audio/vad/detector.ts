/**
 * A speech detector turns samples into one speech probability per hop. It holds the state of one speaker's
 * stream; decisions (onset, end of speech) are the endpointer's, in `../endpointer.ts`.
 *
 * Synchronous and allocation-free on the hot path. State is plain data so that a session can be snapshotted at
 * any sample and restored in another isolate without a difference anyone could hear.
 */
export interface SpeechDetector {
  /** Name for metrics and events: `energy`, `silero-v6`. */
  readonly name: string;
  /** Rate of the samples that `push` takes. The session resamples to it, once. */
  readonly sampleRateHz: 8000 | 16000;
  /** Samples per probability, at `sampleRateHz` (512 at 16 kHz for Silero: 32 ms). */
  readonly hopSamples: number;
  /** Thresholds tuned for this detector on the benchmark's data (see docs/vad.md). */
  readonly thresholds: DetectorThresholds;
  /**
   * Takes any number of samples (s16 range) and calls `onHop` once per completed hop, in order, before it
   * returns. `probability` is in [0, 1], never NaN.
   */
  push(samples: Int16Array, onHop: (probability: number) => void): void;
  reset(): void;
  /** Structured-clonable state, at most a few kilobytes. */
  snapshot(): DetectorSnapshot;
  /** Takes what `snapshot` of a detector of the same name returned. */
  restore(snapshot: DetectorSnapshot): void;
}

export interface DetectorThresholds {
  /** One hop at or above this starts speech. */
  readonly start: number;
  /** Hops below this for the hangover end it. */
  readonly stop: number;
  /** Neither silence nor a steady noise reaches this: nobody's settings begin speech below it, nor go on below half of it. */
  readonly least: number;
  /** Replaces `start` while the assistant is audible (echo). */
  readonly startWhileSpeaking: number;
  /**
   * How long probabilities stay at or above `stop` after speech has ended, at the median, in milliseconds: silence
   * begins that much earlier than it is seen.
   */
  readonly tailMs: number;
}

export interface DetectorSnapshot {
  readonly detector: string;
  readonly state: Readonly<Record<string, number | Float32Array | Int16Array | Uint8Array>>;
}
