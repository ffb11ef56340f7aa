/**
 * How much voice it takes before a sound holds the agent. None where nothing speaks against the caller; more where the room is
 * noisy, where it may be an echo that is not known yet, and where it is softer than the caller speaks.
 */
import type { CallerLevel } from "./caller-level.ts";
import type { EchoGuard } from "./echo-guard.ts";
import { levelAnew, type Overlap, type Passed } from "./overlap.ts";

/**
 * After so many sounds in a row that were nothing, the next is listened to for longer before it holds the agent: an
 * agent that stops at each of them would never be understood.
 */
const PATIENT_AFTER = 2;
const PATIENCE_MS = 96;
const MOST_PATIENCE_MS = 288;
/**
 * A sound that may be an echo of which nothing is known yet is listened to for so long: giving way would end the very sound
 * by which the echo is found. Where it was like nothing that was played, since so many frames, less will do; where it is like
 * an echo, it takes more.
 */
const UNKNOWN = { ms: 240, unlikeMs: 96, unlikeFrames: 8, suspectedMs: 640 };
/** With breaths in it a sound that is listened to for longer takes so many times as much voice to hold the agent. */
const BROKEN = 1.5;
/** Someone in the background who gets louder is listened to for so long before it is looked at again. */
const RECONSIDER_MS = 96;
/** A caller this much quieter than usual, over a whole sound, is someone else. */
const BACKGROUND_DB = 8;
/** A sound that was someone else once is the caller only when it is nearly as loud. */
const BACKGROUND_AGAIN_DB = 6;
/** A sound that begins this much quieter than the caller speaks does not hold the agent until it is louder. */
const SOFT_DB = 14;
const LOUDER_DB = 10;
/** A sound may have begun so long before the detector was sure of it (a quarter of a second). */
const LEAD_FRAMES = 16;

export class Patience {
  readonly #guard: EchoGuard;
  readonly #caller: CallerLevel;
  /** Sounds dismissed in a row: the room is noisy, or an echo is not known yet. */
  dismissals = 0;

  constructor(guard: EchoGuard, caller: CallerLevel) {
    this.#guard = guard;
    this.#caller = caller;
  }

  /** A sound begins, and its turn, if it is one, at this position. */
  onset(prefixTicks: number): Overlap {
    const patienceMs = this.#atFirstMs();
    return {
      prefixTicks,
      mayEcho: this.#guard.possible,
      fromFrame: this.#guard.frame - LEAD_FRAMES,
      patienceMs,
      voicedMs: 0,
      silentMs: 0,
      passed: this.#passedAt(patienceMs),
      backgroundDb: BACKGROUND_DB,
      power: 0,
      hops: 0,
      listening: false,
    };
  }

  /** What is heard just now is loud enough for the caller, no echo and nobody in the background, as far as is known. */
  mayBeCaller(overlap: Overlap | null): boolean {
    if (overlap?.passed === "echo" || overlap?.passed === "background") return false;
    const echo = this.#guard.known ? this.#guard.covers : this.#guard.possible;
    return !echo && !this.#below(LOUDER_DB);
  }

  #passedAt(patienceMs: number): Passed | null {
    if (this.#guard.covers) return this.#guard.due ? "echo" : "soft";
    if (patienceMs > 0) return "patience";
    return this.#soft ? "soft" : null;
  }

  #atFirstMs(): number {
    if (this.#guard.known) return 0;
    if (this.#guard.possible) return UNKNOWN.ms;
    return Math.min(Math.max(0, this.dismissals - PATIENT_AFTER + 1) * PATIENCE_MS, MOST_PATIENCE_MS);
  }

  /** What is heard just now is too soft to be this caller. */
  get #soft(): boolean {
    return this.#below(SOFT_DB);
  }

  #below(db: number): boolean {
    return this.#caller.exceeds(this.#guard.levelDb, db);
  }

  /**
   * One hop more of a sound that is listened to for longer. Voice without a break holds the agent sooner than voice with breaths
   * in it, which adds up until silence ends the sound: an echo that is not known yet comes in pieces too.
   * @returns whether it is enough by now.
   */
  lasted(overlap: Overlap, voiced: boolean, hopMs: number): boolean {
    const soft = voiced && this.#soft;
    if (soft) overlap.voicedMs -= hopMs;
    if (soft || !voiced) {
      levelAnew(overlap);
      return false;
    }
    const waitMs = this.#byNowMs(overlap);
    return overlap.hops * hopMs > waitMs || overlap.voicedMs > waitMs * BROKEN;
  }

  /** One hop more of a sound that was let pass. @returns whether it is the caller by now. */
  returned(overlap: Overlap, voiced: boolean): boolean {
    if (!voiced || this.#guard.covers || this.#stillQuiet(overlap)) {
      overlap.voicedMs = 0;
      if (!voiced) levelAnew(overlap);
      return false;
    }
    return overlap.voicedMs > this.#waitMs(overlap);
  }

  /** How much voice it takes by now. */
  #byNowMs(overlap: Overlap): number {
    if (!overlap.mayEcho || this.#guard.known) return this.#waitMs(overlap);
    if (this.#guard.suspected) return UNKNOWN.suspectedMs;
    const unlike = this.#guard.unlikeSince(overlap.fromFrame + LEAD_FRAMES + UNKNOWN.unlikeFrames);
    if (!unlike && this.#guard.possible) return UNKNOWN.ms;
    overlap.mayEcho = false;
    return unlike ? UNKNOWN.unlikeMs : 0;
  }

  /** How much voice it takes of a sound that passed by, once nothing speaks against it. */
  #waitMs(overlap: Overlap): number {
    if (overlap.passed === "background") return RECONSIDER_MS;
    // Once the echo is known it need not be waited for.
    return this.#guard.known ? 0 : overlap.patienceMs;
  }

  /** One that passed by is still not loud enough to be the caller. */
  #stillQuiet(overlap: Overlap): boolean {
    if (overlap.passed === "background") return this.background(overlap);
    return this.#below(overlap.passed === "soft" ? LOUDER_DB : SOFT_DB);
  }

  /** It is so soft, as a whole, that somebody else speaks. */
  background(overlap: Overlap): boolean {
    return this.#caller.aboveDb(overlap) < -overlap.backgroundDb;
  }

  /** It was: it is the caller only when it gets nearly as loud. */
  wasBackground(overlap: Overlap): void {
    overlap.backgroundDb = BACKGROUND_AGAIN_DB;
  }
}
