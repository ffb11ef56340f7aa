/**
 * How long this speaker pauses inside a turn, and how often, learned as they speak from what speakers do in general. The
 * silence that ends a turn is the one that a pause of theirs outlasts as seldom as is accepted.
 */

/** Shorter pauses are gaps between words and teach nothing. */
const LEAST_PAUSE_MS = 250;
/** Pauses remembered; old habits are forgotten. */
const KEPT = 12;
/** Of the pauses and turns that were counted before, the part that counts after another turn. */
const REMEMBERED = 0.9;

/**
 * Pauses of speech are log-normal (Campione and Véronis, 2002). The median pause of somebody unknown, the spread between
 * speakers, and that of one speaker's pauses (standard deviations of the natural logarithm), which is believed as if it had been
 * found in so many pauses: some pause evenly and are known soon, others do not.
 */
const USUAL_MS = 480;
const BETWEEN = 0.36;
const WITHIN = 0.3;
const WITHIN_PAUSES = 8;
/** Pauses per turn of somebody unknown, believed as if heard in so many turns; the present one is another. */
const USUAL_RATE = 1.2;
const USUAL_TURNS = 2;
/** A logistic distribution with this part of its spread as scale has the tail of a normal one near 5 %. */
const LOGISTIC = 0.55;
/** Where the odds are below this, no pause is expected at all. */
const LEAST_ODDS = 1e-3;

export class Pauses {
  #lengthsMs: number[] = [];
  #count = 0;
  #turns = 0;

  /** Turns heard, old ones counting less. */
  get turns(): number {
    return this.#turns;
  }

  /** A silence of this length was followed by more of the same turn. */
  heard(ms: number): void {
    if (ms < LEAST_PAUSE_MS) return;
    this.#count += 1;
    this.#lengthsMs.push(ms);
    if (this.#lengthsMs.length > KEPT) this.#lengthsMs.shift();
  }

  /** A turn was closed. */
  ended(): void {
    this.#turns = this.#turns * REMEMBERED + 1;
    this.#count *= REMEMBERED;
  }

  /** It had been closed too early: the speaker went on after a silence of this length. */
  cutIn(ms: number): void {
    this.#turns = Math.max(0, this.#turns - 1);
    this.heard(ms);
  }

  /**
   * Silence that ends a turn of this speaker. `accepted`: how often a pause may outlast it, per end of a turn;
   * `evidence`: logarithm of how much likelier the present silence is an end than a pause.
   */
  waitMs(accepted: number, evidence: number): number {
    const prior = (WITHIN / BETWEEN) ** 2;
    const known = this.#lengthsMs.length;
    const weight = known + prior;
    const logs = this.#lengthsMs.map(Math.log);
    const middle = logs.reduce((sum, log) => sum + log, prior * Math.log(USUAL_MS)) / weight;
    const squares = logs.reduce((sum, log) => sum + (log - middle) ** 2, WITHIN_PAUSES * WITHIN ** 2);
    const spread = Math.sqrt((squares / (WITHIN_PAUSES + known)) * (1 + 1 / weight));
    const rate = (USUAL_RATE * USUAL_TURNS + this.#count) / (USUAL_TURNS + this.#turns + 1);
    const odds = (rate * Math.exp(-evidence)) / accepted - 1;
    return Math.exp(middle) * Math.max(LEAST_ODDS, odds) ** (spread * LOGISTIC);
  }

  snapshot(): PausesSnapshot {
    return { lengthsMs: [...this.#lengthsMs], count: this.#count, turns: this.#turns };
  }

  restore(snapshot: PausesSnapshot): void {
    this.#lengthsMs = [...snapshot.lengthsMs];
    this.#count = snapshot.count ?? 0;
    this.#turns = snapshot.turns ?? 0;
  }
}

export interface PausesSnapshot {
  readonly lengthsMs: readonly number[];
  /** Absent in what a build stored that did not count. */
  readonly count?: number;
  readonly turns?: number;
}
