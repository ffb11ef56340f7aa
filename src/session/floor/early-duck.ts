/**
 * Before the detector is sure of a voice over an agent, agents that can go on quieter do so (docs/floor.md): of children and
 * distant microphones the detector is often half sure for a quarter of a second. A wrong guess costs a moment of loudness,
 * and nothing is judged yet: no sample waits, nobody is cut.
 */

/** Two of three hops are enough at which speech is about even, where the detector has its usual threshold. */
const LIKELY = 0.54;
const RECENT = 0b111;
/** What is likely keeps agents quieter for so long, in milliseconds of the caller's audio, */
const GOES_ON_MS = 300;
/** and a word for so long from its end, though it was dismissed: some begin an interruption with one and pause after it. */
const AFTER_WORD_MS = 500;
/** After so many guesses in a row of which nothing came, none is made until the caller has interrupted. */
const MOST_IN_VAIN = 3;

export class EarlyDuck {
  /** The last three hops, a bit each, the newest the lowest: whether it was likely. */
  #recent = 0;
  #leftMs = 0;
  #inVain = 0;

  /** Agents are to be quieter. */
  get on(): boolean {
    return this.#leftMs > 0;
  }

  /**
   * One hop of the detector over an agent. `sure`: its share of what begins speech; `may`: it is as loud as the caller may be, and no
   * echo. @returns whether agents are to be quieter.
   */
  hop(sure: number, hopMs: number, may: boolean): boolean {
    const likely = may && sure >= LIKELY;
    this.#recent = ((this.#recent << 1) | (likely ? 1 : 0)) & RECENT;
    // More than one bit is set.
    const enough = (this.#recent & (this.#recent - 1)) !== 0 && this.#inVain < MOST_IN_VAIN;
    if (enough || (likely && this.on)) this.#leftMs = Math.max(this.#leftMs, GOES_ON_MS);
    else if (this.on) {
      this.#leftMs -= hopMs;
      if (!this.on) this.#inVain += 1;
    }
    return this.on;
  }

  /** A word was dismissed, so long after its end. @returns whether agents are to be quieter. */
  word(silentMs: number): boolean {
    this.#leftMs = Math.max(this.#leftMs, AFTER_WORD_MS - silentMs);
    return this.on;
  }

  /** Nothing is guessed at any more. `interrupted`: the guess was right. */
  stop(interrupted = false): void {
    this.#recent = 0;
    this.#leftMs = 0;
    if (interrupted) this.#inVain = 0;
  }

  /** A member `early`, or none as long as nothing was guessed. */
  snapshot(): { readonly early?: EarlyDuckSnapshot } {
    if (!this.on && this.#inVain === 0) return {};
    return { early: { recent: this.#recent, leftMs: this.#leftMs, inVain: this.#inVain } };
  }

  restore(snapshot: EarlyDuckSnapshot | undefined): void {
    this.#recent = snapshot?.recent ?? 0;
    this.#leftMs = snapshot?.leftMs ?? 0;
    this.#inVain = snapshot?.inVain ?? 0;
  }
}

export interface EarlyDuckSnapshot {
  readonly recent: number;
  readonly leftMs: number;
  readonly inVain: number;
}
