/**
 * One timer for everything in an object. Deadlines mostly move away (every frame postpones one), so a later time
 * leaves the timer as it is: it fires early, and is set again then.
 */
export interface Clock {
  now(): number;
  /** Returns a function that cancels. */
  schedule(run: () => void, delayMs: number): () => void;
}

/** Of setTimeout: longer delays would fire at once (HTML §8.7, a signed 32-bit integer). */
const LONGEST_MS = 0x7fffffff;

export const WALL_CLOCK: Clock = {
  now: () => Date.now(),
  schedule(run, delayMs) {
    const id = setTimeout(run, delayMs);
    return () => clearTimeout(id);
  },
};

export class Timer {
  readonly #clock: Clock;
  readonly #fire: () => void;
  #wanted: number | null = null;
  #armed: number | null = null;
  #cancel: (() => void) | null = null;

  constructor(clock: Clock, fire: () => void) {
    this.#clock = clock;
    this.#fire = fire;
  }

  /** Fires at `at` or soon after; null: not at all. Replaces what was asked for before. */
  aim(at: number | null): void {
    this.#wanted = at;
    if (at !== null && (this.#armed === null || at < this.#armed)) this.#arm(at);
  }

  /** Also forgets the timer that an `aim(null)` leaves to run out. */
  stop(): void {
    this.#wanted = null;
    this.#armed = null;
    this.#cancel?.();
    this.#cancel = null;
  }

  #arm(at: number): void {
    this.#cancel?.();
    this.#armed = at;
    const delayMs = Math.min(Math.max(0, at - this.#clock.now()), LONGEST_MS);
    this.#cancel = this.#clock.schedule(() => this.#ring(), delayMs);
  }

  #ring(): void {
    this.#armed = null;
    this.#cancel = null;
    if (this.#wanted === null) return;
    if (this.#wanted > this.#clock.now()) {
      this.#arm(this.#wanted);
      return;
    }
    this.#wanted = null;
    this.#fire();
  }
}

/** Null: never. */
export function earlier(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}
