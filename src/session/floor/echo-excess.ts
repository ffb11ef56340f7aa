/**
 * By how much the microphone is louder, in bands, than echo and room make it. The echo that is due follows what was played,
 * through the path that is known, and dies away; the room's noise is the least that was heard of late.
 */
import type { Envelope } from "../../audio/envelope.ts";
import { BANDS } from "../../audio/filter-bank.ts";
import type { EchoPath } from "./echo-path.ts";

/** A room's sound dies away at about this rate per 16 ms frame (RT60 of 0.4 s). */
const DECAY_DB = 2.4;
/** A band's noise is the least it had in the last one to two seconds; above it by this, something sounds. */
const NOISE_FRAMES = 64;
const OVER_NOISE_DB = 6;
/** A band counts from here above what is expected, and not more than that. */
const MARGIN_DB = 5;
const MOST_DB = 12;
/** Frames around the lag that is known. */
const NEIGHBOURS = 4;
/** Remembered frames. */
export const MEMORY = 16;
/** An echo is due in so many bands. */
const SOUNDING_BANDS = 2;
/** A voice this much quieter in a band than the caller is as a whole is not the caller's. */
const OUT_OF_REACH_DB = 30;

export class EchoExcess {
  readonly #heard: Envelope;
  readonly #played: readonly (Envelope | undefined)[];
  readonly #path: EchoPath;
  /** By band: the echo expected in the last frame, and the least level of this and the last stretch. */
  readonly #expected = new Float64Array(BANDS).fill(-100);
  /** Levels of one frame, as it is looked at: of the microphone, and of what was played. */
  readonly #levels = new Float64Array(BANDS);
  readonly #near = new Float64Array(BANDS * NEIGHBOURS);
  readonly #least = new Float64Array(BANDS);
  readonly #leastBefore = new Float64Array(BANDS);
  /** By frame modulo MEMORY: mean excess over the bands, and whether an echo was due. */
  readonly #excess = new Float64Array(MEMORY);
  readonly #sounding = new Uint8Array(MEMORY);

  constructor(heard: Envelope, played: readonly (Envelope | undefined)[], path: EchoPath) {
    this.#heard = heard;
    this.#played = played;
    this.#path = path;
  }

  /** Follows the noise of the room. */
  listen(frame: number): void {
    if (frame % NOISE_FRAMES === 0) {
      this.#leastBefore.set(this.#least);
      this.#least.fill(0);
    }
    const levels = this.#levels;
    this.#heard.readBands(frame, levels);
    for (let band = 0; band < BANDS; band += 1) {
      this.#least[band] = Math.min(this.#least[band] ?? 0, levels[band] ?? 0);
    }
  }

  /** Another path is known: what was expected is not. */
  anew(): void {
    this.#expected.fill(-100);
  }

  /** @returns the mean excess of a frame. */
  measure(frame: number, callerDb: number): number {
    let sounding = 0;
    let excess = 0;
    this.#expect(frame);
    this.#heard.readBands(frame, this.#levels);
    for (let band = 0; band < BANDS; band += 1) {
      const level = this.#levels[band] ?? 0;
      const noise = Math.min(this.#least[band] ?? 0, this.#leastBefore[band] ?? 0) + OVER_NOISE_DB;
      const echo = this.#expected[band] ?? 0;
      if (echo > noise) sounding += 1;
      const threshold = Math.max(Math.max(echo, noise) + MARGIN_DB, callerDb - OUT_OF_REACH_DB);
      excess += Math.min(MOST_DB, Math.max(0, level - threshold));
    }
    this.#excess[frame % MEMORY] = excess / BANDS;
    this.#sounding[frame % MEMORY] = sounding >= SOUNDING_BANDS ? 1 : 0;
    return excess / BANDS;
  }

  /** Levels of the echo that is due. */
  #expect(frame: number): void {
    const expected = this.#expected;
    for (let band = 0; band < BANDS; band += 1) expected[band] = (expected[band] ?? 0) - DECAY_DB;
    if (this.#path.known) {
      for (const played of this.#played) if (played) this.#expectOf(played, frame - this.#path.lag);
    }
    for (let band = 0; band < BANDS; band += 1) expected[band] = Math.max(-100, expected[band] ?? 0);
  }

  #expectOf(played: Envelope, frame: number): void {
    const near = this.#near;
    // A lag is known to a frame or two: the loudest neighbour counts.
    played.readBands(frame - 1, near);
    for (let band = 0; band < BANDS; band += 1) {
      const gain = this.#path.gainDb(band);
      for (let at = 0; at < NEIGHBOURS; at += 1) {
        const echo = (near[band * NEIGHBOURS + at] ?? 0) + gain;
        this.#expected[band] = Math.max(this.#expected[band] ?? 0, echo);
      }
    }
  }

  /** Mean excess of so many frames before this one. */
  before(end: number, frames: number): number {
    let sum = 0;
    for (let back = 1; back <= frames; back += 1) sum += this.#excess[(end - back + MEMORY) % MEMORY] ?? 0;
    return sum / frames;
  }

  /** In how many of so many frames before this one an echo was due. */
  dueBefore(end: number, frames: number): number {
    let sounding = 0;
    for (let back = 1; back <= frames; back += 1)
      sounding += this.#sounding[(end - back + MEMORY) % MEMORY] ?? 0;
    return sounding;
  }

  snapshot(): EchoExcessSnapshot {
    return {
      expected: this.#expected.slice(),
      least: this.#least.slice(),
      leastBefore: this.#leastBefore.slice(),
      excess: this.#excess.slice(),
      sounding: this.#sounding.slice(),
    };
  }

  restore(snapshot: EchoExcessSnapshot): void {
    this.#expected.set(snapshot.expected);
    this.#least.set(snapshot.least);
    this.#leastBefore.set(snapshot.leastBefore);
    this.#excess.set(snapshot.excess);
    this.#sounding.set(snapshot.sounding);
  }
}

export interface EchoExcessSnapshot {
  readonly expected: Float64Array;
  readonly least: Float64Array;
  readonly leastBefore: Float64Array;
  readonly excess: Float64Array;
  readonly sounding: Uint8Array;
}
