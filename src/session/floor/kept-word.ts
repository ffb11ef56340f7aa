/**
 * A short word over the agent that was dismissed. Said while the agent went on, it was "mhm"; said just before the agent
 * ended, it was the answer to the agent's question, and nothing else will come: both wait. So it is kept until the agent
 * has ended, and is a turn then.
 */

/** Less voice is a noise. */
const WORD_MS = 240;
/** A word after which the agent went on for no more than this was said to its end. */
const ANSWER_MS = 1400;
/** More voice is a request, not "mhm": the agent went on over it and hears it when it is done, within this. */
const REQUEST_MS = 450;
const REQUEST_WITHIN_MS = 8000;

/** What was dismissed. */
export interface Word {
  readonly fromTicks: number;
  readonly toTicks: number;
  readonly voicedMs: number;
  /** By its words it only says that somebody listens. */
  readonly listening: boolean;
  /** When it was dismissed, by the clock: from then on the agent was heard again. */
  readonly at: number;
}

export class KeptWord {
  #word: Word | null = null;

  /** Something was dismissed. Soon after another one it is the rest of it. */
  keep(word: Word): void {
    if (word.voicedMs < WORD_MS) return;
    const before = this.#word;
    if (!before || word.at - before.at > ANSWER_MS) this.#word = word;
    else {
      const voicedMs = Math.max(before.voicedMs, word.voicedMs);
      this.#word = { ...word, fromTicks: before.fromTicks, voicedMs };
    }
  }

  /** One that may still become a turn if the agent were to end now. */
  pending(now: number): boolean {
    return this.#word !== null && now - this.#word.at <= REQUEST_WITHIN_MS;
  }

  /** The agent ended: the word that is a turn now, or null. */
  due(agentEndedAt: number): Word | null {
    const word = this.#word;
    this.#word = null;
    if (!word) return null;
    const request = word.voicedMs >= REQUEST_MS && !word.listening;
    return agentEndedAt - word.at <= (request ? REQUEST_WITHIN_MS : ANSWER_MS) ? word : null;
  }

  /** Where a turn begins that goes on after the word; null: they are two things. */
  before(now: number): number | null {
    return this.#word && now - this.#word.at <= ANSWER_MS ? this.#word.fromTicks : null;
  }

  forget(): void {
    this.#word = null;
  }

  snapshot(): Word | null {
    return this.#word;
  }

  restore(word: Word | null): void {
    this.#word = word;
  }
}
