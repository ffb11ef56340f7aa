/**
 * A loudness envelope on a wall-clock axis: mean power per 16 ms frame, as a whole and by bands, the last few seconds
 * of it. Two envelopes on the same axis can be compared whatever their sample rates are.
 */
import { BANDS, FilterBank, type FilterBankSnapshot } from "./filter-bank.ts";

export const ENVELOPE_FRAME_MS = 16;
/** 128 frames: about two seconds, enough for a 640 ms window at any lag up to 1.2 s. */
const FRAMES = 128;
/** Quieter frames and bands count as this, so that digital zero has a finite level. */
const SILENT_DB = -75;
export const SILENT_BAND_DB = -90;
/** Per frame: the energy as a whole, then of each band. */
const FIELDS = BANDS + 1;

export class Envelope {
  /** Energy sums and sample counts by frame number modulo FRAMES. */
  readonly #energy = new Float64Array(FRAMES * FIELDS);
  readonly #count = new Float64Array(FRAMES);
  /** What the two above come to in dB, field by field; NaN where it was not worked out since they changed. */
  readonly #db = new Float64Array(FRAMES * FIELDS).fill(NaN);
  readonly #bank = new FilterBank();
  /** Newest frame number; −1 before the first sample. */
  #newest = -1;
  /** Frame after which nothing sounds; null: it plays. */
  #heldFrom: number | null = null;
  /** Part of a frame by which delays so far were rounded. */
  #carry = 0;

  get newestFrame(): number {
    return this.#newest;
  }

  /** Adds samples whose first one sounds at `atMs`. Samples older than what is kept are ignored. */
  add(samples: Int16Array, rateHz: number, atMs: number): void {
    const perFrame = (rateHz * ENVELOPE_FRAME_MS) / 1000;
    // In whole samples: rounding must not move one to another frame when the same audio is cut elsewhere.
    let position = Math.round((atMs * rateHz) / 1000);
    for (let at = 0; at < samples.length;) {
      const frame = Math.floor(position / perFrame);
      const length = Math.min(samples.length - at, (frame + 1) * perFrame - position);
      this.#addTo(frame, samples, at, at + length, rateHz);
      at += length;
      position += length;
    }
  }

  #addTo(frame: number, samples: Int16Array, from: number, to: number, rateHz: number): void {
    this.#advance(frame);
    if (frame <= this.#newest - FRAMES) return;
    let energy = 0;
    for (let at = from; at < to; at += 1) {
      const value = (samples[at] ?? 0) / 32_768;
      energy += value * value;
    }
    const slot = frame % FRAMES;
    this.#energy[slot * FIELDS] = (this.#energy[slot * FIELDS] ?? 0) + energy;
    this.#bank.add(samples, from, to, rateHz, this.#energy, slot * FIELDS + 1);
    this.#count[slot] = (this.#count[slot] ?? 0) + (to - from);
    this.#changed(slot);
  }

  #advance(frame: number): void {
    if (frame <= this.#newest) return;
    const from = Math.max(this.#newest + 1, frame - FRAMES + 1);
    for (let fresh = from; fresh <= frame; fresh += 1) this.#clear(fresh % FRAMES);
    this.#newest = frame;
  }

  #clear(slot: number): void {
    this.#energy.fill(0, slot * FIELDS, (slot + 1) * FIELDS);
    this.#count[slot] = 0;
    this.#changed(slot);
  }

  #changed(slot: number): void {
    this.#db.fill(NaN, slot * FIELDS, (slot + 1) * FIELDS);
  }

  /** From here on nothing sounds, whatever was added: the player stands still until `delay`. */
  hold(atMs: number): void {
    this.#heldFrom ??= Math.ceil(atMs / ENVELOPE_FRAME_MS);
  }

  /**
   * What was to sound from `fromMs` on sounds later by `byMs`: the player stood still in between. What was to sound in
   * the last `bufferedMs` before may have been waiting in the player still: it counts at both places.
   */
  delay(fromMs: number, byMs: number, bufferedMs: number): void {
    this.#heldFrom = null;
    const from = Math.floor(fromMs / ENVELOPE_FRAME_MS);
    const exact = byMs / ENVELOPE_FRAME_MS + this.#carry;
    const by = Math.max(0, Math.round(exact));
    this.#carry = exact - by;
    if (by === 0) return;
    const last = this.#newest;
    const first = from - Math.round(bufferedMs / ENVELOPE_FRAME_MS);
    this.#advance(Math.max(last, from) + by);
    for (let frame = last; frame > last - FRAMES && frame >= Math.max(0, first); frame -= 1) {
      if (frame + by > this.#newest - FRAMES) this.#raise(frame % FRAMES, (frame + by) % FRAMES);
      if (frame >= from) this.#clear(frame % FRAMES);
    }
  }

  /** The louder of two frames, field by field. */
  #raise(slot: number, to: number): void {
    const count = this.#count[slot] ?? 0;
    const there = this.#count[to] ?? 0;
    if (count === 0) return;
    for (let field = 0; field < FIELDS; field += 1) {
      const level = (this.#energy[slot * FIELDS + field] ?? 0) / count;
      const other = there > 0 ? (this.#energy[to * FIELDS + field] ?? 0) / there : 0;
      this.#energy[to * FIELDS + field] = Math.max(level, other) * count;
    }
    this.#count[to] = count;
    this.#changed(to);
  }

  /** Level of a frame in dBFS, −75 where nothing sounded or nothing is known. */
  levelDb(frame: number): number {
    return Math.max(SILENT_DB, this.#level(frame, 0));
  }

  /** The same of one band, −90 where nothing sounded. */
  bandDb(frame: number, band: number): number {
    return Math.max(SILENT_BAND_DB, this.#level(frame, band + 1));
  }

  #level(frame: number, field: number): number {
    if (this.#heldFrom !== null && frame > this.#heldFrom) return -Infinity;
    if (frame > this.#newest || frame <= this.#newest - FRAMES || frame < 0) return -Infinity;
    const place = (frame % FRAMES) * FIELDS + field;
    const known = this.#db[place] ?? NaN;
    if (!Number.isNaN(known)) return known;
    const count = this.#count[frame % FRAMES] ?? 0;
    const level = count > 0 ? 10 * Math.log10((this.#energy[place] ?? 0) / count) : -Infinity;
    this.#db[place] = level;
    return level;
  }

  snapshot(): EnvelopeSnapshot {
    return {
      energy: this.#energy.slice(),
      count: this.#count.slice(),
      bank: this.#bank.snapshot(),
      newest: this.#newest,
      heldFrom: this.#heldFrom,
      carry: this.#carry,
    };
  }

  restore(snapshot: EnvelopeSnapshot): void {
    this.#energy.set(snapshot.energy);
    this.#count.set(snapshot.count);
    this.#db.fill(NaN);
    this.#bank.restore(snapshot.bank);
    this.#newest = snapshot.newest;
    this.#heldFrom = snapshot.heldFrom;
    this.#carry = snapshot.carry;
  }
}

export interface EnvelopeSnapshot {
  readonly energy: Float64Array;
  readonly count: Float64Array;
  readonly bank: FilterBankSnapshot;
  readonly newest: number;
  readonly heldFrom: number | null;
  readonly carry: number;
}
