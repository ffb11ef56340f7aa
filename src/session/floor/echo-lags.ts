/**
 * How late can an echo be, as long as none was found? At every lag at which an agent was loud and the microphone heard
 * nothing there is none; and a sound that is louder than what was due at a lag is none of that lag. What is left of
 * both may be the agent.
 */

/** An echo is at most so late (544 ms). */
const LAGS = 35;
/** Frames that are remembered: the latest lag, its neighbours and the room's tail. */
const MEMORY = 64;
/** Softer than this nothing sounds; loud is what comes this near to the loudest of the last seconds. */
const SOUNDS_DB = -45;
const LOUD_DB = 15;
const LOUDEST_FALLS_DB = 0.03;
/** So far below what is played the microphone heard nothing of it; nor did it where there is no more than its noise. */
const MOST_LOSS_DB = 26;
const OVER_NOISE_DB = 4;
/** So many loud frames unheard, and there is no echo at this lag. */
const UNHEARD = 6;
/** A sound is this much louder than the noise. What is louder than was played by more than this, so many frames, is no echo. */
const SOUND_DB = 15;
const MOST_GAIN_DB = 8;
const TOO_LOUD = 3;
/** The room's sound dies away by this in a frame, and is gone after so many. */
const DECAY_DB = 2.4;
const TAIL_FRAMES = 12;
/** After so many quiet frames another sound begins. */
const GAP_FRAMES = 10;
/** Noise is the least of the last one to two seconds in which no echo was due: the dips of a long echo are no noise. */
const NOISE_FRAMES = 64;
const SILENT_DB = -75;

export class EchoLags {
  /** By frame modulo MEMORY: level of what was played, and the same with the room's tail. */
  readonly #played = new Float64Array(MEMORY).fill(SILENT_DB);
  readonly #tail = new Float64Array(MEMORY).fill(SILENT_DB);
  readonly #unheard = new Uint8Array(LAGS);
  readonly #tooLoud = new Uint8Array(LAGS);
  /** What `possible` says, until the next frame; null: nobody has asked. */
  #possible: boolean | null = null;
  #frame = -1;
  #loudestDb = SOUNDS_DB;
  #leastDb = 0;
  #leastBeforeDb = 0;
  #quiet = 0;
  /** Frames since an agent sounded, and of the noise's present stretch. */
  #still = LAGS + TAIL_FRAMES;
  #stretch = 0;

  /** One frame after the other: level of the microphone, and of what was played. */
  hear(frame: number, heardDb: number, playedDb: number): void {
    // Of frames that nobody looked at nothing is known: neither was nothing played in them, nor was it unheard.
    for (let missed = Math.max(this.#frame + 1, frame - MEMORY); missed < frame; missed += 1) {
      this.#played[missed % MEMORY] = SILENT_DB;
      this.#tail[missed % MEMORY] = 0;
    }
    this.#frame = frame;
    this.#possible = null;
    const place = frame % MEMORY;
    const before = this.#tail[(frame + MEMORY - 1) % MEMORY] ?? SILENT_DB;
    this.#played[place] = playedDb;
    this.#tail[place] = Math.max(playedDb, before - DECAY_DB, SILENT_DB);
    this.#loudestDb = Math.max(SOUNDS_DB, playedDb, this.#loudestDb - LOUDEST_FALLS_DB);
    this.#still = playedDb > SOUNDS_DB ? 0 : this.#still + 1;
    if (this.#still >= LAGS + TAIL_FRAMES) this.#stretch += 1;
    if (this.#stretch === NOISE_FRAMES) {
      this.#stretch = 0;
      this.#leastBeforeDb = this.#leastDb;
      this.#leastDb = 0;
    }
    this.#leastDb = Math.min(this.#leastDb, heardDb);
    this.#weigh(heardDb, Math.min(this.#leastDb, this.#leastBeforeDb));
  }

  #weigh(heardDb: number, noiseDb: number): void {
    const sounds = heardDb > noiseDb + SOUND_DB;
    this.#quiet = sounds ? 0 : this.#quiet + 1;
    if (this.#quiet === GAP_FRAMES) this.#tooLoud.fill(0);
    const loudDb = Math.max(SOUNDS_DB, this.#loudestDb - LOUD_DB);
    const played = this.#played;
    // At a lag so much is due at least, though it is known to a frame only: the least of three.
    let [later, at] = [0, played[this.#frame % MEMORY] ?? SILENT_DB];
    for (let lag = 0; lag < LAGS; lag += 1) {
      const sooner = played[(this.#frame - lag - 1 + MEMORY) % MEMORY] ?? SILENT_DB;
      const due = Math.min(sooner, at, later);
      later = at;
      at = sooner;
      const unheard = due > loudDb && (heardDb < due - MOST_LOSS_DB || heardDb < noiseDb + OVER_NOISE_DB);
      if (unheard) this.#unheard[lag] = Math.min(UNHEARD, (this.#unheard[lag] ?? 0) + 1);
      if (sounds && heardDb > this.#mostDb(lag) + MOST_GAIN_DB)
        this.#tooLoud[lag] = Math.min(TOO_LOUD, (this.#tooLoud[lag] ?? 0) + 1);
    }
  }

  /** At this lag so much is due at most. */
  #mostDb(lag: number): number {
    const at = this.#frame - lag + MEMORY;
    return Math.max(
      this.#tail[at % MEMORY] ?? 0,
      lag === 0 ? SILENT_DB : (this.#tail[(at + 1) % MEMORY] ?? 0),
    );
  }

  /** What is heard now may be an echo at a lag that nothing speaks against. */
  get possible(): boolean {
    this.#possible ??= this.#anyPossible();
    return this.#possible;
  }

  #anyPossible(): boolean {
    for (let lag = 0; lag < LAGS; lag += 1) {
      if ((this.#unheard[lag] ?? 0) >= UNHEARD || (this.#tooLoud[lag] ?? 0) >= TOO_LOUD) continue;
      if (this.#mostDb(lag) > SOUNDS_DB - TAIL_FRAMES * DECAY_DB) return true;
    }
    return false;
  }

  /** Agents were loud, and the microphone heard nothing of it at any lag. */
  get none(): boolean {
    return this.#unheard.every((frames) => frames >= UNHEARD);
  }

  snapshot(): EchoLagsSnapshot {
    return {
      played: this.#played.slice(),
      unheard: this.#unheard.slice(),
      tooLoud: this.#tooLoud.slice(),
      levels: [this.#loudestDb, this.#leastDb, this.#leastBeforeDb],
      frame: this.#frame,
      counts: [this.#quiet, this.#still, this.#stretch],
    };
  }

  restore({ played, unheard, tooLoud, levels, frame, counts }: EchoLagsSnapshot): void {
    this.#played.set(played);
    this.#unheard.set(unheard);
    this.#tooLoud.set(tooLoud);
    [this.#loudestDb, this.#leastDb, this.#leastBeforeDb] = levels;
    this.#frame = frame;
    this.#possible = null;
    [this.#quiet, this.#still, this.#stretch] = counts;
    let tail = SILENT_DB;
    for (let at = frame + 1; at <= frame + MEMORY; at += 1) {
      tail = Math.max(this.#played[at % MEMORY] ?? SILENT_DB, tail - DECAY_DB, SILENT_DB);
      this.#tail[at % MEMORY] = tail;
    }
  }
}

export interface EchoLagsSnapshot {
  readonly played: Float64Array;
  readonly unheard: Uint8Array;
  readonly tooLoud: Uint8Array;
  readonly levels: readonly [loudestDb: number, leastDb: number, leastBeforeDb: number];
  readonly frame: number;
  readonly counts: readonly [quiet: number, still: number, stretch: number];
}
