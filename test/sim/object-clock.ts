/** The object's clock and timers: wall time that faults set, timers that faults make late, and none that outlives its object. */
import type { Clock } from "../../durable-objects/timer.ts";
import type { VirtualTime } from "./time.ts";

/** Wall time at the call's first moment. */
const EPOCH_MS = 1_795_000_000_000;

export class ObjectClock {
  /** Added to every timer. */
  lateMs: () => number = () => 0;
  readonly #time: VirtualTime;
  readonly #cancels = new Set<() => void>();
  #offsetMs = 0;
  #life = 0;

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  /** No timer is set. */
  get idle(): boolean {
    return this.#cancels.size === 0;
  }

  now(): number {
    return EPOCH_MS + this.#time.now + this.#offsetMs;
  }

  /** The wall clock is set. Timers do not notice. */
  jump(ms: number): void {
    this.#offsetMs += ms;
  }

  /** For an object that comes to memory now. When it has left, what still runs of it sets no timer. */
  forThisLife(): Clock {
    const life = this.#life;
    return {
      now: () => this.now(),
      schedule: (run, delayMs) => (life === this.#life ? this.#schedule(run, delayMs) : () => {}),
    };
  }

  #schedule(run: () => void, delayMs: number): () => void {
    const cancel = this.#time.after(Math.max(0, delayMs) + this.lateMs(), () => {
      this.#cancels.delete(cancel);
      run();
    });
    this.#cancels.add(cancel);
    return () => {
      this.#cancels.delete(cancel);
      cancel();
    };
  }

  /** The object leaves memory, and its timers with it. */
  stop(): void {
    this.#life += 1;
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
  }
}
