/**
 * Is a short sound a request or somebody who listens? By its shape: a request is longer, goes through more syllables and
 * more colours of voice, and is as loud as its caller speaks; "mhm" and "yeah" are of one colour and softer. Two
 * that might be requests, one soon after the other, are one: a hesitant voice, a child, a bad line.
 */
import type { Shape } from "./shape.ts";

/** Log odds, fitted by `bench/turns/human/fit.ts` on speakers who are not reported on (docs/floor.md). */
const BIAS = -5.4;
const LENGTH = 1.87;
const SYLLABLE = 0.72;
const COLOUR = 1.27;
const LEVEL_DB = 0.4;
const USUAL_MS = 400;
const MOST_SYLLABLES = 5;
const MOST_DB = 6;
/** From these odds on it is a request. */
const TAKEN = 0.75;
/** Odds of less than this say nothing for one; what is above them adds up over so long. */
const NOTHING = -1.5;
const GOES_ON_MS = 1500;

/** @param aboveDb how much louder it is than the caller usually speaks. */
export function requestOdds(shape: Shape, voicedMs: number, aboveDb: number): number {
  return (
    BIAS +
    LENGTH * Math.log(Math.max(1, voicedMs) / USUAL_MS) +
    SYLLABLE * Math.min(shape.syllables, MOST_SYLLABLES) +
    COLOUR * shape.colours +
    LEVEL_DB * Math.max(-MOST_DB, Math.min(MOST_DB, aboveDb))
  );
}

export class Requests {
  #sum = 0;
  #at = Number.NEGATIVE_INFINITY;

  /** A sound is over that began at `since`. @returns whether it is a request, with what was before it. */
  heard(odds: number, since: number, now: number): boolean {
    const before = since - this.#at <= GOES_ON_MS ? this.#sum : 0;
    this.#sum = before + Math.max(0, odds - NOTHING);
    this.#at = now;
    return this.#sum >= TAKEN - NOTHING;
  }

  forget(): void {
    this.#sum = 0;
  }

  snapshot(): RequestsSnapshot {
    return { sum: this.#sum, at: this.#at };
  }

  restore(snapshot: RequestsSnapshot): void {
    this.#sum = snapshot.sum;
    this.#at = snapshot.at;
  }
}

export interface RequestsSnapshot {
  readonly sum: number;
  readonly at: number;
}
