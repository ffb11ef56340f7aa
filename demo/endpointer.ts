/**
 * A simple energy endpointer for `server_vad`: 20 ms frames against a threshold above an adaptive noise floor.
 * It stands for a provider's own detection and is no model of a good one.
 */
export interface EndpointerSettings {
  readonly rateHz: number;
  /** 0 to 1, as in `turn_detection.threshold`. */
  readonly threshold: number;
  readonly prefixPaddingMs: number;
  readonly silenceDurationMs: number;
}

/** Positions in samples since the stream began. */
export type SpeechMark =
  | { readonly type: "started"; readonly at: number }
  | { readonly type: "stopped"; readonly at: number };

const FRAME_MS = 20;
/** Speech must last this long to count: shorter bursts are clicks. */
const ONSET_MS = 60;
/** A frame must be this much louder than the floor (9 dB). */
const ABOVE_FLOOR = 2.8;

export class Endpointer {
  #settings: EndpointerSettings;
  #position: number;
  #energy = 0;
  #frameFill = 0;
  #floor = 30;
  #loudMs = 0;
  #quietMs = 0;
  #speaking = false;

  /** `position`: of the first sample to come. */
  constructor(settings: EndpointerSettings, position: number) {
    this.#settings = settings;
    this.#position = position;
  }

  get speaking(): boolean {
    return this.#speaking;
  }

  /** Takes any number of samples; the marks do not depend on how a stream is split. */
  push(samples: Int16Array): SpeechMark[] {
    const marks: SpeechMark[] = [];
    const frameSamples = (this.#settings.rateHz * FRAME_MS) / 1000;
    for (const sample of samples) {
      this.#energy += sample * sample;
      this.#frameFill += 1;
      this.#position += 1;
      if (this.#frameFill < frameSamples) continue;
      const mark = this.#frame(Math.sqrt(this.#energy / frameSamples));
      if (mark !== null) marks.push(mark);
      this.#energy = 0;
      this.#frameFill = 0;
    }
    return marks;
  }

  /** New settings for what comes; speech under way goes on. */
  configure(settings: EndpointerSettings): void {
    this.#settings = settings;
  }

  /** Speech under way is over by someone else's word (`commit`, `clear`). */
  reset(): void {
    this.#speaking = false;
    this.#loudMs = 0;
    this.#quietMs = 0;
  }

  #frame(level: number): SpeechMark | null {
    // .5 is -40 dBFS, 1 is -30 dBFS, 0 is -50 dBFS.
    const absolute = 32_768 * 10 ** ((-50 + 20 * this.#settings.threshold) / 20);
    const loud = level > Math.max(absolute, this.#floor * ABOVE_FLOOR);
    this.#adapt(level);
    return this.#speaking ? this.#whileSpeaking(loud) : this.#whileSilent(loud);
  }

  /** Falls fast and rises slowly, slowest in speech, so that steady noise is floor after some seconds. */
  #adapt(level: number): void {
    const rate = level < this.#floor ? 0.3 : this.#speaking ? 0.001 : 0.01;
    this.#floor = Math.max(10, this.#floor + rate * (level - this.#floor));
  }

  #whileSilent(loud: boolean): SpeechMark | null {
    this.#loudMs = loud ? this.#loudMs + FRAME_MS : 0;
    if (this.#loudMs < ONSET_MS) return null;
    this.#speaking = true;
    this.#quietMs = 0;
    const backMs = this.#loudMs + this.#settings.prefixPaddingMs;
    return { type: "started", at: Math.max(0, this.#position - this.#samples(backMs)) };
  }

  #whileSpeaking(loud: boolean): SpeechMark | null {
    this.#quietMs = loud ? 0 : this.#quietMs + FRAME_MS;
    if (this.#quietMs < this.#settings.silenceDurationMs) return null;
    this.reset();
    return { type: "stopped", at: this.#position };
  }

  #samples(ms: number): number {
    return Math.round((ms * this.#settings.rateHz) / 1000);
  }
}
