/**
 * Whether a voice has come down, as it does at the end of a statement and hardly at a comma: the pitch of the last
 * voiced 300 ms before a silence, by its place among all pitches of this speaker. A place, not a distance: a lively
 * voice and a flat one are judged alike.
 *
 * It learns where it is wrong: a pause at which the voice was low and that went on all the same lowers what counts as
 * low for this speaker. No pitch (a whisper, noise) is no evidence.
 */
import { melodyOf } from "../../audio/pitch.ts";

/** Pitches are counted in quarter semitones above this. */
const FLOOR_HZ = 60;
const PER_OCTAVE = 48;
const BINS = 140;
/** Beyond so many frames (15 s of voice) what was heard counts half: speakers tire, and telephones change hands. */
const MOST_FRAMES = 1500;
/** Fewer frames of the speaker, or voiced ones before the silence, say nothing. */
const LEAST_KNOWN = 16;
const LEAST_VOICED = 8;
const FRAME_MS = 10;
/** Voiced frames before the silence that are looked at. */
const LOOKED_AT = 30;
/** "Low throughout" is this quantile of them. */
const QUANTILE = 0.8;
/** Farther from the speaker's middle than this, in bins, is an octave mistaken (9 semitones up, 10 down). */
const ABOVE = 36;
const BELOW = 40;

/** A place below this is low; before the speaker's first turn has ended, when little is known, below that. */
const LOW = 0.3;
const LOW_AT_FIRST = 0.2;
/** A place above this has not come down. */
const HIGH = 0.5;
/** Pauses remembered, and how far below such a one the voice must come to count as low. */
const KEPT = 6;
const LOWER = 0.9;

export type Cadence = "low" | "high" | null;

export class Melody {
  #counts = new Uint16Array(BINS);
  #frames = 0;
  /** Where the voice was at this speaker's pauses. */
  #atPauses: number[] = [];
  #turns = 0;
  /** Where it is before the present silence. */
  #place: number | null = null;

  /** The voice before a silence, of which the last `freshMs` were not looked at before. */
  hear(samples: Int16Array, rateHz: number, freshMs: number): void {
    const frames = melodyOf(samples, rateHz);
    this.#learn(frames.slice(Math.max(0, frames.length - Math.floor(freshMs / FRAME_MS))));
    this.#place = this.#placeOf(frames);
  }

  #learn(frames: readonly number[]): void {
    for (const hz of frames) {
      if (hz === 0) continue;
      const bin = binOf(hz);
      this.#counts[bin] = (this.#counts[bin] ?? 0) + 1;
      this.#frames += 1;
    }
    if (this.#frames <= MOST_FRAMES) return;
    this.#counts = this.#counts.map((count) => count >> 1);
    this.#frames = this.#counts.reduce((sum, count) => sum + count, 0);
  }

  #placeOf(frames: readonly number[]): number | null {
    const voiced = frames.filter((hz) => hz > 0).map(binOf);
    if (voiced.length < LEAST_VOICED || this.#frames < LEAST_KNOWN) return null;
    const middle = this.#middle();
    const looked = voiced.slice(-LOOKED_AT).map((bin) => folded(bin, middle));
    const sorted = looked.toSorted((a, b) => a - b);
    return this.#placeAmongAll(sorted[Math.floor((sorted.length - 1) * QUANTILE)] ?? 0);
  }

  /** Part of the speaker's frames that lie below; those in the same bin count half. */
  #placeAmongAll(bin: number): number {
    let below = 0;
    for (const [at, count] of this.#counts.entries()) {
      if (at < bin) below += count;
      else if (at === bin) below += count / 2;
    }
    return below / this.#frames;
  }

  #middle(): number {
    let below = 0;
    return this.#counts.findIndex((count) => (below += count) * 2 >= this.#frames);
  }

  get cadence(): Cadence {
    const place = this.#place;
    if (place === null) return null;
    if (place > HIGH) return "high";
    const low = this.#turns === 0 ? LOW_AT_FIRST : LOW;
    return place < low && this.#atPauses.every((pause) => place < pause * LOWER) ? "low" : null;
  }

  /** The present silence was a pause. */
  paused(): void {
    if (this.#place === null) return;
    this.#atPauses.push(this.#place);
    if (this.#atPauses.length > KEPT) this.#atPauses.shift();
  }

  /** It ended the turn. */
  ended(): void {
    this.#turns += 1;
  }

  /** Speech goes on, or another turn begins: what was before the last silence is over. */
  forget(): void {
    this.#place = null;
  }

  snapshot(): MelodySnapshot {
    return {
      counts: this.#counts.slice(),
      atPauses: [...this.#atPauses],
      turns: this.#turns,
      place: this.#place,
    };
  }

  restore(snapshot: MelodySnapshot): void {
    this.#counts = snapshot.counts.slice();
    this.#frames = this.#counts.reduce((sum, count) => sum + count, 0);
    this.#atPauses = [...snapshot.atPauses];
    this.#turns = snapshot.turns;
    this.#place = snapshot.place;
  }
}

export interface MelodySnapshot {
  readonly counts: Uint16Array<ArrayBuffer>;
  readonly atPauses: readonly number[];
  readonly turns: number;
  readonly place: number | null;
}

function binOf(hz: number): number {
  const bin = Math.round(PER_OCTAVE * Math.log2(hz / FLOOR_HZ));
  return Math.min(BINS - 1, Math.max(0, bin));
}

function folded(bin: number, middle: number): number {
  if (bin - middle > ABOVE) return bin - PER_OCTAVE;
  return middle - bin > BELOW ? bin + PER_OCTAVE : bin;
}
