/** A clock that stands still between frames. What the awaits of a moment lead to happens before the next moment. */
import type { Clock } from "../../durable-objects/timer.ts";

/** More than any chain of awaits in the store is long. */
const AWAITS = 24;

export class VirtualClock implements Clock {
  #now = 1_800_000_000_000;
  readonly #timers = new Set<{ readonly at: number; readonly run: () => void }>();

  now(): number {
    return this.#now;
  }

  schedule(run: () => void, delayMs: number): () => void {
    const timer = { at: this.#now + delayMs, run };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Runs what is due, in order, each at its own time. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      let next: { readonly at: number; readonly run: () => void } | null = null;
      for (const timer of this.#timers)
        if (timer.at <= end && (next === null || timer.at < next.at)) next = timer;
      if (next === null) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
      for (let turn = 0; turn < AWAITS; turn += 1) await Promise.resolve();
    }
    this.#now = end;
  }
}
