/**
 * Whether the caller's audio is coming late: a connection was lost or stood still, and what was said meanwhile arrives at
 * once. It was not said over what an agent says now, so it is nobody's "mhm" and no echo: it is a turn.
 *
 * Late audio comes faster than it is spoken. That nothing came for a while says nothing: a microphone was muted or gated,
 * or the client sends in long pieces.
 */

/** Over so long it is looked how much came. */
const WINDOW_MS = 500;
const FASTER = 1.5;
/** Frames that a jittery network delivers together. */
const JITTER_MS = 200;
/** A client may send in pieces of so much: one of them is no hurry. */
const MESSAGE_MS = 2000;

export class Arrival {
  #late = false;
  #lastAt = Number.NEGATIVE_INFINITY;
  /** Of the present look: when it began, audio that came in it, and the longest message. */
  #since = 0;
  #receivedMs = 0;
  #messageMs = 0;

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
    this.#messageMs = 0;
  }

  /** `ms` of audio come in one message. Call before they are heard. */
  took(ms: number, now: number): void {
    const elapsed = now - this.#since;
    if (this.#late && elapsed >= WINDOW_MS) {
      this.#late = this.#hurried(elapsed);
      this.#look(now);
    } else if (!this.#late && (elapsed >= WINDOW_MS || now - this.#lastAt >= WINDOW_MS)) this.#look(now);
    this.#lastAt = now;
    this.#receivedMs += ms;
    this.#messageMs = Math.max(this.#messageMs, Math.min(ms, MESSAGE_MS));
    if (this.#hurried(now - this.#since)) this.#late = true;
  }

  /** More came than was spoken in that time, beyond one message and the network's jitter. */
  #hurried(elapsed: number): boolean {
    return this.#receivedMs > elapsed * FASTER + JITTER_MS + this.#messageMs;
  }

  snapshot(): ArrivalSnapshot {
    return {
      late: this.#late,
      lastAt: this.#lastAt,
      since: this.#since,
      receivedMs: this.#receivedMs,
      messageMs: this.#messageMs,
    };
  }

  restore(snapshot: ArrivalSnapshot): void {
    this.#late = snapshot.late;
    this.#lastAt = snapshot.lastAt;
    this.#since = snapshot.since;
    this.#receivedMs = snapshot.receivedMs;
    this.#messageMs = snapshot.messageMs;
  }
}

export interface ArrivalSnapshot {
  readonly late: boolean;
  readonly lastAt: number;
  readonly since: number;
  readonly receivedMs: number;
  readonly messageMs: number;
}
