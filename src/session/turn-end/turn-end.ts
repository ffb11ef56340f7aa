/**
 * When a turn is over, under `semantic_vad`: one wait, made of all evidence. A silence is looked at once, when it is
 * long enough to be more than a gap between words; what is learned of the speaker gives the wait, and what speaks for
 * or against an end moves it within the bounds of the eagerness (table in docs/floor.md).
 */
import { TICKS_PER_MS, type AudioInput } from "../turns/audio-input.ts";
import type { Context } from "../context.ts";
import { Consultant, type ConsultantSnapshot } from "./consultant.ts";
import { Melody, type MelodySnapshot } from "./melody.ts";
import { Pauses, type PausesSnapshot } from "./pauses.ts";
import { WAITS, type Eagerness } from "./waits.ts";
import { phraseOf } from "./words.ts";

/** A silence of so long may be the end of a turn: it is looked at, once. */
export const CANDIDATE_MS = 96;
/** Voice before it that is looked at. */
const LOOK_BACK_MS = 1000;
/** What a remote model hears of the turn, the beginning of the silence included: smart-turn takes eight seconds. */
const CONSULT_MS = 8000;
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
  readonly #consultant: Consultant;
  readonly #consults: boolean;
  /** Where the voice that was looked at last ended. */
  #lookedTicks = 0;
  /** What the last words say. */
  #phrase: "over" | "open" | null = null;
  /** When a detected turn was closed, after how much silence. */
  #closed: Closed | null = null;

  /** `consults`: a remote model is to be asked. */
  constructor(context: Context, consults: boolean) {
    this.#consultant = new Consultant(context);
    this.#consults = consults;
  }

  /** The present silence may be the end of the turn that began at a position. */
  candidate(input: AudioInput, startTicks: number): void {
    const { samples, rateHz, endTicks } = input.beforeSilence(LOOK_BACK_MS);
    this.#melody.hear(samples, rateHz, (endTicks - this.#lookedTicks) / TICKS_PER_MS);
    this.#lookedTicks = endTicks;
    if (this.#consults && this.#consultant.free) this.#consultant.ask(input.latest(CONSULT_MS, startTicks));
  }

  /** The remote model's answer; null: it had none. @returns whether the wait may be another one now. */
  consulted(id: number, probability: number | null): boolean {
    return this.#consultant.answered(id, probability);
  }

  /** What a transcriber has of the turn's last words. @returns whether the wait may be another one now. */
  words(text: string): boolean {
    const before = this.#phrase;
    this.#phrase = phraseOf(text);
    return this.#phrase !== before;
  }

  /** The remote model did not answer in time. */
  consultLate(): void {
    this.#consultant.late();
  }

  #forget(): void {
    this.#melody.forget();
    this.#consultant.forget();
    this.#phrase = null;
  }

  /** A silence inside the turn ended after so long. */
  paused(ms: number): void {
    this.#pauses.heard(ms);
    if (ms >= TELLING_PAUSE_MS) this.#melody.paused();
    this.#forget();
  }

  /** A turn begins. Soon after one was closed it is the rest of it: that silence was a pause. */
  began(now: number): void {
    const closed = this.#closed;
    this.#closed = null;
    if (closed && now - closed.at < RESUMED_WITHIN_MS) {
      this.#pauses.cutIn(closed.afterMs + now - closed.at);
      this.#melody.paused();
    }
    this.#forget();
  }

  /** A turn was closed, after so much silence where it was detected; null: by the client. */
  ended(now: number, afterMs: number | null): void {
    this.#closed = afterMs === null ? null : { at: now, afterMs };
    this.#pauses.ended();
    this.#melody.ended();
    this.#consultant.forget();
    this.#phrase = null;
  }

  /** Silence that ends the turn, by what is known now. */
  waitMs(eagerness: Eagerness): number {
    const waits = WAITS[eagerness];
    const learnedMs = this.#pauses.waitMs(waits);
    const evidence = this.#evidence();
    let waitMs = learnedMs;
    if (evidence >= 2) waitMs = waits.leastMs;
    else if (evidence === 1) waitMs = Math.min(learnedMs, waits.quickMs);
    else if (evidence < 0) waitMs = Math.max(learnedMs, waits.fullMs);
    return Math.round(Math.min(waits.mostMs, Math.max(waits.leastMs, waitMs)));
  }

  /** What says that the turn is over, less what says that it is not. */
  #evidence(): number {
    const { cadence } = this.#melody;
    const { verdict } = this.#consultant;
    let evidence = verdict === "over" ? 1 : verdict === "open" ? -1 : 0;
    if (this.#phrase !== null) evidence += this.#phrase === "over" ? 1 : -1;
    if (cadence === "low") evidence += 1;
    // Of a speaker who never hesitates a voice that stays up is a question.
    else if (cadence === "high" && this.#pauses.hesitant) evidence -= 1;
    return evidence;
  }

  snapshot(): TurnEndSnapshot {
    return {
      pauses: this.#pauses.snapshot(),
      melody: this.#melody.snapshot(),
      consultant: this.#consultant.snapshot(),
      lookedTicks: this.#lookedTicks,
      phrase: this.#phrase,
      closed: this.#closed,
    };
  }

  restore(snapshot: TurnEndSnapshot): void {
    this.#pauses.restore(snapshot.pauses);
    this.#melody.restore(snapshot.melody);
    this.#consultant.restore(snapshot.consultant);
    this.#lookedTicks = snapshot.lookedTicks;
    this.#phrase = snapshot.phrase;
    this.#closed = snapshot.closed;
  }
}

export interface TurnEndSnapshot {
  readonly pauses: PausesSnapshot;
  readonly melody: MelodySnapshot;
  readonly consultant: ConsultantSnapshot;
  readonly lookedTicks: number;
  readonly phrase: "over" | "open" | null;
  readonly closed: Closed | null;
}
