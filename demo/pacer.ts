import type { Clock } from "./clock.ts";

/** Spreads an answer over time: `sentMs` of audio may be out `sentMs / pace` after its start. */
export class Pacer {
  readonly #pace: number;
  readonly #clock: Clock;
  #origin: number | null = null;
  #sentMs = 0;
  #cancel: (() => void) | null = null;
  #wake: (() => void) | null = null;

  /** `pace` 0: no waiting beyond giving other sockets their turn. */
  constructor(pace: number, clock: Clock) {
    this.#pace = pace;
    this.#clock = clock;
  }

  /** Waits until the next piece of `ms` is due and counts it as sent. */
  async next(ms: number): Promise<void> {
    const now = this.#clock.now();
    this.#origin ??= now;
    const due = this.#pace === 0 ? now : this.#origin + this.#sentMs / this.#pace;
    // Late by a slow sentence: go on from here at the same pace, without a burst.
    if (now - due > 100) this.#origin += now - due;
    this.#sentMs += ms;
    await this.sleep(due - now);
  }

  /** Ends early when the pacer is stopped. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#cancel = ms > 0 ? this.#clock.after(ms, resolve) : this.#clock.soon(resolve);
    });
  }

  stop(): void {
    this.#cancel?.();
    this.#wake?.();
  }
}
