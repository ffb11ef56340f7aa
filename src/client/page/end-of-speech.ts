/** When the caller stopped speaking, by the sound that was sent: the relay says so only after the silence that ends a turn. */

/** Longer turns are looked at from here on. */
const KEPT_MS = 30_000;
/** Of the turn's loudest frame: what is quieter is not speech any more. */
const AUDIBLE = 0.1;
/** Full scale is 1; noise of a quiet room is below it. */
const FLOOR = 0.01;

interface Frame {
  /** Where it ends in the audio sent, and when that was. */
  readonly endMs: number;
  readonly at: number;
  readonly peak: number;
}

export class EndOfSpeech {
  #frames: Frame[] = [];

  clear(): void {
    this.#frames = [];
  }

  /** A frame was captured that ends at `endMs` of all that was sent. `peak`: 0 to 1. */
  frame(endMs: number, peak: number, now: number): void {
    this.#frames.push({ endMs, at: now, peak });
    const oldest = this.#frames[0];
    if (oldest !== undefined && endMs - oldest.endMs > KEPT_MS) this.#frames.shift();
  }

  /** When the last audible frame up to `untilMs` was captured; `now` where nothing of it is known. */
  before(untilMs: number, now: number): number {
    const turn = this.#frames.filter(({ endMs }) => endMs <= untilMs);
    const loudest = turn.reduce((most, { peak }) => Math.max(most, peak), 0);
    const least = Math.max(FLOOR, loudest * AUDIBLE);
    return turn.findLast(({ peak }) => peak >= least)?.at ?? now;
  }
}
