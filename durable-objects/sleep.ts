/** When a session's object may leave memory: nothing comes, nothing is due, and what is stored is all there is to know. */
import type { Snapshots } from "./snapshots.ts";

/** An object hibernates after some ten seconds of nothing; before that it is not worth a write. */
const SLEEP_AFTER_MS = 5000;
/** Too near a deadline to sleep. */
const SLEEP_LEAST_MS = 10_000;
/** Snapshots that are taken in order to sleep: storing one may have its own consequence (an acknowledgement), once. */
const SLEEP_SAVES = 2;

export class Sleep {
  readonly #snapshots: Snapshots;
  #asleep: boolean;
  #lastInputAt: number;
  /** Snapshots taken in order to sleep since the last sign of life. */
  #saves = 0;

  constructor(snapshots: Snapshots, asleep: boolean, now: number) {
    this.#snapshots = snapshots;
    this.#asleep = asleep;
    this.#lastInputAt = now;
  }

  get asleep(): boolean {
    return this.#asleep;
  }

  /** A sign of life. */
  disturbed(now: number): void {
    this.#asleep = false;
    this.#saves = 0;
    this.#lastInputAt = now;
  }

  /** When it may sleep, with its next deadline (null: none); null: it may not. */
  at(deadline: number | null): number | null {
    if (this.#asleep || this.#snapshots.writing) return null;
    const at = this.#lastInputAt + SLEEP_AFTER_MS;
    return deadline !== null && deadline < at + SLEEP_LEAST_MS ? null : at;
  }

  /** With a snapshot that is durable and the last word, if that can be had. @returns false: one is taken first. */
  begin(): boolean {
    if (!this.#snapshots.current && !this.#snapshots.failing && this.#saves < SLEEP_SAVES) {
      this.#saves += 1;
      this.#snapshots.now();
      return false;
    }
    this.#asleep = true;
    return true;
  }
}
