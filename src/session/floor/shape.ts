/**
 * The shape of a sound: how often it opens and closes, how its colour changes, how much of it hisses. Somebody who listens
 * says one or two syllables of one colour ("mhm", "yeah"); a request goes through several. Read from levels by bands that
 * the echo guard keeps anyway, when a decision is due.
 */
import type { Envelope } from "../../audio/envelope.ts";
import { BANDS } from "../../audio/filter-bank.ts";

export interface Shape {
  /** From the first to the last frame that sounds, in frames of 16 ms. */
  readonly frames: number;
  /** Rises by 5 dB out of a dip as deep. */
  readonly syllables: number;
  /** Mean change of colour from one frame to the next but one, in dB. */
  readonly flux: number;
  /** How far the colours lie apart, in dB. */
  readonly colours: number;
  /** Part of the frames that are louder in their upper than in their lower bands. */
  readonly hiss: number;
  /** Loudness of the loud frames, in dBFS. */
  readonly levelDb: number;
  /**
   * Of a sound in short pieces, how far the colours of one and the next lie apart at most, in dB: "yeah, yeah" says one thing
   * again. Infinity for what is no such sound.
   */
  readonly apart: number;
}

/** Quieter than the loudest frame by this, a frame is none of the sound. */
const SOUNDS_DB = 25;
const DIP_DB = 5;
/** Pieces are so many quiet frames apart, and so long each; one that goes on still has a colour when it is not just begun. */
const GAP_FRAMES = 6;
const LEAST_PIECE = 3;
const LEAST_LAST_PIECE = 7;
const MOST_PIECE = 36;
/** A piece has the colour of its frames that are within this of its loudest. */
const LOUD_DB = 12;
/** Bands of vowels' first formant, and those above 2 kHz. */
const LOW = [0, 1, 2];
const HIGH = [7, 8, 9];

export function shapeOf(heard: Envelope, from: number, to: number): Shape {
  let loudest = -75;
  for (let frame = from; frame <= to; frame += 1) loudest = Math.max(loudest, heard.levelDb(frame));
  const sounds: number[] = [];
  for (let frame = from; frame <= to; frame += 1)
    if (heard.levelDb(frame) > loudest - SOUNDS_DB) sounds.push(frame);
  const colours = sounds.map((frame) => colourOf(heard, frame));
  return {
    frames: sounds.length === 0 ? 0 : (sounds.at(-1) ?? 0) - (sounds[0] ?? 0) + 1,
    syllables: syllablesOf(sounds.map((frame) => heard.levelDb(frame))),
    flux: mean(colours.slice(2).map((colour, at) => apart(colour, colours[at] ?? colour))),
    colours: spreadOf(colours),
    hiss: mean(sounds.map((frame) => (tilt(heard, frame) > 0 ? 1 : 0))),
    levelDb: powerDb(sounds.map((frame) => heard.levelDb(frame))),
    apart: apartOf(heard, piecesOf(sounds, to), to),
  };
}

/** Frames that sound, in pieces. */
function piecesOf(sounds: readonly number[], to: number): number[][] {
  const pieces: number[][] = [];
  for (const frame of sounds) {
    const last = pieces.at(-1);
    if (last && frame - (last.at(-1) ?? 0) < GAP_FRAMES) last.push(frame);
    else pieces.push([frame]);
  }
  return pieces.filter((piece) => piece.length >= (goesOn(piece, to) ? LEAST_LAST_PIECE : LEAST_PIECE));
}

function goesOn(piece: readonly number[], to: number): boolean {
  return to - (piece.at(-1) ?? 0) < GAP_FRAMES;
}

/** A piece that goes on is compared with as much of the one before. */
function apartOf(heard: Envelope, pieces: readonly (readonly number[])[], to: number): number {
  if (pieces.length < 2 || pieces.some(({ length }) => length > MOST_PIECE)) return Infinity;
  const distances = pieces.slice(1).map((piece, at) => {
    const before = pieces[at] ?? piece;
    const length = goesOn(piece, to) ? piece.length : undefined;
    return apart(loudColourOf(heard, piece), loudColourOf(heard, before.slice(0, length)));
  });
  return Math.max(...distances);
}

function loudColourOf(heard: Envelope, piece: readonly number[]): Float64Array {
  const loudest = Math.max(...piece.map((frame) => heard.levelDb(frame)));
  const loud = piece.filter((frame) => heard.levelDb(frame) > loudest - LOUD_DB);
  return middleOf(loud.map((frame) => colourOf(heard, frame)));
}

/** Levels of the bands less their mean, none far below the loudest. */
function colourOf(heard: Envelope, frame: number): Float64Array {
  const levels = Float64Array.from({ length: BANDS }, (_, band) => heard.bandDb(frame, band));
  const least = Math.max(...levels) - SOUNDS_DB;
  const bounded = levels.map((level) => Math.max(level, least));
  const middle = mean([...bounded]);
  return bounded.map((level) => level - middle);
}

function apart(one: Float64Array, other: Float64Array): number {
  return mean(Array.from(one, (level, band) => Math.abs(level - (other[band] ?? 0))));
}

/** Mean distance of the colours from their mean. */
function spreadOf(colours: readonly Float64Array[]): number {
  const middle = middleOf(colours);
  return mean(colours.map((colour) => apart(colour, middle)));
}

function middleOf(colours: readonly Float64Array[]): Float64Array {
  return Float64Array.from({ length: BANDS }, (_, band) => mean(colours.map((one) => one[band] ?? 0)));
}

function tilt(heard: Envelope, frame: number): number {
  const of = (bands: readonly number[]): number => powerDb(bands.map((band) => heard.bandDb(frame, band)));
  return of(HIGH) - of(LOW);
}

function syllablesOf(levels: readonly number[]): number {
  let [count, top, bottom, rising] = [0, -Infinity, Infinity, true];
  for (const level of levels) {
    if (rising) {
      top = Math.max(top, level);
      if (level < top - DIP_DB) {
        count += 1;
        [rising, bottom] = [false, level];
      }
    } else {
      bottom = Math.min(bottom, level);
      if (level > bottom + DIP_DB) [rising, top] = [true, level];
    }
  }
  return rising && levels.length > 0 ? count + 1 : count;
}

function powerDb(levels: readonly number[]): number {
  return 10 * Math.log10(mean(levels.map((level) => 10 ** (level / 10))) + 1e-12);
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
