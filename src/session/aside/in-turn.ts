/** Sounds of a list, one after the other: of a sentence its sound is there, or is being spoken, and what cannot be heard lets the next ahead. */
import { isSentence, type Sentence, type Sound } from "../state/sounds.ts";
import type { Sentences } from "./sentences.ts";

export interface Next {
  readonly sound: Sound;
  /** So many before it were not there. */
  readonly ahead: number;
}

/** The relay's own voice; null: it has none. */
export type Voice = Pick<Sentences, "want" | "ready" | "forget"> | null;

export class InTurn {
  readonly #sounds: readonly (Sound | Sentence)[];
  readonly #sentences: Voice;
  /** Who wants its sentences. */
  readonly #owner: string;
  /** Of all, so that they take turns. */
  count = 0;

  constructor(sounds: readonly (Sound | Sentence)[], sentences: Voice, owner: string) {
    this.#sounds = sounds;
    this.#sentences = sentences;
    this.#owner = owner;
  }

  /** The next in turn, or behind it the first that can be heard now. */
  next(): Next | null {
    let waits = false;
    for (let ahead = 0; ahead < this.#sounds.length; ahead += 1) {
      const said = this.#sounds[(this.count + ahead) % this.#sounds.length];
      if (said === undefined) continue;
      const sound = isSentence(said) ? this.#soundOf(said, waits) : said;
      if (sound === null) waits = true;
      else if (!("fault" in sound)) return { sound, ahead };
    }
    return null;
  }

  /** @param waits another is being spoken for this moment: then none is asked for. */
  #soundOf(said: Sentence, waits: boolean) {
    return (waits ? this.#sentences?.ready(said) : this.#sentences?.want(said, this.#owner)) ?? null;
  }

  played({ ahead }: Next): void {
    this.count += ahead + 1;
  }

  /** Nothing of it is wanted for now. */
  forget(): void {
    this.#sentences?.forget(this.#owner);
  }
}
