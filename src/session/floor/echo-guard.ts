/**
 * Is what the microphone hears what the loudspeaker says? Loudness envelopes of both are kept on one time axis; an
 * echo follows what was played, later and quieter. It needs no alignment better than a second, which is all that a
 * clock model of the listener's player can promise.
 */
import { Envelope, ENVELOPE_FRAME_MS, likeness, type EnvelopeSnapshot } from "../../audio/envelope.ts";

/** To find an echo: two thirds of a second, at any lag a player may have. */
const SEARCH = { windowMs: 640, fromLagMs: -64, toLagMs: 800, leastLoud: 12 };
/**
 * What an echo is: nearly one gain over the loud frames, the same rise and fall, and quieter than what was played.
 * Measured on generated voices an echo has a spread of 1–2 dB and a correlation above 0.9, another voice 3–20 dB at
 * its luckiest lag (docs/floor.md).
 */
const MOST_SPREAD_DB = 2.5;
const LEAST_CORRELATION = 0.85;
const MOST_GAIN_DB = -3;
/** Luck does not repeat itself: a path is known when it was found so often in a row, the same within these. */
const FINDS = 2;
const LAG_SLACK_MS = 32;
const GAIN_SLACK_DB = 3;
/** A known echo explains the microphone when it is at most this much louder, over its loud frames, than expected. */
const MOST_EXCESS_DB = 4;
/** The last quarter of a second of it. */
const EXPLAIN_FRAMES = 14;
/** A room's sound dies away at about this rate per 16 ms frame (RT60 of 0.3 s). */
const DECAY_DB = 3;
/** An echo that could be heard must be due in so many of them: silence explains nothing. */
const LEAST_SOUNDING = 4;
/** Frames quieter than this at the microphone need no explanation. */
const AUDIBLE_DB = -52;
/** A capture clock that arrives this much later than before has jumped (a stall), rather than jittered. */
const JUMP_MS = 250;

/** From the loudspeaker to the microphone. */
interface EchoPath {
  readonly stream: number;
  readonly lagMs: number;
  readonly gainDb: number;
}

export class EchoGuard {
  readonly #heard = new Envelope();
  readonly #played: Envelope[] = [];
  /** The echo path of this call, once it was found. */
  #known: EchoPath | null = null;
  #candidate: { readonly path: EchoPath; readonly finds: number } | null = null;
  /** Wall time of the caller's first sample, by the earliest arrival seen. */
  #base: number | null = null;

  /** The caller's audio as it arrives: `endMs` is its position in the caller's stream. */
  heard(samples: Int16Array, rateHz: number, endMs: number, now: number): void {
    const base = now - endMs;
    if (this.#base === null || base < this.#base || base > this.#base + JUMP_MS) this.#base = base;
    const startMs = this.#base + endMs - (samples.length * 1000) / rateHz;
    this.#heard.add(samples, rateHz, startMs);
  }

  /** Audio on its way to the listener, and when it will sound. */
  played(stream: number, samples: Int16Array, rateHz: number, atMs: number): void {
    this.#envelope(stream).add(samples, rateHz, atMs);
  }

  #envelope(stream: number): Envelope {
    const known = this.#played[stream];
    if (known) return known;
    const envelope = new Envelope();
    this.#played[stream] = envelope;
    return envelope;
  }

  /** The player stands still: what was to sound from now on does not. */
  paused(atMs: number): void {
    for (const envelope of this.#played) envelope?.hold(atMs);
  }

  /** The player stood still: what had not sounded yet sounds later. */
  delayed(fromMs: number, byMs: number): void {
    for (const envelope of this.#played) envelope?.delay(fromMs, byMs);
  }

  /** What the microphone hears now is an echo. */
  get echo(): boolean {
    if (!this.#known) this.look();
    return this.#known !== null && this.#explained(this.#known);
  }

  /** Looks for the echo path of this call, and follows it. */
  look(): void {
    for (const [stream, played] of this.#played.entries()) {
      const found = played ? likeness(this.#heard, played, SEARCH) : null;
      if (
        found &&
        found.spreadDb <= MOST_SPREAD_DB &&
        found.correlation >= LEAST_CORRELATION &&
        found.gainDb <= MOST_GAIN_DB
      ) {
        this.#found({ stream, lagMs: found.lagMs, gainDb: found.gainDb });
      }
    }
  }

  #found(path: EchoPath): void {
    const same =
      this.#candidate !== null &&
      this.#candidate.path.stream === path.stream &&
      Math.abs(this.#candidate.path.lagMs - path.lagMs) <= LAG_SLACK_MS &&
      Math.abs(this.#candidate.path.gainDb - path.gainDb) <= GAIN_SLACK_DB;
    this.#candidate = { path, finds: same ? (this.#candidate?.finds ?? 0) + 1 : 1 };
    if (this.#candidate.finds >= FINDS) this.#known = path;
  }

  /** The microphone is no louder than the known echo of what was played makes it. */
  #explained(path: EchoPath): boolean {
    const played = this.#played[path.stream];
    if (!played) return false;
    const lag = Math.round(path.lagMs / ENVELOPE_FRAME_MS);
    const end = this.#heard.newestFrame;
    let expected = -100;
    const excess: number[] = [];
    let sounding = 0;
    for (let frame = end - EXPLAIN_FRAMES; frame < end; frame += 1) {
      // A lag is known to a frame: the louder neighbour counts.
      const near = Math.max(...[-1, 0, 1].map((off) => played.levelDb(frame - lag + off)));
      expected = Math.max(near + path.gainDb, expected - DECAY_DB);
      if (expected > AUDIBLE_DB) sounding += 1;
      const level = this.#heard.levelDb(frame);
      if (level < AUDIBLE_DB) continue;
      excess.push(level - Math.max(expected, AUDIBLE_DB));
    }
    // A voice on top shows in its own loud frames, between them there is the echo alone.
    const most = excess.sort((a, b) => b - a).slice(0, Math.ceil(excess.length / 2));
    if (sounding < LEAST_SOUNDING || most.length === 0) return false;
    return most.reduce((sum, db) => sum + db, 0) / most.length <= MOST_EXCESS_DB;
  }

  /** Level of the microphone just now, in dBFS: the loudest of the last three frames. */
  get levelDb(): number {
    const newest = this.#heard.newestFrame;
    return Math.max(...[1, 2, 3].map((back) => this.#heard.levelDb(newest - back)));
  }

  snapshot(): EchoGuardSnapshot {
    return {
      heard: this.#heard.snapshot(),
      played: Array.from(this.#played, (envelope) => envelope?.snapshot() ?? null),
      base: this.#base,
      known: this.#known,
      candidate: this.#candidate,
    };
  }

  restore(snapshot: EchoGuardSnapshot): void {
    this.#heard.restore(snapshot.heard);
    this.#base = snapshot.base;
    this.#known = snapshot.known;
    this.#candidate = snapshot.candidate;
    for (const [stream, kept] of snapshot.played.entries()) if (kept) this.#envelope(stream).restore(kept);
  }
}

export interface EchoGuardSnapshot {
  readonly heard: EnvelopeSnapshot;
  readonly played: readonly (EnvelopeSnapshot | null)[];
  readonly base: number | null;
  readonly known: EchoPath | null;
  readonly candidate: { readonly path: EchoPath; readonly finds: number } | null;
}
