/** The way of an echo from the loudspeaker to the microphone: when it is known, and what it does to a sound. */
import type { Match } from "../../audio/echo-search.ts";
import { BANDS } from "../../audio/filter-bank.ts";

/**
 * What an echo is: nearly one gain per band in the loud frames, and the same rise and fall. Luck does not repeat itself: a
 * path is known when what was found in a row, the same within the slack, weighs this much. A quiet echo in a noisy
 * room hardly rises and falls, but it does so at the same lag again and again.
 */
const ENOUGH = 2;
const WEIGHTS = [
  { weight: 2, spreadDb: 2.6, correlation: 0.86 },
  { weight: 1, spreadDb: 3.3, correlation: 0.82 },
  { weight: 0.5, spreadDb: 2.8, correlation: 0.65 },
  { weight: 0.5, spreadDb: 4.5, correlation: 0.84 },
];
const LAG_SLACK = 2;
const GAIN_SLACK_DB = 3;
/**
 * It is hardly louder than what was played (a telephone on its loudspeaker: 1 dB), nor any band much louder, and loudspeaker
 * and room do not take so much more from one than from another.
 */
const MOST_GAIN_DB = 5;
const MOST_BAND_GAIN_DB = 10;
/** As loud as it was played: a caller is that too, so it takes more to believe in an echo. */
const LOUD_GAIN_DB = -3;
const LOUD_WEIGHT = 0.4;
const MOST_TILT_DB = 30;
/** How fast the gains of a known path follow what is found, per look. */
const GAIN_RATE = 0.25;
/** How much louder an echo is taken to be that passed for a voice. */
const LOUDER_DB = 1.5;

interface Found {
  lag: number;
  /** Weight of the matches that found it; 0: it is not known. */
  finds: number;
  readonly gainsDb: Float64Array;
}

function nothing(): Found {
  return { lag: 0, finds: 0, gainsDb: new Float64Array(BANDS) };
}

export class EchoPath {
  readonly #known = nothing();
  readonly #candidate = nothing();

  get known(): boolean {
    return this.#known.finds > 0;
  }

  /** In frames of the envelope. */
  get lag(): number {
    return this.#known.lag;
  }

  gainDb(band: number): number {
    return this.#known.gainsDb[band] ?? 0;
  }

  /** What a search found. @returns true when the path is another one now. */
  take(match: Match): boolean {
    const meanDb = meanOf(match.gainsDb);
    const weight = weigh(match) * (meanDb > LOUD_GAIN_DB ? LOUD_WEIGHT : 1);
    if (weight === 0 || meanDb > MOST_GAIN_DB || !likely(match.gainsDb)) return false;
    if (agrees(this.#known, match, meanDb)) {
      const moved = this.#known.lag !== match.lag;
      this.#known.lag = match.lag;
      follow(this.#known.gainsDb, match.gainsDb, GAIN_RATE);
      return moved;
    }
    const again = agrees(this.#candidate, match, meanDb);
    this.#candidate.finds = (again ? this.#candidate.finds : 0) + weight;
    this.#candidate.lag = match.lag;
    for (let band = 0; band < BANDS; band += 1) {
      const gain = match.gainsDb[band] ?? 0;
      this.#candidate.gainsDb[band] = Number.isNaN(gain) ? meanDb : gain;
    }
    if (this.#candidate.finds < ENOUGH) return false;
    put(this.#known, this.#candidate);
    return true;
  }

  /** What seemed to be a voice was an echo after all: it is louder than was thought (somebody turned the volume). */
  louder(): void {
    for (let band = 0; band < BANDS; band += 1) {
      const gainDb = this.gainDb(band);
      this.#known.gainsDb[band] = Math.max(gainDb, Math.min(0, gainDb + LOUDER_DB));
    }
  }

  snapshot(): EchoPathSnapshot {
    return { known: copyOf(this.#known), candidate: copyOf(this.#candidate) };
  }

  restore({ known, candidate }: EchoPathSnapshot): void {
    put(this.#known, known);
    put(this.#candidate, candidate);
  }
}

/** How much a match says for an echo. */
function weigh(match: Match): number {
  for (const { weight, spreadDb, correlation } of WEIGHTS) {
    if (match.spreadDb <= spreadDb && match.correlation >= correlation) return weight;
  }
  return 0;
}

/** A path that was found is the same, within what lags and gains vary by. */
function agrees(known: Found, match: Match, meanDb: number): boolean {
  return (
    known.finds > 0 &&
    Math.abs(known.lag - match.lag) <= LAG_SLACK &&
    Math.abs(meanOf(known.gainsDb) - meanDb) <= GAIN_SLACK_DB
  );
}

function follow(gainsDb: Float64Array, found: Float64Array, rate: number): void {
  for (let band = 0; band < BANDS; band += 1) {
    const former = gainsDb[band] ?? 0;
    const gain = found[band] ?? 0;
    if (!Number.isNaN(gain)) gainsDb[band] = former + (gain - former) * rate;
  }
}

function likely(gainsDb: Float64Array): boolean {
  let least = MOST_BAND_GAIN_DB;
  let most = -Infinity;
  for (let band = 0; band < BANDS; band += 1) {
    const gain = gainsDb[band] ?? 0;
    if (gain < least) least = gain;
    if (gain > most) most = gain;
  }
  return most <= MOST_BAND_GAIN_DB && most - least <= MOST_TILT_DB;
}

/** Of the bands that have a gain. */
function meanOf(gainsDb: Float64Array): number {
  let sum = 0;
  let count = 0;
  for (let band = 0; band < BANDS; band += 1) {
    const gain = gainsDb[band] ?? 0;
    if (Number.isNaN(gain)) continue;
    sum += gain;
    count += 1;
  }
  return count === 0 ? 0 : sum / count;
}

function copyOf({ lag, finds, gainsDb }: Found): Readonly<Found> {
  return { lag, finds, gainsDb: gainsDb.slice() };
}

function put(into: Found, { lag, finds, gainsDb }: Readonly<Found>): void {
  into.lag = lag;
  into.finds = finds;
  into.gainsDb.set(gainsDb);
}

export interface EchoPathSnapshot {
  readonly known: Readonly<Found>;
  readonly candidate: Readonly<Found>;
}
