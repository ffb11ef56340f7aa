/**
 * Laughter: one syllable again and again, about five a second, with breath between and evenly ("ha ha ha ha"). Speech
 * opens and closes as often, but its syllables differ in colour and come less evenly, and hardly ever is as much of it so quiet.
 */
import type { Envelope } from "../../audio/envelope.ts";
import { apart, colourOf, mean, middleOf } from "./colour.ts";

/** So many syllables, with dips as deep between them, and no fewer. */
const LEAST_SYLLABLES = 5;
const DIP_DB = 8;
/** A syllable has the colour of its frames that are within this of its loudest. */
const LOUD_DB = 6;
/** More than this between the colours of a syllable and the next, at the median, is speech. */
const MOST_APART_DB = 4;
/** Frames within this of the loudest are the sounding part. */
const SOUNDING_DB = 12;
/** Dips are this deep at the mean: there is breath between, and no voice. */
const BREATH_DB = 20;
/**
 * Decibels between neighbours, the part that sounds, and how unevenly syllables come (spread by mean), in one sum: of the three laughs of
 * the tuned speakers that last, below 10.8; of 276 sentences, requests and words that last as long one begins below it (docs/floor.md).
 */
const OF_SOUNDING = 8;
const OF_UNEVEN = 10;
const MOST_SUM = 11;

interface Syllable {
  readonly from: number;
  readonly peak: number;
  to: number;
}

/** Whether what was heard from one frame to another is laughter. */
export function laughs(heard: Envelope, from: number, to: number): boolean {
  const levels = Array.from({ length: to - from + 1 }, (_, at) => heard.levelDb(from + at));
  const syllables = syllablesOf(levels);
  if (syllables.length < LEAST_SYLLABLES || depthOf(syllables, levels) < BREATH_DB) return false;
  const colours = syllables.map((one) => {
    const frames = Array.from({ length: one.to - one.from + 1 }, (_, at) => one.from + at);
    const loud = frames.filter((at) => (levels[at] ?? 0) > (levels[one.peak] ?? 0) - LOUD_DB);
    return middleOf(loud.map((at) => colourOf(heard, from + at)));
  });
  const steps = colours.slice(1).map((colour, at) => apart(colour, colours[at] ?? colour));
  const distance = steps.toSorted((a, b) => a - b)[steps.length >> 1] ?? Infinity;
  if (distance >= MOST_APART_DB) return false;
  const loudest = Math.max(...levels);
  const sounding = mean(levels.map((level) => (level > loudest - SOUNDING_DB ? 1 : 0)));
  return distance + OF_SOUNDING * sounding + OF_UNEVEN * unevenness(syllables) < MOST_SUM;
}

/** How far it falls after each syllable but the last, at the mean. */
function depthOf(syllables: readonly Syllable[], levels: readonly number[]): number {
  return mean(syllables.slice(0, -1).map(({ peak, to }) => (levels[peak] ?? 0) - (levels[to] ?? 0)));
}

/** Standard deviation of the times between peaks, by their mean. */
function unevenness(syllables: readonly Syllable[]): number {
  const gaps = syllables.slice(1).map(({ peak }, at) => peak - (syllables[at]?.peak ?? 0));
  const middle = mean(gaps);
  return Math.sqrt(mean(gaps.map((gap) => (gap - middle) ** 2))) / middle;
}

function syllablesOf(levels: readonly number[]): Syllable[] {
  const found: Syllable[] = [];
  let [from, peak, dip, rising] = [0, 0, 0, true];
  for (const [at, level] of levels.entries()) {
    if (rising) {
      if (level > (levels[peak] ?? 0)) peak = at;
      if (level >= (levels[peak] ?? 0) - DIP_DB) continue;
      found.push({ from, peak, to: at });
      [rising, dip] = [false, at];
    } else {
      if (level < (levels[dip] ?? 0)) dip = at;
      if (level <= (levels[dip] ?? 0) + DIP_DB) continue;
      const last = found.at(-1);
      if (last) last.to = dip;
      [rising, from, peak] = [true, dip, at];
    }
  }
  if (rising && levels.length > 0) found.push({ from, peak, to: levels.length - 1 });
  return found;
}
