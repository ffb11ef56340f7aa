/**
 * Slow gain that brings a quiet speaker to the level the network was trained at.
 *
 * Level is the network's weakest point: at -12 dB it misses every eighth onset (docs/vad.md). The gain follows a
 * running mean of the level of hops that the network itself takes for speech, so noise never lifts it; it only
 * amplifies, because louder speech costs nothing; and it is bounded, so that a far-away television never becomes a
 * speaker.
 */

/** Mean level of speech hops that needs no gain. On a plateau: -28 to -26 dBFS score alike on data/vad. */
const TARGET_DBFS = -27;
/** 15 dB carry recall down to speech at -18 dB of its usual level; 12 and 18 dB score alike at -12 dB. */
const MOST_GAIN_DB = 15;
/** Assumed before anybody has spoken: that of prompts and telephone calls, so a call begins with no gain. */
const INITIAL_DBFS = -26;
/** Hops at or above this probability count as speech. */
const GATE = 0.5;
/** Hops quieter than this are no measure of a speaker, whatever the network says. */
const QUIETEST_DBFS = -70;
/** Time constant in seconds of speech (not of time). At 8 s recall after a level change falls, at 1 s AUC does. */
const SPEECH_SECONDS = 4;
/** One hop moves the mean as if it were at most this far from it: a click is not a level. */
const MOST_STEP_DB = 15;

export class SpeechLevel {
  readonly #rate: number;
  #dbfs = INITIAL_DBFS;
  #gain = 1;

  /** `hopsPerSecond`: how many updates one second of audio brings. */
  constructor(hopsPerSecond: number) {
    this.#rate = 1 / (SPEECH_SECONDS * hopsPerSecond);
  }

  /** Factor for the samples, from 1 to 5.6. */
  get gain(): number {
    return this.#gain;
  }

  /** Running mean of the speaker's level, for snapshots. */
  get dbfs(): number {
    return this.#dbfs;
  }

  /** `power`: mean square of the hop's samples in the s16 scale. */
  update(probability: number, power: number): void {
    if (probability < GATE) return;
    const dbfs = 10 * Math.log10(power / 32768 ** 2 + 1e-12);
    if (dbfs < QUIETEST_DBFS) return;
    const difference = dbfs - this.#dbfs;
    this.restore(this.#dbfs + this.#rate * Math.max(-MOST_STEP_DB, Math.min(MOST_STEP_DB, difference)));
  }

  reset(): void {
    this.restore(INITIAL_DBFS);
  }

  /** @throws RangeError when `dbfs` is not a level. */
  restore(dbfs: number): void {
    if (!(dbfs >= -120 && dbfs <= 3)) throw new RangeError(`${dbfs} dBFS is not a level of speech`);
    this.#dbfs = dbfs;
    this.#gain = 10 ** (Math.max(0, Math.min(MOST_GAIN_DB, TARGET_DBFS - dbfs)) / 20);
  }
}
