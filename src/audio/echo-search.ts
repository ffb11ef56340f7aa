/**
 * Where in what was played lately is what is heard now? Compares the bands of two envelopes at every lag that a player
 * may have. It needs no alignment better than a frame, so neither the jitter of a clock model nor a loudspeaker that
 * distorts does harm, as both do to a comparison of waveforms.
 */
import { SILENT_BAND_DB, type Envelope } from "./envelope.ts";
import { BANDS } from "./filter-bank.ts";

export interface SearchOptions {
  /** Compared up to the present, in frames. */
  readonly windowFrames: number;
  /** What is heard is late by so many frames, from … to. */
  readonly fromLag: number;
  readonly toLag: number;
}

/** Within this of the loudest frame a band is loud: its gain can be measured. */
const LOUD_DB = 15;
/** Quieter than this below the loudest, differences say nothing: they drown in the room. */
const DEPTH_DB = 25;
/** A band that was never louder than this is not played. */
const PLAYED_DB = -62;
/** With fewer loud frames in all bands together there is too little to say. */
const LEAST_LOUD = 4 * BANDS;

/** The best lag of a search. Valid until the next one. */
export interface Match {
  lag: number;
  /** Of the levels over all bands, each around its mean: an echo rises and falls as what was played. */
  correlation: number;
  /** Spread (standard deviation, dB) of heard minus played in the loud frames: an echo has one gain per band. */
  spreadDb: number;
  /** Mean of heard minus played in each band's loud frames; NaN for a band that has too few. */
  readonly gainsDb: Float64Array;
}

export class EchoSearch {
  readonly #options: SearchOptions;
  readonly #mic: Float64Array;
  readonly #reference: Float64Array;
  readonly #loudest = new Float64Array(BANDS);
  readonly #gains = new Float64Array(BANDS);
  readonly #match: Match = { lag: 0, correlation: 0, spreadDb: 0, gainsDb: new Float64Array(BANDS) };
  #correlation = 0;
  #spreadDb = 0;

  constructor(options: SearchOptions) {
    this.#options = options;
    this.#mic = new Float64Array(options.windowFrames * BANDS);
    this.#reference = new Float64Array((options.windowFrames + options.toLag - options.fromLag) * BANDS);
  }

  /** `end`: the frame of `heard` before which the window ends. Null when there is too little to compare. */
  find(heard: Envelope, played: Envelope, end: number): Match | null {
    const { windowFrames, fromLag, toLag } = this.#options;
    this.#read(heard, this.#mic, end - windowFrames);
    this.#read(played, this.#reference, end - windowFrames - toLag);
    if (!this.#measureLoudest()) return null;
    let found = false;
    for (let lag = fromLag; lag <= toLag; lag += 1) {
      if (!this.#compare((toLag - lag) * BANDS)) continue;
      if (found && this.#correlation <= this.#match.correlation) continue;
      found = true;
      this.#match.lag = lag;
      this.#match.correlation = this.#correlation;
      this.#match.spreadDb = this.#spreadDb;
      this.#match.gainsDb.set(this.#gains);
    }
    return found ? this.#match : null;
  }

  #read(envelope: Envelope, into: Float64Array, from: number): void {
    for (let at = 0, frame = from; at < into.length; frame += 1) {
      for (let band = 0; band < BANDS; band += 1, at += 1) into[at] = envelope.bandDb(frame, band);
    }
  }

  #measureLoudest(): boolean {
    const loudest = this.#loudest.fill(SILENT_BAND_DB);
    let most = SILENT_BAND_DB;
    for (let at = 0; at < this.#reference.length; at += 1) {
      const level = this.#reference[at] ?? 0;
      if (level > (loudest[at % BANDS] ?? 0)) loudest[at % BANDS] = level;
      if (level > most) most = level;
    }
    return most > PLAYED_DB;
  }

  /** At the lag whose first frame is at this place of the reference. */
  #compare(place: number): boolean {
    let products = 0;
    let heardSquares = 0;
    let playedSquares = 0;
    let errors = 0;
    let loud = 0;
    let loudBands = 0;
    const frames = this.#options.windowFrames;
    for (let band = 0; band < BANDS; band += 1) {
      const loudest = this.#loudest[band] ?? 0;
      this.#gains[band] = NaN;
      if (loudest < PLAYED_DB) continue;
      let [sumX, sumY, sumXX, sumYY, sumXY] = [0, 0, 0, 0, 0];
      let [gain, gains, count] = [0, 0, 0];
      for (let at = band; at < this.#mic.length; at += BANDS) {
        const level = this.#reference[place + at] ?? 0;
        const x = Math.max(loudest - DEPTH_DB, level);
        const y = this.#mic[at] ?? 0;
        sumX += x;
        sumY += y;
        sumXX += x * x;
        sumYY += y * y;
        sumXY += x * y;
        if (level <= loudest - LOUD_DB) continue;
        gain += y - level;
        gains += (y - level) * (y - level);
        count += 1;
      }
      products += sumXY - (sumX * sumY) / frames;
      playedSquares += sumXX - (sumX * sumX) / frames;
      heardSquares += sumYY - (sumY * sumY) / frames;
      if (count < 3) continue;
      this.#gains[band] = gain / count;
      errors += gains - (gain * gain) / count;
      loud += count;
      loudBands += 1;
    }
    if (loud < LEAST_LOUD || playedSquares <= 0 || heardSquares <= 0) return false;
    this.#correlation = products / Math.sqrt(playedSquares * heardSquares);
    this.#spreadDb = Math.sqrt(errors / (loud - loudBands));
    return true;
  }
}
