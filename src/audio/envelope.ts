/**
 * A loudness envelope on a wall-clock axis: mean power per 16 ms frame, as a whole and by bands. Two envelopes on the same
 * axis can be compared whatever their sample rates are. What a player was sent ahead of time lies in the future, minutes
 * of it where nobody paces it: a frame is twelve bytes, and none takes another's place.
 */
import { BANDS, FilterBank, type FilterBankSnapshot } from "./filter-bank.ts";
import type { BandsKernel } from "./kernels.ts";
import { BAND_LEVELS, levelOf, SILENT_BAND_DB, SILENT_DB, stepOf, WHOLE } from "./level-steps.ts";

export const ENVELOPE_FRAME_MS = 16;
/** Four seconds that are over: a 320 ms window at any lag up to 0.8 s, of a message that came two seconds late. */
const PAST_FRAMES = 256;
/** Frames of one block; about a second. */
const BLOCK_FRAMES = 64;
/** Five minutes ahead. What lies beyond is not kept; a browser's player keeps no more either. */
const MOST_BLOCKS = 300;
const MOST_FRAMES = MOST_BLOCKS * BLOCK_FRAMES;
/** Per frame: the level as a whole, then of each band, then how much of the frame is known. */
const LEVELS = BANDS + 1;
const FIELDS = LEVELS + 1;
/** More than sounds of which each is judged can have in four seconds. */
const MOST_DUCKS = 8;

interface Duck {
  readonly from: number;
  /** Null: still. */
  readonly to: number | null;
  readonly db: number;
}

export class Envelope {
  /** By frame number divided by BLOCK_FRAMES. */
  #blocks = new Map<number, Uint8Array>();
  readonly #bank: FilterBank;
  /** The frame that samples are being added to: sums of energy, and how many samples. −1: none. */
  #open = -1;
  readonly #energy = new Float64Array(LEVELS);
  #count = 0;
  #perFrame = 1;
  /** Newest frame number; −1 before the first sample. */
  #newest = -1;
  /** Frame after which nothing sounds; null: it plays. */
  #heldFrom: number | null = null;
  /** Frames that sound softer than they were added, the latest last. */
  #ducks: Duck[] = [];
  /** Part of a frame by which delays so far were rounded. */
  #carry = 0;

  constructor(kernel: BandsKernel | null) {
    this.#bank = new FilterBank(kernel);
  }

  get newestFrame(): number {
    return this.#newest;
  }

  /** Adds samples whose first one sounds at `atMs`. `nowMs`: what lies seconds before it is not needed any more. */
  add(samples: Int16Array, rateHz: number, atMs: number, nowMs = atMs): void {
    this.#forgetBefore(Math.floor(nowMs / ENVELOPE_FRAME_MS) - PAST_FRAMES);
    const perFrame = (rateHz * ENVELOPE_FRAME_MS) / 1000;
    if (perFrame !== this.#perFrame) this.#close();
    this.#perFrame = perFrame;
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

  #forgetBefore(frame: number): void {
    for (const block of this.#blocks.keys()) {
      if ((block + 1) * BLOCK_FRAMES <= frame) this.#blocks.delete(block);
    }
  }

  /** What was to sound from `atMs` on never will: the player threw it away. */
  forgetFrom(atMs: number): void {
    const first = Math.max(0, Math.floor(atMs / ENVELOPE_FRAME_MS));
    this.#close();
    for (let frame = first; frame <= this.#newest; frame += 1) this.#clear(frame);
    this.#newest = Math.min(this.#newest, first - 1);
  }

  #addTo(frame: number, samples: Int16Array, from: number, to: number, rateHz: number): void {
    if (frame < 0) return;
    if (frame !== this.#open) this.#reopen(frame);
    let energy = 0;
    for (let at = from; at < to; at += 1) {
      const value = (samples[at] ?? 0) / 32_768;
      energy += value * value;
    }
    this.#energy[0] = (this.#energy[0] ?? 0) + energy;
    this.#bank.add(samples, from, to, rateHz, this.#energy, 1);
    this.#count += to - from;
    this.#newest = Math.max(this.#newest, frame);
  }

  /** Goes on with a frame, which may hold something. */
  #reopen(frame: number): void {
    this.#close();
    this.#open = frame;
    const block = this.#blocks.get(Math.floor(frame / BLOCK_FRAMES));
    const place = (frame % BLOCK_FRAMES) * FIELDS;
    const known = block?.[place + LEVELS] ?? 0;
    this.#count = (known / WHOLE) * this.#perFrame;
    if (known === 0) return void this.#energy.fill(0);
    for (let field = 0; field < LEVELS; field += 1) {
      const level = levelOf(block?.[place + field] ?? 0);
      this.#energy[field] = level === -Infinity ? 0 : 10 ** (level / 10) * this.#count;
    }
  }

  /** Keeps what was added to the open frame. */
  #close(): void {
    const frame = this.#open;
    this.#open = -1;
    if (frame < 0 || this.#count === 0) return;
    const block = this.#block(frame);
    if (!block) return;
    const place = (frame % BLOCK_FRAMES) * FIELDS;
    for (let field = 0; field < LEVELS; field += 1) {
      block[place + field] = stepOf(10 * Math.log10((this.#energy[field] ?? 0) / this.#count));
    }
    block[place + LEVELS] = Math.max(1, Math.min(WHOLE, Math.round((this.#count / this.#perFrame) * WHOLE)));
  }

  /** The block of a frame, made where there is room. */
  #block(frame: number): Uint8Array | null {
    const number = Math.floor(frame / BLOCK_FRAMES);
    const known = this.#blocks.get(number);
    if (known) return known;
    if (this.#blocks.size >= MOST_BLOCKS) return null;
    const block = new Uint8Array(BLOCK_FRAMES * FIELDS);
    this.#blocks.set(number, block);
    return block;
  }

  #clear(frame: number): void {
    const block = this.#blocks.get(Math.floor(frame / BLOCK_FRAMES));
    const place = (frame % BLOCK_FRAMES) * FIELDS;
    block?.fill(0, place, place + FIELDS);
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
    // Nothing that is kept sounds later than by all that is kept.
    const exact = Math.min(byMs / ENVELOPE_FRAME_MS, MOST_FRAMES) + this.#carry;
    const by = Math.max(0, Math.round(exact));
    this.#carry = exact - by;
    if (by === 0) return;
    this.#close();
    const last = this.#newest;
    const before = from - Math.round(bufferedMs / ENVELOPE_FRAME_MS);
    const first = Math.max(0, before, this.#oldest, last - MOST_FRAMES);
    this.#newest = Math.max(last, from) + by;
    for (let frame = last; frame >= first; frame -= 1) {
      this.#raise(frame, frame + by);
      if (frame >= from) this.#clear(frame);
    }
  }

  /** From here on all that is added, or was, sounds so much softer, until `loud`. */
  duck(atMs: number, db: number): void {
    this.loud(atMs);
    this.#ducks = [
      ...this.#ducks.slice(1 - MOST_DUCKS),
      { from: Math.ceil(atMs / ENVELOPE_FRAME_MS), to: null, db },
    ];
  }

  /** From here on it sounds as it was added. */
  loud(atMs: number): void {
    const to = Math.floor(atMs / ENVELOPE_FRAME_MS);
    this.#ducks = this.#ducks.map((duck) =>
      duck.to === null ? { ...duck, to: Math.max(duck.from, to) } : duck,
    );
  }

  #duckDb(frame: number): number {
    const duck = this.#ducks.findLast(({ from, to }) => frame >= from && (to === null || frame < to));
    return duck?.db ?? 0;
  }

  get #oldest(): number {
    return this.#blocks.size === 0 ? 0 : Math.min(...this.#blocks.keys()) * BLOCK_FRAMES;
  }

  /** The louder of two frames, field by field. */
  #raise(frame: number, to: number): void {
    const from = this.#blocks.get(Math.floor(frame / BLOCK_FRAMES));
    const place = (frame % BLOCK_FRAMES) * FIELDS;
    if (!from || from[place + LEVELS] === 0) return;
    const into = this.#block(to);
    if (!into) return;
    const there = (to % BLOCK_FRAMES) * FIELDS;
    for (let field = 0; field < LEVELS; field += 1) {
      into[there + field] = Math.max(into[there + field] ?? 0, from[place + field] ?? 0);
    }
    into[there + LEVELS] = from[place + LEVELS] ?? 0;
  }

  /** Level of a frame in dBFS, −75 where nothing sounded or nothing is known. */
  levelDb(frame: number): number {
    return Math.max(SILENT_DB, this.#level(frame, 0));
  }

  /** The same of one band, −90 where nothing sounded. */
  bandDb(frame: number, band: number): number {
    return Math.max(SILENT_BAND_DB, this.#level(frame, band + 1));
  }

  /** `bandDb` of each frame from `first` on, one band after the other: as many frames as `into` has places for each. */
  readBands(first: number, into: Float64Array): void {
    const frames = into.length / BANDS;
    for (let at = 0; at < frames; at += 1) {
      const frame = first + at;
      const block = this.#blocks.get(Math.floor(frame / BLOCK_FRAMES));
      const plain = block && frame !== this.#open && this.#heldFrom === null && this.#ducks.length === 0;
      const place = (frame % BLOCK_FRAMES) * FIELDS + 1;
      for (let band = 0; band < BANDS; band += 1) {
        into[band * frames + at] = plain
          ? (BAND_LEVELS[block[place + band] ?? 0] ?? SILENT_BAND_DB)
          : this.bandDb(frame, band);
      }
    }
  }

  #level(frame: number, field: number): number {
    if (this.#heldFrom !== null && frame > this.#heldFrom) return -Infinity;
    const softerDb = this.#ducks.length > 0 ? this.#duckDb(frame) : 0;
    if (frame === this.#open)
      return this.#count > 0
        ? 10 * Math.log10((this.#energy[field] ?? 0) / this.#count) - softerDb
        : -Infinity;
    const block = this.#blocks.get(Math.floor(frame / BLOCK_FRAMES));
    return block ? levelOf(block[(frame % BLOCK_FRAMES) * FIELDS + field] ?? 0) - softerDb : -Infinity;
  }

  snapshot(): EnvelopeSnapshot {
    return {
      blocks: Array.from(this.#blocks, ([number, block]) => [number, block.slice()] as const),
      open: this.#open,
      energy: this.#energy.slice(),
      count: this.#count,
      perFrame: this.#perFrame,
      bank: this.#bank.snapshot(),
      newest: this.#newest,
      heldFrom: this.#heldFrom,
      carry: this.#carry,
      ...(this.#ducks.length > 0 ? { ducks: this.#ducks } : {}),
    };
  }

  restore(snapshot: EnvelopeSnapshot): void {
    this.#blocks = new Map(snapshot.blocks.map(([number, block]) => [number, block.slice()]));
    this.#open = snapshot.open;
    this.#energy.set(snapshot.energy);
    this.#count = snapshot.count;
    this.#perFrame = snapshot.perFrame;
    this.#bank.restore(snapshot.bank);
    this.#newest = snapshot.newest;
    this.#heldFrom = snapshot.heldFrom;
    this.#carry = snapshot.carry;
    this.#ducks = [...(snapshot.ducks ?? [])];
  }
}

export interface EnvelopeSnapshot {
  readonly blocks: readonly (readonly [number, Uint8Array])[];
  readonly open: number;
  readonly energy: Float64Array;
  readonly count: number;
  readonly perFrame: number;
  readonly bank: FilterBankSnapshot;
  readonly newest: number;
  readonly heldFrom: number | null;
  readonly carry: number;
  /** Absent where nothing was ever softer. */
  readonly ducks?: readonly Duck[];
}
