/**
 * How long this speaker pauses inside a turn, learned as they speak. A turn without a pause teaches as well: who does
 * not hesitate gets a fast answer; who does is left to finish.
 */
import type { Waits } from "./waits.ts";

/** Pauses shorter than this are gaps between words and teach nothing. */
const LEAST_PAUSE_MS = 170;
/** Pauses remembered; old habits are forgotten. */
const KEPT = 12;
/** A pause may be this much longer than the longest usual one and still be a pause. */
const MARGIN = 1.15;
const MARGIN_MS = 60;
/** So many pauses are believed entirely; fewer move the wait only part of the way down. */
const TRUSTED = 3;
/** With so many the second longest counts, so that one long thought does not slow the rest of the call. */
const MANY = 6;
/** Part of the usual wait after no, one, two and more turns without a pause. */
const FLUENT = [1, 0.61, 0.44] as const;

export class Pauses {
  #lengthsMs: number[] = [];
  /** Turns in which nothing was a pause. */
  #fluent = 0;
  /** Pauses in the present turn. */
  #within = 0;
  /** The last turn counted as fluent. */
  #counted = false;

  /** This speaker was heard pausing, or not heard at all yet. */
  get hesitant(): boolean {
    return this.#lengthsMs.length > 0 || this.#fluent === 0;
  }

  /** A silence of this length was followed by more of the same turn. */
  heard(ms: number): void {
    if (ms < LEAST_PAUSE_MS) return;
    this.#within += 1;
    this.#lengthsMs.push(ms);
    if (this.#lengthsMs.length > KEPT) this.#lengthsMs.shift();
  }

  /** A turn was closed. */
  ended(): void {
    this.#counted = this.#within === 0;
    if (this.#counted) {
      this.#fluent += 1;
      this.#lengthsMs.shift();
    }
    this.#within = 0;
  }

  /** It had been closed too early: the speaker went on after a silence of this length. */
  cutIn(ms: number): void {
    if (this.#counted) this.#fluent -= 1;
    this.#counted = false;
    this.heard(ms);
  }

  /** Silence that ends a turn of this speaker, as far as their pauses say. */
  waitMs(waits: Waits): number {
    const count = this.#lengthsMs.length;
    if (count === 0) return waits.usualMs * (FLUENT[Math.min(this.#fluent, 2)] ?? 1);
    const sorted = this.#lengthsMs.toSorted((a, b) => a - b);
    const longest = sorted.at(count >= MANY ? -2 : -1) ?? 0;
    const wanted = longest * MARGIN + MARGIN_MS;
    if (wanted > waits.usualMs) return wanted;
    return waits.usualMs + (wanted - waits.usualMs) * Math.min(1, count / TRUSTED);
  }

  snapshot(): PausesSnapshot {
    return {
      lengthsMs: [...this.#lengthsMs],
      fluent: this.#fluent,
      within: this.#within,
      counted: this.#counted,
    };
  }

  restore(snapshot: PausesSnapshot): void {
    this.#lengthsMs = [...snapshot.lengthsMs];
    this.#fluent = snapshot.fluent;
    this.#within = snapshot.within;
    this.#counted = snapshot.counted;
  }
}

export interface PausesSnapshot {
  readonly lengthsMs: readonly number[];
  readonly fluent: number;
  readonly within: number;
  readonly counted: boolean;
}
