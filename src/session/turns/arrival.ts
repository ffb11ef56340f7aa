/**
 * Whether the caller's audio is coming late: a connection was lost or stood still, and what was said meanwhile arrives at
 * once. It was not said over what an agent says now, so it is nobody's "mhm" and no echo: it is a turn.
 */

/** Nothing came for so long: what comes next may have waited. */
const GAP_MS = 1000;
/** Audio that comes no faster than it is spoken for so long is on time. */
const WINDOW_MS = 500;
const FASTER = 1.5;
/** Frames that a jittery network delivers together. */
const JITTER_MS = 200;

export class Arrival {
  #late = false;
  #lastAt = Number.NEGATIVE_INFINITY;
  /** Of the present look: when it began, and audio that came in it. */
  #since = 0;
  #receivedMs = 0;

  get late(): boolean {
    return this.#late;
  }

  /** The client was away. */
  back(now: number): void {
    this.#late = true;
    this.#look(now);
  }

  #look(now: number): void {
    this.#since = now;
    this.#receivedMs = 0;
  }

  /** `ms` of audio come. Call before they are heard. */
  took(ms: number, now: number): void {
    if (now - this.#lastAt >= GAP_MS) this.back(now);
    this.#lastAt = now;
    if (!this.#late) return;
    const elapsed = now - this.#since;
    if (elapsed >= WINDOW_MS) {
      this.#late = this.#receivedMs > elapsed * FASTER + JITTER_MS;
      this.#look(now);
    }
    this.#receivedMs += ms;
  }

  snapshot(): ArrivalSnapshot {
    return { late: this.#late, lastAt: this.#lastAt, since: this.#since, receivedMs: this.#receivedMs };
  }

  restore(snapshot: ArrivalSnapshot): void {
    this.#late = snapshot.late;
    this.#lastAt = snapshot.lastAt;
    this.#since = snapshot.since;
    this.#receivedMs = snapshot.receivedMs;
  }
}

export interface ArrivalSnapshot {
  readonly late: boolean;
  readonly lastAt: number;
  readonly since: number;
  readonly receivedMs: number;
}
