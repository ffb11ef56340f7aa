/**
 * Is what the microphone hears what the loudspeaker says? Loudness envelopes of both are kept on one time axis; an
 * echo follows what was played, later and quieter. It needs no alignment better than a second, which is all that a
 * clock model of the listener's player can promise.
 */
import { Envelope, likeness, type EnvelopeSnapshot } from "../../audio/envelope.ts";

/** To find an echo: two thirds of a second, at any lag a player may have. */
const SEARCH = { windowMs: 640, fromLagMs: -64, toLagMs: 800, leastLoud: 10 };
/** To find it again: a moment, near the lag it had. */
const AGAIN = { windowMs: 224, leastLoud: 5 };
const LAG_SLACK_MS = 48;
/**
 * What an echo is: nearly one gain over the loud frames, the same rise and fall, and quieter than what was played.
 * Measured on generated voices an echo has a spread of 1–2 dB and a correlation above 0.9, another voice 3–20 dB at
 * its luckiest lag (docs/floor.md).
 */
const MOST_SPREAD_DB = 3;
const LEAST_CORRELATION = 0.85;
const MOST_GAIN_DB = -3;
/** An echo that is known: the same gain within this, at a spread that a short window allows. */
const GAIN_SLACK_DB = 5;
const MOST_SPREAD_AGAIN_DB = 4.5;
/** A capture clock that arrives this much later than before has jumped (a stall), rather than jittered. */
const JUMP_MS = 250;

export class EchoGuard {
  readonly #heard = new Envelope();
  readonly #played: Envelope[] = [];
  /** The echo path of this call, once it was found. */
  #known: { readonly lagMs: number; readonly gainDb: number } | null = null;
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

  /** The player stood still: what had not sounded yet sounds later. */
  delayed(fromMs: number, byMs: number): void {
    for (const envelope of this.#played) envelope?.delay(fromMs, byMs);
  }

  /** What the microphone hears now is an echo of some stream. */
  get echo(): boolean {
    return this.#played.some((played) => played && (this.#again(played) || this.#search(played)));
  }

  /** Looks for an echo path that is not known yet. */
  look(): void {
    if (!this.#known) for (const played of this.#played) if (played) this.#search(played);
  }

  #search(played: Envelope): boolean {
    const found = likeness(this.#heard, played, SEARCH);
    const echo =
      found.spreadDb <= MOST_SPREAD_DB &&
      found.correlation >= LEAST_CORRELATION &&
      found.gainDb <= MOST_GAIN_DB;
    if (echo) this.#known = { lagMs: found.lagMs, gainDb: found.gainDb };
    return echo;
  }

  #again(played: Envelope): boolean {
    const known = this.#known;
    if (!known) return false;
    const found = likeness(this.#heard, played, {
      ...AGAIN,
      fromLagMs: known.lagMs - LAG_SLACK_MS,
      toLagMs: known.lagMs + LAG_SLACK_MS,
    });
    return found.spreadDb <= MOST_SPREAD_AGAIN_DB && Math.abs(found.gainDb - known.gainDb) <= GAIN_SLACK_DB;
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
    };
  }

  restore(snapshot: EchoGuardSnapshot): void {
    this.#heard.restore(snapshot.heard);
    this.#base = snapshot.base;
    this.#known = snapshot.known;
    for (const [stream, kept] of snapshot.played.entries()) if (kept) this.#envelope(stream).restore(kept);
  }
}

export interface EchoGuardSnapshot {
  readonly heard: EnvelopeSnapshot;
  readonly played: readonly (EnvelopeSnapshot | null)[];
  readonly base: number | null;
  readonly known: { readonly lagMs: number; readonly gainDb: number } | null;
}
