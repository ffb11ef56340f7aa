/**
 * A token bucket as one number: the moment at which all that was taken will have been earned back (the generic cell rate
 * algorithm, ITU-T I.371). Nothing is counted while time passes, and nothing is allocated when something is taken.
 */

/** Adding up and earning back differ in the last bits. */
const SLACK_MS = 1e-6;

export class Rate {
  readonly #msPerUnit: number;
  readonly #burstMs: number;
  #paidAt = 0;

  /** @param burst units that may be taken at once; @param perSecond units that are earned back. */
  constructor(burst: number, perSecond: number) {
    this.#msPerUnit = 1000 / perSecond;
    this.#burstMs = burst * this.#msPerUnit;
  }

  /** @returns false: there is not so much left, and nothing was taken. */
  take(units: number, now: number): boolean {
    const paidAt = this.#after(units, now);
    if (paidAt - now > this.#burstMs + SLACK_MS) return false;
    this.#paidAt = paidAt;
    return true;
  }

  /** So much was used up already, whether it was left or not: a debt of at most another burst. */
  charge(units: number, now: number): void {
    this.#paidAt = Math.min(this.#after(units, now), now + 2 * this.#burstMs);
  }

  /** Nothing is left. */
  empty(now: number): void {
    this.#paidAt = Math.max(this.#paidAt, now + this.#burstMs);
  }

  /** Milliseconds until so much is left. */
  waitMs(units: number, now: number): number {
    return Math.max(0, this.#after(units, now) - now - this.#burstMs);
  }

  /** At least `units` are left. */
  has(units: number, now: number): boolean {
    return this.#after(units, now) - now <= this.#burstMs + SLACK_MS;
  }

  #after(units: number, now: number): number {
    return Math.max(this.#paidAt, now) + units * this.#msPerUnit;
  }

  /** When all is earned back; 0: it is. */
  paidAt(now: number): number {
    return this.#paidAt > now ? this.#paidAt : 0;
  }

  restore(paidAt: number): void {
    this.#paidAt = paidAt;
  }
}
