/**
 * A loudness envelope on a wall-clock axis: mean power per 16 ms frame, the last few seconds of it. Two envelopes on
 * the same axis can be compared whatever their sample rates are.
 */
export const ENVELOPE_FRAME_MS = 16;
/** 128 frames: about two seconds, enough for a 640 ms window at any lag up to 1.2 s. */
const FRAMES = 128;
/** Below this a frame counts as silent (−75 dBFS), so that digital zero has a finite level. */
const FLOOR_POWER = 10 ** (-75 / 10);

export class Envelope {
  /** Energy sums and sample counts by frame number modulo FRAMES. */
  readonly #energy = new Float64Array(FRAMES);
  readonly #count = new Float64Array(FRAMES);
  /** Newest frame number; −1 before the first sample. */
  #newest = -1;
  /** Frame after which nothing sounds; null: it plays. */
  #heldFrom: number | null = null;

  get newestFrame(): number {
    return this.#newest;
  }

  /** Adds samples whose first one sounds at `atMs`. Samples older than what is kept are ignored. */
  add(samples: Int16Array, rateHz: number, atMs: number): void {
    const perFrame = (rateHz * ENVELOPE_FRAME_MS) / 1000;
    let position = (atMs / ENVELOPE_FRAME_MS) * perFrame;
    for (let at = 0; at < samples.length;) {
      const frame = Math.floor(position / perFrame);
      const length = Math.max(1, Math.min(samples.length - at, Math.ceil((frame + 1) * perFrame - position)));
      this.#addTo(frame, samples, at, at + length);
      at += length;
      position += length;
    }
  }

  #addTo(frame: number, samples: Int16Array, from: number, to: number): void {
    this.#advance(frame);
    if (frame <= this.#newest - FRAMES) return;
    let energy = 0;
    for (let at = from; at < to; at += 1) {
      const value = (samples[at] ?? 0) / 32_768;
      energy += value * value;
    }
    const slot = frame % FRAMES;
    this.#energy[slot] = (this.#energy[slot] ?? 0) + energy;
    this.#count[slot] = (this.#count[slot] ?? 0) + (to - from);
  }

  #advance(frame: number): void {
    if (frame <= this.#newest) return;
    const from = Math.max(this.#newest + 1, frame - FRAMES + 1);
    for (let fresh = from; fresh <= frame; fresh += 1) {
      this.#energy[fresh % FRAMES] = 0;
      this.#count[fresh % FRAMES] = 0;
    }
    this.#newest = frame;
  }

  /** From here on nothing sounds, whatever was added: the player stands still until `delay`. */
  hold(atMs: number): void {
    this.#heldFrom ??= Math.ceil(atMs / ENVELOPE_FRAME_MS);
  }

  /** What was to sound from `fromMs` on sounds later by `byMs`: the player stood still in between. */
  delay(fromMs: number, byMs: number): void {
    this.#heldFrom = null;
    const from = Math.floor(fromMs / ENVELOPE_FRAME_MS);
    const by = Math.round(byMs / ENVELOPE_FRAME_MS);
    if (by <= 0) return;
    const last = this.#newest;
    this.#advance(Math.max(last, from) + by);
    for (let frame = last; frame > last - FRAMES && frame >= from; frame -= 1) {
      const energy = this.#energy[frame % FRAMES] ?? 0;
      const count = this.#count[frame % FRAMES] ?? 0;
      this.#energy[frame % FRAMES] = 0;
      this.#count[frame % FRAMES] = 0;
      if (frame + by <= this.#newest - FRAMES) continue;
      this.#energy[(frame + by) % FRAMES] = energy;
      this.#count[(frame + by) % FRAMES] = count;
    }
  }

  /** Level of a frame in dBFS, −75 where nothing sounded or nothing is known. */
  levelDb(frame: number): number {
    if (this.#heldFrom !== null && frame > this.#heldFrom) return -75;
    if (frame > this.#newest || frame <= this.#newest - FRAMES || frame < 0) return -75;
    const count = this.#count[frame % FRAMES] ?? 0;
    const power = count > 0 ? (this.#energy[frame % FRAMES] ?? 0) / count : 0;
    return 10 * Math.log10(Math.max(power, FLOOR_POWER));
  }

  snapshot(): EnvelopeSnapshot {
    return {
      energy: this.#energy.slice(),
      count: this.#count.slice(),
      newest: this.#newest,
      heldFrom: this.#heldFrom,
    };
  }

  restore(snapshot: EnvelopeSnapshot): void {
    this.#energy.set(snapshot.energy);
    this.#count.set(snapshot.count);
    this.#newest = snapshot.newest;
    this.#heldFrom = snapshot.heldFrom;
  }
}

export interface EnvelopeSnapshot {
  readonly energy: Float64Array;
  readonly count: Float64Array;
  readonly newest: number;
  readonly heldFrom: number | null;
}

/** How well `heard` is explained as `played`, later and quieter. */
export interface Likeness {
  /**
   * Spread (standard deviation, dB) of heard minus played over the loud frames of `played`: an echo has nearly the
   * same gain in each, anything else has not. Infinite when there is too little to say.
   */
  readonly spreadDb: number;
  /** Pearson correlation of the levels over the window at that lag. */
  readonly correlation: number;
  /** How long `heard` lags behind `played`. */
  readonly lagMs: number;
  /** Mean of heard minus played over those frames: an echo is quieter than what was played. */
  readonly gainDb: number;
}

const UNLIKE: Likeness = { spreadDb: Infinity, correlation: 0, lagMs: 0, gainDb: 0 };

/** Frames within this of the loudest are loud: quieter ones drown in the room at the microphone. */
const LOUD_DB = 20;

/**
 * Compares the last `windowMs` of `heard` with `played` at lags from `fromLagMs` to `toLagMs` (a clock model of the
 * listener's player may be off by network and device delays); the best lag has the least spread.
 */
export function likeness(
  heard: Envelope,
  played: Envelope,
  options: {
    readonly windowMs: number;
    readonly fromLagMs: number;
    readonly toLagMs: number;
    /** Fewer loud frames than this say nothing. */
    readonly leastLoud: number;
  },
): Likeness {
  const frames = Math.round(options.windowMs / ENVELOPE_FRAME_MS);
  // The newest frame is still filling.
  const end = heard.newestFrame;
  const mic = levels(heard, end - frames, end);
  let best = UNLIKE;
  const last = Math.round(options.toLagMs / ENVELOPE_FRAME_MS);
  for (let lag = Math.round(options.fromLagMs / ENVELOPE_FRAME_MS); lag <= last; lag += 1) {
    const found = compare(mic, levels(played, end - frames - lag, end - lag), options.leastLoud);
    if (found.spreadDb < best.spreadDb) best = { ...found, lagMs: lag * ENVELOPE_FRAME_MS };
  }
  return best;
}

function compare(mic: Float64Array, reference: Float64Array, leastLoud: number): Omit<Likeness, "lagMs"> {
  const loudest = reference.reduce((most, level) => Math.max(most, level), -75);
  let count = 0;
  let sum = 0;
  let squares = 0;
  for (let at = 0; at < mic.length; at += 1) {
    const level = reference[at] ?? -75;
    if (level < loudest - LOUD_DB || level < -60) continue;
    const gain = (mic[at] ?? -75) - level;
    count += 1;
    sum += gain;
    squares += gain * gain;
  }
  if (count < leastLoud) return UNLIKE;
  const gainDb = sum / count;
  const spreadDb = Math.sqrt(Math.max(0, squares / count - gainDb * gainDb));
  return { spreadDb, gainDb, correlation: pearson(mic, reference) };
}

function levels(envelope: Envelope, from: number, to: number): Float64Array {
  return Float64Array.from({ length: to - from }, (_, at) => envelope.levelDb(from + at));
}

function mean(values: Float64Array): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Zero when either side hardly varies: a steady level is like everything. */
function pearson(a: Float64Array, b: Float64Array): number {
  const meanA = mean(a);
  const meanB = mean(b);
  let product = 0;
  let squareA = 0;
  let squareB = 0;
  for (let at = 0; at < a.length; at += 1) {
    const x = (a[at] ?? 0) - meanA;
    const y = (b[at] ?? 0) - meanB;
    product += x * y;
    squareA += x * x;
    squareB += y * y;
  }
  const LEAST_VARIANCE_DB2 = 4;
  if (squareA < LEAST_VARIANCE_DB2 * a.length || squareB < LEAST_VARIANCE_DB2 * b.length) return 0;
  return product / Math.sqrt(squareA * squareB);
}
