/**
 * Decides where speech starts and stops, from one probability per hop.
 *
 * Two thresholds keep a voice that wavers from being chopped: one hop at or above `start` begins speech, and only
 * hops below `stop`, for the whole hangover, end it. All counting is in samples of the detector's stream, never in
 * wall time, so that a burst after a network stall is judged like the same audio on time.
 */
export interface EndpointerOptions {
  /** Probability that begins speech, in [0, 1]. */
  readonly start: number;
  /** Probability below which a hop is silence while speaking; at most `start`. */
  readonly stop: number;
  /** Audio before the onset that belongs to the turn (OpenAI `prefix_padding_ms`). */
  readonly prefixPaddingMs: number;
  /** Speech shorter than this is never reported; 0 or up to one hop: the first hop is enough. */
  readonly minSpeechMs: number;
  /** Silence that ends speech (OpenAI `silence_duration_ms`). */
  readonly hangoverMs: number;
}

export type EndpointEvent =
  | {
      readonly type: "started";
      /** Start of the first hop that counted. */
      readonly atSample: number;
      /** `atSample` less the padding; never before the stream nor before the previous speech's end. */
      readonly prefixStartSample: number;
    }
  | {
      readonly type: "stopped";
      /** End of the last hop that was speech. */
      readonly atSample: number;
    };

/** Structured-clonable. Options are not part of it: they are the session's configuration. */
export interface EndpointerSnapshot {
  readonly phase: "quiet" | "rising" | "speaking";
  readonly onsetSample: number;
  readonly speechEndSample: number;
  readonly hopEndSample: number;
}

const UNTOUCHED: EndpointerSnapshot = { phase: "quiet", onsetSample: 0, speechEndSample: 0, hopEndSample: 0 };

export class Endpointer {
  readonly #sampleRateHz: number;
  readonly #hopSamples: number;
  #options: EndpointerOptions;
  #phase = UNTOUCHED.phase;
  #onsetSample = 0;
  /** End of the last speech hop, of this speech or of the one before. */
  #speechEndSample = 0;
  #hopEndSample = 0;

  /** `sampleRateHz` and `hopSamples` are the detector's. */
  constructor(sampleRateHz: number, hopSamples: number, options: EndpointerOptions) {
    this.#sampleRateHz = sampleRateHz;
    this.#hopSamples = hopSamples;
    this.#options = options;
  }

  get options(): EndpointerOptions {
    return this.#options;
  }

  /** Speech was reported as started and not yet as stopped. */
  get speaking(): boolean {
    return this.#phase === "speaking";
  }

  /** What sounds may be the beginning of speech, and is not reported yet. */
  get rising(): boolean {
    return this.#phase === "rising";
  }

  /** How long the speaker has been below `stop`, in milliseconds of audio; 0 while not speaking. */
  get silenceMs(): number {
    if (this.#phase !== "speaking") return 0;
    return ((this.#hopEndSample - this.#speechEndSample) * 1000) / this.#sampleRateHz;
  }

  /** Takes effect with the next hop; a running speech is judged by the new values from then on. */
  configure(changes: Partial<EndpointerOptions>): void {
    this.#options = { ...this.#options, ...changes };
  }

  /**
   * The next hop's probability and the absolute index after its last sample. Indices never decrease; a gap
   * (audio that was not given to the detector) counts as silence.
   */
  push(probability: number, hopEndSample: number): EndpointEvent | null {
    this.#hopEndSample = hopEndSample;
    if (this.#phase === "speaking") return this.#fall(probability, hopEndSample);
    if (this.#phase === "quiet") {
      if (!(probability >= this.#options.start)) return null;
      this.#onsetSample = hopEndSample - this.#hopSamples;
    } else if (!(probability >= this.#options.stop)) {
      this.#phase = "quiet";
      return null;
    }
    this.#phase = "rising";
    return this.#rise(hopEndSample);
  }

  /** Ends a running speech at once (a commit by the client, a hang-up); null when there is none. */
  forceStop(): EndpointEvent | null {
    const speaking = this.#phase === "speaking";
    this.#phase = "quiet";
    return speaking ? { type: "stopped", atSample: this.#speechEndSample } : null;
  }

  /** Forgets everything but the options: the next hop belongs to a new stream. */
  reset(): void {
    this.restore(UNTOUCHED);
  }

  snapshot(): EndpointerSnapshot {
    return {
      phase: this.#phase,
      onsetSample: this.#onsetSample,
      speechEndSample: this.#speechEndSample,
      hopEndSample: this.#hopEndSample,
    };
  }

  restore(snapshot: EndpointerSnapshot): void {
    this.#phase = snapshot.phase;
    this.#onsetSample = snapshot.onsetSample;
    this.#speechEndSample = snapshot.speechEndSample;
    this.#hopEndSample = snapshot.hopEndSample;
  }

  #rise(hopEndSample: number): EndpointEvent | null {
    if (hopEndSample - this.#onsetSample < this.#samples(this.#options.minSpeechMs)) return null;
    const padded = this.#onsetSample - this.#samples(this.#options.prefixPaddingMs);
    const prefixStartSample = Math.max(padded, Math.min(this.#speechEndSample, this.#onsetSample), 0);
    this.#phase = "speaking";
    this.#speechEndSample = hopEndSample;
    return { type: "started", atSample: this.#onsetSample, prefixStartSample };
  }

  #fall(probability: number, hopEndSample: number): EndpointEvent | null {
    if (probability >= this.#options.stop) {
      this.#speechEndSample = hopEndSample;
      return null;
    }
    // At the nearest hop: only hops end a silence, and always the next one would be half a hop late in the mean.
    const least = this.#samples(this.#options.hangoverMs) - Math.floor(this.#hopSamples / 2);
    if (hopEndSample - this.#speechEndSample < least) return null;
    this.#phase = "quiet";
    return { type: "stopped", atSample: this.#speechEndSample };
  }

  #samples(ms: number): number {
    return Math.round((ms * this.#sampleRateHz) / 1000);
  }
}
