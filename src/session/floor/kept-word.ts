/**
 * A short word over the agent that was dismissed. Said while the agent went on, it was "mhm"; said just before the agent
 * ended, it was the answer to the agent's question, and nothing else will come: both wait. So it is kept until the agent
 * has ended, and is a turn then.
 */

import { TICKS_PER_MS } from "../state/ticks.ts";

/** Less voice is a noise. */
const WORD_MS = 240;
/** A word after which the agent went on for no more than this was said to its end. */
const ANSWER_MS = 1500;
/** More voice is a request, not "mhm": the agent went on over it and hears it when it is done, within this. */
const REQUEST_MS = 450;
const REQUEST_WITHIN_MS = 8000;

/** A sound goes on where it was cut off if there is no more silence than this between. */
const GOES_ON_TICKS = 100 * TICKS_PER_MS;

/** What was dismissed. */
export interface Word {
  readonly fromTicks: number;
  readonly toTicks: number;
  readonly voicedMs: number;
  /** By its words it only says that somebody listens. */
  readonly listening: boolean;
  /** When it was dismissed, by the clock: from then on the agent was heard again. */
  readonly at: number;
  /** The client's audio stopped in it, here: what goes on from here is the same sound. */
  readonly cutTicks?: number;
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

  /** Nothing more came of a sound that was being judged: it is a noise, unless it goes on. */
  cutOff(word: Word): void {
    this.keep(word);
    const kept = word.voicedMs < WORD_MS ? word : (this.#word ?? word);
    this.#word = { ...kept, cutTicks: word.toTicks };
  }

  /** One that may still become a turn if the agent were to end now. */
  pending(now: number): boolean {
    const word = this.#word;
    return word !== null && word.voicedMs >= WORD_MS && now - word.at <= REQUEST_WITHIN_MS;
  }

  /** The agent ended: the word that is a turn now, or null. */
  due(agentEndedAt: number): Word | null {
    const word = this.#word;
    this.#word = null;
    if (!word || word.voicedMs < WORD_MS) return null;
    const request = word.voicedMs >= REQUEST_MS && !word.listening;
    return agentEndedAt - word.at <= (request ? REQUEST_WITHIN_MS : ANSWER_MS) ? word : null;
  }

  /** The client is heard up to here, and nobody speaks: what was cut off before it does not go on. */
  silentAt(ticks: number): void {
    const word = this.#word;
    if (word?.cutTicks === undefined || ticks <= word.cutTicks + GOES_ON_TICKS) return;
    const { cutTicks: _, ...kept } = word;
    this.#word = kept.voicedMs < WORD_MS ? null : kept;
  }

  /** Where a turn begins that goes on after the word; null: they are two things. */
  before(now: number): number | null {
    const word = this.#word;
    if (!word) return null;
    const soon = word.voicedMs >= WORD_MS && now - word.at <= ANSWER_MS;
    return soon || word.cutTicks !== undefined ? word.fromTicks : null;
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
