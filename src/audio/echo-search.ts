/**
 * Where in what was played lately is what is heard now? Compares the bands of two envelopes at every lag that a player
 * may have. It needs no alignment better than a frame, so neither the jitter of a clock model nor a loudspeaker that
 * distorts does harm, as both do to a comparison of waveforms.
 */
import type { Envelope } from "./envelope.ts";
import { SILENT_BAND_DB } from "./level-steps.ts";
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
/** Nor does a band say anything with fewer. */
const LEAST_IN_BAND = 3;
/** Levels that hardly vary (dB², summed) have no correlation but that of rounding. */
const LEAST_SQUARES = 1e-6;

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
  /** Levels frame by frame, one band after the other: of what is heard, */
  readonly #mic: Float64Array;
  /** and of what was played, at least so loud that differences say something. */
  readonly #reference: Float64Array;
  /** Of each band of what is heard: the sum, and the sum of squares. They are the same at every lag. */
  readonly #micSum = new Float64Array(BANDS);
  readonly #micSquares = new Float64Array(BANDS);
  /** Of each band of what was played, up to each frame: the sum, the sum of squares, and how many are loud. */
  readonly #sum: Float64Array;
  readonly #squares: Float64Array;
  readonly #loud: Int32Array;
  readonly #loudest = new Float64Array(BANDS);
  readonly #match: Match = { lag: 0, correlation: 0, spreadDb: 0, gainsDb: new Float64Array(BANDS) };

  constructor(options: SearchOptions) {
    this.#options = options;
    this.#mic = new Float64Array(options.windowFrames * BANDS);
    const span = options.windowFrames + options.toLag - options.fromLag;
    this.#reference = new Float64Array(span * BANDS);
    this.#sum = new Float64Array((span + 1) * BANDS);
    this.#squares = new Float64Array((span + 1) * BANDS);
    this.#loud = new Int32Array((span + 1) * BANDS);
  }

  /** `end`: the frame of `heard` before which the window ends. Null when there is too little to compare. */
  find(heard: Envelope, played: Envelope, end: number): Match | null {
    const { windowFrames, fromLag, toLag } = this.#options;
    played.readBands(end - windowFrames - toLag, this.#reference);
    if (!this.#measureLoudest()) return null;
    heard.readBands(end - windowFrames, this.#mic);
    this.#sumHeard();
    this.#sumPlayed();
    let best = -Infinity;
    for (let lag = fromLag; lag <= toLag; lag += 1) {
      const correlation = this.#correlate(toLag - lag);
      if (!(correlation > best)) continue;
      best = correlation;
      this.#match.lag = lag;
    }
    if (best === -Infinity) return null;
    this.#match.correlation = best;
    this.#measureGains(toLag - this.#match.lag);
    return this.#match;
  }

  /** Of each band of what was played; and raises what is too quiet. */
  #measureLoudest(): boolean {
    const frames = this.#reference.length / BANDS;
    let most = SILENT_BAND_DB;
    for (let band = 0; band < BANDS; band += 1) {
      let loudest = SILENT_BAND_DB;
      for (let at = band * frames; at < (band + 1) * frames; at += 1) {
        loudest = Math.max(loudest, this.#reference[at] ?? 0);
      }
      for (let at = band * frames; at < (band + 1) * frames; at += 1) {
        this.#reference[at] = Math.max(loudest - DEPTH_DB, this.#reference[at] ?? 0);
      }
      this.#loudest[band] = loudest;
      most = Math.max(most, loudest);
    }
    return most > PLAYED_DB;
  }

  #sumHeard(): void {
    const frames = this.#options.windowFrames;
    for (let band = 0; band < BANDS; band += 1) {
      let [sum, squares] = [0, 0];
      for (let at = band * frames; at < (band + 1) * frames; at += 1) {
        const level = this.#mic[at] ?? 0;
        sum += level;
        squares += level * level;
      }
      this.#micSum[band] = sum;
      this.#micSquares[band] = squares;
    }
  }

  #sumPlayed(): void {
    const span = this.#reference.length / BANDS;
    for (let band = 0, to = 0; band < BANDS; band += 1, to += 1) {
      const loudFrom = (this.#loudest[band] ?? 0) - LOUD_DB;
      let [sum, squares, loud] = [0, 0, 0];
      for (let at = band * span; at < (band + 1) * span; at += 1) {
        const level = this.#reference[at] ?? 0;
        sum += level;
        squares += level * level;
        if (level > loudFrom) loud += 1;
        to += 1;
        this.#sum[to] = sum;
        this.#squares[to] = squares;
        this.#loud[to] = loud;
      }
    }
  }

  /** At the lag whose first frame is this one of the reference; NaN when too little is loud there. */
  #correlate(first: number): number {
    const mic = this.#mic;
    const reference = this.#reference;
    const frames = this.#options.windowFrames;
    const span = reference.length / BANDS;
    let products = 0;
    let heardSquares = 0;
    let playedSquares = 0;
    let loud = 0;
    for (let band = 0; band < BANDS; band += 1) {
      if ((this.#loudest[band] ?? 0) < PLAYED_DB) continue;
      const place = band * span + first;
      let product = 0;
      for (let at = 0; at < frames; at += 1) {
        product += (reference[place + at] ?? 0) * (mic[band * frames + at] ?? 0);
      }
      const from = place + band;
      const sumX = (this.#sum[from + frames] ?? 0) - (this.#sum[from] ?? 0);
      const sumY = this.#micSum[band] ?? 0;
      products += product - (sumX * sumY) / frames;
      playedSquares +=
        (this.#squares[from + frames] ?? 0) - (this.#squares[from] ?? 0) - (sumX * sumX) / frames;
      heardSquares += (this.#micSquares[band] ?? 0) - (sumY * sumY) / frames;
      const count = (this.#loud[from + frames] ?? 0) - (this.#loud[from] ?? 0);
      if (count >= LEAST_IN_BAND) loud += count;
    }
    if (loud < LEAST_LOUD || playedSquares <= LEAST_SQUARES || heardSquares <= LEAST_SQUARES) return NaN;
    return products / Math.sqrt(playedSquares * heardSquares);
  }

  /** Of the best lag: the gain of each band that is loud often enough, and how all of them are spread. */
  #measureGains(first: number): void {
    const frames = this.#options.windowFrames;
    const span = this.#reference.length / BANDS;
    let errors = 0;
    let freedom = 0;
    for (let band = 0; band < BANDS; band += 1) {
      this.#match.gainsDb[band] = NaN;
      const loudest = this.#loudest[band] ?? 0;
      if (loudest < PLAYED_DB) continue;
      let [sum, squares, count] = [0, 0, 0];
      for (let at = 0; at < frames; at += 1) {
        const level = this.#reference[band * span + first + at] ?? 0;
        if (level <= loudest - LOUD_DB) continue;
        const gain = (this.#mic[band * frames + at] ?? 0) - level;
        sum += gain;
        squares += gain * gain;
        count += 1;
      }
      if (count < LEAST_IN_BAND) continue;
      this.#match.gainsDb[band] = sum / count;
      errors += squares - (sum * sum) / count;
      freedom += count - 1;
    }
    this.#match.spreadDb = Math.sqrt(errors / freedom);
  }
}
