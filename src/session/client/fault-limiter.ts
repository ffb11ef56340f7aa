/**
 * The same fault in each message of a stream (fifty a second, all in base64url) is told once a second and not per
 * message: what the client does wrong is said, and a burst of errors does not stand before what else it is sent.
 */

/** Told again after this, ms. */
const EVERY_MS = 1000;
/** Kinds of fault that are remembered; there are hardly ever two at once. */
const KINDS_KEPT = 16;

interface Told {
  readonly at: number;
  /** Of its kind, not told since. */
  left: number;
}

export class FaultLimiter {
  #told = new Map<string, Told>();

  /** @returns how many faults of this kind were left out since the last that was told; null: leave this one out too. */
  take(kind: string, now: number): number | null {
    const told = this.#told.get(kind);
    if (told && now - told.at < EVERY_MS) {
      told.left += 1;
      return null;
    }
    this.#told.delete(kind);
    this.#told.set(kind, { at: now, left: 0 });
    if (this.#told.size > KINDS_KEPT) {
      const [oldest] = this.#told.keys();
      if (oldest !== undefined) this.#told.delete(oldest);
    }
    return told?.left ?? 0;
  }

  snapshot(): FaultLimiterSnapshot {
    return Array.from(this.#told, ([kind, told]) => [kind, { ...told }]);
  }

  restore(snapshot: FaultLimiterSnapshot): void {
    this.#told = new Map(snapshot.map(([kind, told]) => [kind, { ...told }]));
  }
}

export type FaultLimiterSnapshot = readonly (readonly [string, Readonly<Told>])[];
