/**
 * How long this speaker pauses inside a turn, learned as they speak, and so how long a silence must last to be the
 * turn's end. A fast speaker gets a fast answer; who hesitates is left to finish.
 */

/** Pauses shorter than this are gaps between words and teach nothing. */
const LEAST_PAUSE_MS = 120;
/** Pauses remembered; old habits are forgotten. */
const KEPT = 12;
/** A pause may be this much longer than the longest usual one and still be a pause. */
const MARGIN = 1.25;
const MARGIN_MS = 80;

export interface PauseBounds {
  /** Before anything is known of the speaker. */
  readonly usualMs: number;
  readonly leastMs: number;
  readonly mostMs: number;
}

export class Pauses {
  #lengthsMs: number[] = [];

  /** A silence of this length was followed by more of the same turn. */
  heard(ms: number): void {
    if (ms < LEAST_PAUSE_MS) return;
    this.#lengthsMs.push(ms);
    if (this.#lengthsMs.length > KEPT) this.#lengthsMs.shift();
  }

  /** Silence that ends a turn of this speaker. */
  hangoverMs(bounds: PauseBounds): number {
    if (this.#lengthsMs.length === 0) return bounds.usualMs;
    const sorted = this.#lengthsMs.toSorted((a, b) => a - b);
    // The second longest when there are many, so that one long thought does not slow the rest of the call.
    const longest = sorted.at(sorted.length >= 6 ? -2 : -1) ?? 0;
    const wanted = longest * MARGIN + MARGIN_MS;
    // Few pauses prove little: move from the usual towards what was heard as they come.
    const trust = Math.min(1, this.#lengthsMs.length / 4);
    const mixed = wanted > bounds.usualMs ? wanted : bounds.usualMs + (wanted - bounds.usualMs) * trust;
    return Math.round(Math.min(bounds.mostMs, Math.max(bounds.leastMs, mixed)));
  }

  snapshot(): readonly number[] {
    return [...this.#lengthsMs];
  }

  restore(lengthsMs: readonly number[]): void {
    this.#lengthsMs = [...lengthsMs];
  }
}
