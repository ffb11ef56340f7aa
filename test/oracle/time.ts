/** Virtual time of one conversation. The reference provider waits by promises: they are let run after each event. */
import { setImmediate } from "node:timers/promises";
import type { Clock } from "../../demo/clock.ts";
import { VirtualTime } from "../sim/time.ts";

const START_MS = 1_790_000_000_000;

export class OracleTime {
  readonly #time = new VirtualTime();
  /** Something ran that may have promises open. */
  #stirred = false;

  get now(): number {
    return this.#time.now;
  }

  /** Milliseconds since 1970. */
  get wall(): number {
    return START_MS + this.#time.now;
  }

  after(ms: number, run: () => void): () => void {
    return this.#time.after(ms, run);
  }

  /** Promises may have been resolved by what happens now. */
  stir(): void {
    this.#stirred = true;
  }

  /** For the provider: what it runs stirs. */
  readonly clock: Clock = {
    now: () => this.#time.now,
    wall: () => this.wall,
    after: (ms, act) =>
      this.#time.after(ms, () => {
        this.#stirred = true;
        act();
      }),
    soon: (act) =>
      this.#time.after(0, () => {
        this.#stirred = true;
        act();
      }),
  };

  /** Lets everything happen until `over`, or until `limitMs`. */
  async run(limitMs: number, over: () => boolean): Promise<void> {
    while (this.#time.now < limitMs && !over()) {
      this.#stirred = false;
      await this.#time.run(limitMs, () => over() || this.#stirred);
      if (this.#stirred) await setImmediate();
    }
  }
}
