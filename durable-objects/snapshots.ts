/**
 * When snapshots are taken: after the sends of their tick, once per second at most unless urgent, and never while the one before is
 * still on its way to the disk, so that two are never in each other's way. What was refused before it was written is
 * tried again, ever less often; a write that fails is the end of the object, and of this with it.
 */
import { Rate } from "../src/session/state/rate.ts";
import type { Covers } from "../src/session/io.ts";
import type { Clock } from "./timer.ts";

export interface SnapshotsHost {
  readonly clock: Clock;
  /** Takes a snapshot at once and stores it; settles when it is durable, or could not be stored. */
  take(): Promise<Covers>;
  /** The session is in the middle of a long message: a snapshot would have to wait for all of it. */
  busy(): boolean;
  /** A snapshot that covers this is durable. */
  stored(covers: Covers): void;
  /** It is not. */
  failed(): void;
}

const EVERY_MS = 1000;
/**
 * Urgent ones: so many at once, and in a second. No call has more to say that must not be lost; a client that comes back
 * over and over has.
 */
const URGENT = 4;
const URGENT_PER_SECOND = 2;
/** While the session is busy it is looked again so often. */
const BUSY_MS = 50;
/** Doublings of the wait after failures: a minute at most. */
const PATIENCE = 6;

export class Snapshots {
  readonly #host: SnapshotsHost;
  #takenAt = Number.NEGATIVE_INFINITY;
  #cancel: (() => void) | null = null;
  #writing = false;
  #wished = false;
  #urgent = false;
  readonly #urgents = new Rate(URGENT, URGENT_PER_SECOND);
  /** When the next one is taken, where `#cancel` is not null. */
  #at = 0;
  #changed = true;
  #failures = 0;
  #stopped = false;

  constructor(host: SnapshotsHost) {
    this.#host = host;
  }

  /** One is being stored. */
  get writing(): boolean {
    return this.#writing;
  }

  /** The last one could not be stored. */
  get failing(): boolean {
    return this.#failures > 0;
  }

  /** Nothing happened since the last one, and that is durable. */
  get current(): boolean {
    return !this.#changed && !this.#writing && this.#failures === 0;
  }

  /** The session did something: what is stored is older than it. */
  touch(): void {
    this.#changed = true;
  }

  /** Wishes for a snapshot; an urgent one is taken after this tick's sends, or after the one that is being stored. */
  soon(urgent = false): void {
    this.#urgent ||= urgent;
    if (this.#writing) this.#wished = true;
    else if (!this.#stopped) this.#schedule();
  }

  #schedule(): void {
    const { clock } = this.#host;
    const hurry = this.#urgent && this.#failures === 0;
    const wait = EVERY_MS * 2 ** Math.min(this.#failures, PATIENCE);
    const now = clock.now();
    const at = hurry
      ? now + Math.ceil(this.#urgents.waitMs(1, now))
      : Math.max(now, Math.min(this.#takenAt, now) + wait);
    if (this.#cancel !== null && this.#at <= at) return;
    this.#cancel?.();
    this.#at = at;
    this.#cancel = clock.schedule(() => this.now(), at - now);
  }

  /** Takes one now, or nothing when one is being stored. */
  now(): void {
    this.#cancel?.();
    this.#cancel = null;
    if (this.#writing || this.#stopped) return;
    if (this.#host.busy()) {
      this.#at = this.#host.clock.now() + BUSY_MS;
      this.#cancel = this.#host.clock.schedule(() => this.now(), BUSY_MS);
      return;
    }
    this.#takenAt = this.#host.clock.now();
    if (this.#urgent) this.#urgents.charge(1, this.#takenAt);
    this.#urgent = false;
    this.#writing = true;
    this.#changed = false;
    void this.#host.take().then(
      (covers) => this.#done(covers),
      () => this.#done(null),
    );
  }

  /** Takes no more, and tells of none that is on its way. */
  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
    this.#cancel = null;
  }

  /** @param covers null: it could not be stored. */
  #done(covers: Covers | null): void {
    this.#writing = false;
    if (this.#stopped) return;
    this.#failures = covers === null ? this.#failures + 1 : 0;
    if (this.#wished || covers === null) this.soon();
    this.#wished = false;
    if (covers === null) this.#host.failed();
    else this.#host.stored(covers);
  }
}
