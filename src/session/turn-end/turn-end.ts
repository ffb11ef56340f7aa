/**
 * When a turn is over, under `semantic_vad`: one wait, made of all evidence. A silence is looked at once, when it is
 * long enough to be more than a gap between words; what is learned of the speaker gives the wait, and what speaks for
 * or against an end moves it within the bounds of the eagerness (table in docs/floor.md).
 */
import { TICKS_PER_MS, type AudioInput } from "../audio-input.ts";
import { Melody, type MelodySnapshot } from "./melody.ts";
import { Pauses, type PausesSnapshot } from "./pauses.ts";
import { WAITS, type Eagerness } from "./waits.ts";

/** A silence of so long may be the end of a turn: it is looked at, once. */
export const CANDIDATE_MS = 96;
/** Voice before it that is looked at. */
const LOOK_BACK_MS = 1000;
/** Where the voice was is remembered of pauses that might have been taken for the end. */
const TELLING_PAUSE_MS = 250;
/** A caller who goes on within this was cut in on; later speech is an answer to what the agent said. */
const RESUMED_WITHIN_MS = 900;

interface Closed {
  readonly at: number;
  readonly afterMs: number;
}

export class TurnEnd {
  readonly #pauses = new Pauses();
  readonly #melody = new Melody();
  /** Where the voice that was looked at last ended. */
  #lookedTicks = 0;
  /** When a detected turn was closed, after how much silence. */
  #closed: Closed | null = null;

  /** The present silence may be the end of the turn. */
  candidate(input: AudioInput): void {
    const { samples, rateHz, endTicks } = input.beforeSilence(LOOK_BACK_MS);
    this.#melody.hear(samples, rateHz, (endTicks - this.#lookedTicks) / TICKS_PER_MS);
    this.#lookedTicks = endTicks;
  }

  /** A silence inside the turn ended after so long. */
  paused(ms: number): void {
    this.#pauses.heard(ms);
    if (ms >= TELLING_PAUSE_MS) this.#melody.paused();
    this.#melody.forget();
  }

  /** A turn begins. Soon after one was closed it is the rest of it: that silence was a pause. */
  began(now: number): void {
    const closed = this.#closed;
    this.#closed = null;
    if (closed && now - closed.at < RESUMED_WITHIN_MS) {
      this.#pauses.cutIn(closed.afterMs + now - closed.at);
      this.#melody.paused();
    }
    this.#melody.forget();
  }

  /** A turn was closed, after so much silence where it was detected; null: by the client. */
  ended(now: number, afterMs: number | null): void {
    this.#closed = afterMs === null ? null : { at: now, afterMs };
    this.#pauses.ended();
    this.#melody.ended();
  }

  /** Silence that ends the turn, by what is known now. */
  waitMs(eagerness: Eagerness): number {
    const waits = WAITS[eagerness];
    const learnedMs = this.#pauses.waitMs(waits);
    const { cadence } = this.#melody;
    let waitMs = learnedMs;
    if (cadence === "low") waitMs = Math.min(learnedMs, waits.quickMs);
    // Of a speaker who never hesitates a voice that stays up is a question.
    else if (cadence === "high" && this.#pauses.hesitant) waitMs = Math.max(learnedMs, waits.fullMs);
    return Math.round(Math.min(waits.mostMs, Math.max(waits.leastMs, waitMs)));
  }

  snapshot(): TurnEndSnapshot {
    return {
      pauses: this.#pauses.snapshot(),
      melody: this.#melody.snapshot(),
      lookedTicks: this.#lookedTicks,
      closed: this.#closed,
    };
  }

  restore(snapshot: TurnEndSnapshot): void {
    this.#pauses.restore(snapshot.pauses);
    this.#melody.restore(snapshot.melody);
    this.#lookedTicks = snapshot.lookedTicks;
    this.#closed = snapshot.closed;
  }
}

export interface TurnEndSnapshot {
  readonly pauses: PausesSnapshot;
  readonly melody: MelodySnapshot;
  readonly lookedTicks: number;
  readonly closed: Closed | null;
}
