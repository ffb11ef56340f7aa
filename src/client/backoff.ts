/** When to try again: sooner at first, later while it does not help, and not for ever. */

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 3000;
export const GIVE_UP_MS = 30_000;
/** A connection that held for less has not ended the trouble: the pauses go on growing. */
const STABLE_MS = 5000;

/** After so many tries that failed. */
export function pauseMs(failed: number): number {
  const longestMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** failed);
  // Half of it is chance, so that the callers of a relay that went away do not all come back at once.
  return (longestMs / 2) * (1 + Math.random());
}

export class Backoff {
  #openAt = 0;
  #lostAt = 0;
  #attempt = 0;

  /** Attempts since the connection was lost. */
  get attempt(): number {
    return this.#attempt;
  }

  get exhausted(): boolean {
    return performance.now() - this.#lostAt >= GIVE_UP_MS;
  }

  opened(): void {
    this.#openAt = performance.now();
  }

  lost(): void {
    this.#lostAt = performance.now();
    if (this.#lostAt - this.#openAt >= STABLE_MS) this.#attempt = 0;
  }

  /** Milliseconds until the next attempt, or null: it would begin 30 s after the loss or later. */
  next(): number | null {
    const delayMs = pauseMs(this.#attempt++);
    return performance.now() + delayMs - this.#lostAt >= GIVE_UP_MS ? null : delayMs;
  }
}
