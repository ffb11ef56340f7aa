/**
 * Is a short sound a request or somebody who listens? By its shape: a request is longer, goes through more syllables and
 * more colours of voice, and is as loud as its caller speaks; "mhm" and "yeah" are of one colour and softer. Two
 * that might be requests, one soon after the other, are one: a hesitant voice, a child, a bad line.
 */
import { ENVELOPE_FRAME_MS } from "../../audio/envelope.ts";
import type { EchoGuard } from "./echo-guard.ts";
import type { Overlap } from "./overlap.ts";
import type { Shape } from "./shape.ts";

/**
 * Log odds: a logistic fit to short sounds of the tuned speakers of `bench -- turns --human --split tune` and of flite,
 * rounded, hiss halved, so that words of one hiss ("stop") keep a chance; level and bias chosen afterwards (docs/floor.md).
 */
const BIAS = -4.4;
const LENGTH = 3;
const SYLLABLE = 0.85;
const COLOUR = 0.9;
const HISS = -3;
const LEVEL = 1;
const USUAL_MS = 400;
const MOST_SYLLABLES = 5;
/** Louder than usual by more says no more, nor does softer. */
const LOUDER_DB = 2;
const SOFTER_DB = 6;
/** Less voice is a cough, a laugh, or a word that nobody tells from one. */
const LEAST_MS = 300;
/** From these odds on it is a request. */
const TAKEN = 1.5;
/** Odds of less than this say nothing for one; of what is above them a part goes on to the next sound, for so long. */
const GOES_ON = 0.5;
const NOTHING = -1;
const GOES_ON_MS = 1500;

/** Of what is no request at all. */
export const NO_ODDS = -20;

/** @param aboveDb how much louder it is than the caller usually speaks. */
function requestOdds(shape: Shape, voicedMs: number, aboveDb: number): number {
  if (voicedMs < LEAST_MS) return NO_ODDS;
  return (
    BIAS +
    LENGTH * Math.log(voicedMs / USUAL_MS) +
    SYLLABLE * Math.min(shape.syllables, MOST_SYLLABLES) +
    COLOUR * shape.colours +
    HISS * shape.hiss +
    LEVEL * Math.max(-SOFTER_DB, Math.min(LOUDER_DB, aboveDb))
  );
}

/**
 * The same word again is a listener's. Of 30 chains of people's "mhm" and "yeah" all but two have pieces nearer to each other
 * than this, also where they are other tokens of the word; of 92 sentences cut into pieces two to four (docs/floor.md).
 */
const SAME_WORD_DB = 2.75;

/** Log odds that a sound is a request. With an echo in it its shape is not the caller's. */
export function oddsOf(overlap: Overlap, guard: EchoGuard, aboveDb: number): number {
  if (overlap.mayEcho) return NO_ODDS;
  const shape = guard.shapeFrom(overlap.fromFrame);
  return shape.apart < SAME_WORD_DB ? NO_ODDS : requestOdds(shape, overlap.voicedMs, aboveDb);
}

/** "Yeah, yeah, mhm": as long as an interruption, but with a break in it and less than this of colour. */
const LISTENING_COLOURS = 2.2;
const BREAK_MS = 100;

export function oneColour({ mayEcho, fromFrame, voicedMs }: Overlap, guard: EchoGuard): boolean {
  if (mayEcho) return false;
  const { colours, frames, apart } = guard.shapeFrom(fromFrame);
  if (apart < SAME_WORD_DB) return true;
  return colours < LISTENING_COLOURS && frames * ENVELOPE_FRAME_MS > voicedMs + BREAK_MS;
}

/** Speech in pieces goes through this many dB of colours at least, and says not one thing again; "mhm, mhm, mhm" does not. */
const PIECES_COLOURS = 2.5;

/** @param sinceMs when the first piece began. */
export function manyColours(guard: EchoGuard, sinceMs: number): boolean {
  const { colours, apart } = guard.shapeFrom(guard.frame - Math.ceil(sinceMs / ENVELOPE_FRAME_MS));
  return colours >= PIECES_COLOURS && apart >= SAME_WORD_DB;
}

export class Requests {
  #sum = 0;
  #at = Number.NEGATIVE_INFINITY;

  /** A sound that began at `since`, with what was before it, is a request. */
  taken(odds: number, since: number): boolean {
    return this.#with(odds, since) >= TAKEN - NOTHING;
  }

  /** It may yet be one, if more comes. */
  mayBe(odds: number): boolean {
    return odds > NOTHING;
  }

  /** It was dismissed. */
  dismissed(odds: number, since: number, now: number): void {
    this.#sum = this.#with(odds, since);
    this.#at = now;
  }

  #with(odds: number, since: number): number {
    const before = since - this.#at <= GOES_ON_MS ? this.#sum * GOES_ON : 0;
    return before + Math.max(0, odds - NOTHING);
  }

  forget(): void {
    this.#sum = 0;
  }

  /** A member `requests`, or none while nothing was dismissed. */
  snapshot(): { readonly requests?: RequestsSnapshot } {
    return this.#sum > 0 ? { requests: { sum: this.#sum, at: this.#at } } : {};
  }

  restore(snapshot: RequestsSnapshot | undefined): void {
    this.#sum = snapshot?.sum ?? 0;
    this.#at = snapshot?.at ?? Number.NEGATIVE_INFINITY;
  }
}

export interface RequestsSnapshot {
  readonly sum: number;
  readonly at: number;
}
