/**
 * When a turn is over, under `semantic_vad`: one wait, made of all evidence. What is learned of the speaker's pauses says
 * how long a silence must last so that they are interrupted as seldom as the eagerness accepts; how their voice ended,
 * their words and a remote model say how likely this silence is a pause at all (docs/turn-end.md).
 */
import { TICKS_PER_MS } from "../state/ticks.ts";
import type { Context } from "../context.ts";
import type { Plan } from "../state/plan.ts";
import { CADENCE_MS, cadenceOf } from "./cadence.ts";
import { Consultant, type ConsultantSnapshot } from "./consultant.ts";
import { Pauses, type PausesSnapshot } from "./pauses.ts";
import { WAITS, type Eagerness } from "../state/waits.ts";
import { phraseOf } from "../state/phrases.ts";
import type { AudioInput } from "./ports.ts";

/** What a remote model hears of the turn, the beginning of the silence included: smart-turn takes eight seconds. */
const CONSULT_MS = 8000;
/** A caller who goes on within this was cut in on; later speech is an answer to what the agent said. */
const RESUMED_WITHIN_MS = 900;

/**
 * The network's word counts for so much of what it says, and more while the speaker's pauses are not known yet; within
 * bounds, since voices that it was not trained on may fool it. Below this it takes a silence for a pause.
 */
const CADENCE_WEIGHT = 0.5;
const CADENCE_WEIGHT_AT_FIRST = 1.4;
const CADENCE_EVEN = -0.4;
const CADENCE_MOST = 2.5;
const CADENCE_LEAST = -1.75;
/** Of the remote model's verdict, and of words that close a sentence or leave it open. */
const OVER = 3;
const OPEN = -1.5;

interface Closed {
  readonly at: number;
  readonly afterMs: number;
}

/** What is heard at a silence beside its length: the network, unless the route says no, and a remote model. */
type Listening = Pick<Plan, "cadence" | "endOfTurn">;

export class TurnEnd {
  readonly #pauses = new Pauses();
  readonly #consultant: Consultant;
  readonly #listening: Listening;
  /** What the voice before the present silence says; null: nothing. */
  #cadence: number | null = null;
  /** What the last words say. */
  #phrase: "over" | "open" | null = null;
  /** When a detected turn was closed, after how much silence. */
  #closed: Closed | null = null;

  constructor(context: Context, listening: Listening) {
    this.#consultant = new Consultant(context);
    this.#listening = listening;
  }

  /** The present silence may be the end of the turn that began at a position. */
  candidate(input: AudioInput, startTicks: number): void {
    const { cadence = true, endOfTurn } = this.#listening;
    if (cadence) this.#cadence = cadenceOf(input.latest(CADENCE_MS, Number.NEGATIVE_INFINITY));
    if (endOfTurn && this.#consultant.free) this.#consultant.ask(input.latest(CONSULT_MS, startTicks));
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
    this.#cadence = null;
    this.#consultant.forget();
    this.#phrase = null;
  }

  /** A silence inside the turn ended after so long. */
  paused(ms: number): void {
    this.#pauses.heard(ms);
    this.#forget();
  }

  /**
   * A turn begins, with what was said from a position on: over an agent it was listened to for a while before. Soon after one was
   * closed it is the rest of it: that silence was a pause.
   */
  began(now: number, input: AudioInput, startTicks: number): void {
    const closed = this.#closed;
    this.#closed = null;
    const heardMs = (input.ticks - startTicks) / TICKS_PER_MS - input.endpointer.options.prefixPaddingMs;
    const afterMs = closed ? Math.max(0, now - Math.max(0, heardMs) - closed.at) : Infinity;
    if (closed && afterMs < RESUMED_WITHIN_MS) this.#pauses.cutIn(closed.afterMs + afterMs);
    this.#forget();
  }

  /** A turn was closed, after so much silence where it was detected; null: by the client. */
  ended(now: number, afterMs: number | null): void {
    this.#closed = afterMs === null ? null : { at: now, afterMs };
    this.#pauses.ended();
    this.#forget();
  }

  /** Silence that ends the turn, by what is known now. */
  waitMs(eagerness: Eagerness): number {
    const { accepted, leastMs, mostMs } = WAITS[eagerness];
    const waitMs = this.#pauses.waitMs(accepted, this.#evidence());
    return Math.round(Math.min(mostMs, Math.max(leastMs, waitMs)));
  }

  /** Logarithm of how much likelier the present silence is the end of the turn than a pause. */
  #evidence(): number {
    const { verdict } = this.#consultant;
    let evidence = 0;
    for (const said of [verdict, this.#phrase]) if (said !== null) evidence += said === "over" ? OVER : OPEN;
    if (this.#cadence === null) return evidence;
    const weight = CADENCE_WEIGHT + (CADENCE_WEIGHT_AT_FIRST - CADENCE_WEIGHT) / (1 + this.#pauses.turns);
    const heard = weight * (this.#cadence - CADENCE_EVEN);
    return evidence + Math.max(CADENCE_LEAST, Math.min(CADENCE_MOST, heard));
  }

  snapshot(): TurnEndSnapshot {
    return {
      pauses: this.#pauses.snapshot(),
      cadence: this.#cadence,
      consultant: this.#consultant.snapshot(),
      phrase: this.#phrase,
      closed: this.#closed,
    };
  }

  restore(snapshot: TurnEndSnapshot): void {
    this.#pauses.restore(snapshot.pauses);
    this.#cadence = snapshot.cadence ?? null;
    this.#consultant.restore(snapshot.consultant);
    this.#phrase = snapshot.phrase;
    this.#closed = snapshot.closed;
  }
}

export interface TurnEndSnapshot {
  readonly pauses: PausesSnapshot;
  /** Absent in what a build stored that did not hear it. */
  readonly cadence?: number | null;
  readonly consultant: ConsultantSnapshot;
  readonly phrase: "over" | "open" | null;
  readonly closed: Closed | null;
}
