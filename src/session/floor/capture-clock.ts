/**
 * When the caller's audio was said, by the wall clock. Its first sample's moment is that of the piece that arrived earliest,
 * and moves on where the stream stood still.
 */

/** A capture clock that arrives this much later than before has jumped (a stall), rather than jittered. */
const JUMP_MS = 250;
/** Audio that comes so much faster than it is spoken had waited. */
const CATCHES_UP = 0.25;

export class CaptureClock {
  /** Wall time of the caller's first sample, by the earliest arrival seen; null: nothing came. */
  #base: number | null = null;
  /** The same by the last piece, where that is later by more than a jump, and when it came; null: it is not. */
  #behind: { readonly base: number; readonly at: number } | null = null;

  get base(): number | null {
    return this.#base;
  }

  /** A piece of this length, from a position in the caller's stream, came now and was said by `saidAt`. @returns the base. */
  came(fromMs: number, lengthMs: number, saidAt: number, now: number): number {
    const base = saidAt - fromMs - lengthMs;
    if (this.#base === null || base < this.#base) this.#base = base;
    else if (base > this.#base + JUMP_MS) this.#base = this.#late(this.#base, base, lengthMs, now);
    else this.#behind = null;
    return this.#base;
  }

  /**
   * The caller's stream stood still, or it is late: what comes at once after a stall or a resume was said in its own time.
   * Where it comes as fast as it is spoken nothing was said meanwhile.
   */
  #late(known: number, base: number, lengthMs: number, now: number): number {
    const { base: before, at } = this.#behind ?? { base: Infinity, at: now };
    this.#behind = { base, at: now };
    if (now === at || base < before - lengthMs * CATCHES_UP) return known;
    this.#behind = null;
    return base;
  }

  snapshot(): CaptureClockSnapshot {
    return { base: this.#base, behind: this.#behind };
  }

  restore({ base, behind }: CaptureClockSnapshot): void {
    this.#base = base;
    this.#behind = behind ?? null;
  }
}

export interface CaptureClockSnapshot {
  readonly base: number | null;
  readonly behind?: { readonly base: number; readonly at: number } | null;
}
