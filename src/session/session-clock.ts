/**
 * The session's own time, which never goes back: a clock that was set back must not bring old deadlines back with it. One that
 * is put right again brings none before its time: it is known by a jump as large as the former one, or by a call that
 * comes long after it was due. Taken for one in error, deadlines are once late by as much as the clock had been set.
 */

/** A clock that is set right jumps by more than this; less is how clocks and timers are. */
const STEP_MS = 1000;

export class SessionClock {
  /** The session's time less the shell's. */
  #aheadMs = 0;

  /** @param now by the shell. @param least the session's time so far. @param dueAt by the shell; null: nothing is. @returns the session's time. */
  at(now: number, least: number, dueAt: number | null): number {
    if (this.#aheadMs > 0) {
      const before = least - this.#aheadMs;
      const lateMs = now - Math.max(dueAt ?? now, before);
      const rightMs = now - before >= this.#aheadMs ? now - before : lateMs;
      if (rightMs > STEP_MS) this.#aheadMs = Math.max(0, this.#aheadMs - rightMs);
    }
    this.#aheadMs = Math.max(this.#aheadMs, least - now);
    return now + this.#aheadMs;
  }

  /** A moment of the shell's in the session's time. */
  ofSession(shellMs: number): number {
    return shellMs + this.#aheadMs;
  }

  /** And back. */
  ofShell(sessionMs: number): number {
    return sessionMs - this.#aheadMs;
  }
}
