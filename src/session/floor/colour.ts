/** The colour of a frame: how its loudness is spread over the bands, whatever the loudness is. */
import type { Envelope } from "../../audio/envelope.ts";
import { BANDS } from "../../audio/filter-bank.ts";

/** Quieter than the loudest frame, or band, by this, one is none of the sound. */
export const SOUNDS_DB = 25;

/** Levels of the bands less their mean, none far below the loudest. */
export function colourOf(heard: Envelope, frame: number): Float64Array {
  const levels = Float64Array.from({ length: BANDS }, (_, band) => heard.bandDb(frame, band));
  const least = Math.max(...levels) - SOUNDS_DB;
  const bounded = levels.map((level) => Math.max(level, least));
  const middle = mean([...bounded]);
  return bounded.map((level) => level - middle);
}

export function apart(one: Float64Array, other: Float64Array): number {
  return mean(Array.from(one, (level, band) => Math.abs(level - (other[band] ?? 0))));
}

export function middleOf(colours: readonly Float64Array[]): Float64Array {
  return Float64Array.from({ length: BANDS }, (_, band) => mean(colours.map((one) => one[band] ?? 0)));
}

export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
