/** Chance of one simulated call: everything random in it comes from its seed. */
import { seeded } from "../support/signal.ts";

export class Random {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = seeded(Math.imul(seed + 1, 0x9e3779b1));
    // Neighbouring seeds begin alike in this generator; after a few draws they do not.
    for (let n = 0; n < 4; n += 1) this.#next();
  }

  /** In [0, 1). */
  next(): number {
    return this.#next();
  }

  between(from: number, to: number): number {
    return from + (to - from) * this.#next();
  }

  /** Both ends included. */
  int(from: number, to: number): number {
    return Math.floor(this.between(from, to + 1));
  }

  chance(probability: number): boolean {
    return this.#next() < probability;
  }

  /** @throws RangeError when there is nothing to pick. */
  pick<T>(list: readonly T[]): T {
    const picked = list[this.int(0, list.length - 1)];
    if (picked === undefined) throw new RangeError("nothing to pick from");
    return picked;
  }

  /** A generator of its own, so that one part's draws do not move another's. */
  fork(): Random {
    return new Random(this.int(0, 0x7fffffff));
  }
}
