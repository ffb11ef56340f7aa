/** When the words of a text are over, as its synthesiser says it word by word or character by character. */
import type { Mark } from "./history.ts";

/** Marks that wait for the sound that they are of. */
const MAX_PENDING = 256;

export type WordTimesState = { readonly at: number; readonly marks: readonly Mark[] };

export class WordTimes {
  readonly #text: string;
  /** Characters of the text whose times came. */
  #at = 0;
  #marks: Mark[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  /** A word that is over at `ms`. One that is not in the rest of the text says nothing. */
  word(word: string, ms: number): void {
    const found = word === "" ? -1 : this.#text.indexOf(word, this.#at);
    if (found < 0) return;
    this.#at = found + word.length;
    this.#mark(ms);
  }

  /** Characters that come next, each with its end. A mark is set where a word is over. */
  chars(chars: readonly string[], endMs: (at: number) => number): void {
    for (const [at, char] of chars.entries()) {
      const from = this.#at;
      if (!this.#text.startsWith(char, from)) continue;
      this.#at = from + char.length;
      const next = this.#text.slice(this.#at, this.#at + 1);
      if (char.trim() !== "" && (next === "" || next.trim() === "")) this.#mark(endMs(at));
    }
  }

  #mark(ms: number): void {
    if (!Number.isFinite(ms) || ms < 0 || this.#marks.length >= MAX_PENDING) return;
    this.#marks.push({ chars: this.#at, ms });
  }

  /** Those that came since. Characters of the text, milliseconds of its sound. */
  take(): readonly Mark[] {
    return this.#marks.splice(0);
  }

  snapshot(): WordTimesState {
    return { at: this.#at, marks: [...this.#marks] };
  }

  restore(state: WordTimesState): void {
    this.#at = state.at;
    this.#marks = [...state.marks];
  }
}
