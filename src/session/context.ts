/** What every part of a session shares: the time of this call, its actions, names and limits. */
import type { Meter } from "./cost/meter.ts";
import { Deadlines } from "./deadlines.ts";
import type { Action, PeerId } from "./io.ts";
import type { Limits } from "./limits.ts";
import type { MetricName } from "./metrics.ts";

const UNNAMED = "relay:unnamed:";

/** The `event_id` for an error about what had this cause, or null. */
export function eventIdOfCause(cause: string | null): string | null {
  return cause === null || cause.startsWith(UNNAMED) ? null : cause;
}

export class Context {
  readonly limits: Limits;
  readonly deadlines = new Deadlines();
  now: number;
  /** When audio of the client last came, and when silence was last made of its absence. */
  heardAt: number;
  paddedAt = Number.NEGATIVE_INFINITY;
  /** Names the client's event that is worked on, for a provider's refusal of what it leads to; null: there is none. */
  cause: string | null = null;
  /** Counts what connections use; null: nobody wants to know. */
  meter: Meter | null = null;
  #actions: Action[] = [];
  #ended = false;
  /** Snapshots are held back, and what of them was asked for. */
  #held: "nothing" | "soon" | "at once" | null = null;
  #prefix: string;
  #count = 0;
  #persistedAt = Number.NEGATIVE_INFINITY;

  constructor(limits: Limits, prefix: string, now: number) {
    this.limits = limits;
    this.#prefix = prefix;
    this.now = now;
    this.heardAt = now;
  }

  /** A cause for what an event without an `event_id` leads to: whose fault a refusal is, it says all the same. */
  unnamedCause(): string {
    return UNNAMED + this.newId("event");
  }

  /** What this leads to is the relay's own doing, whatever the client wants just now. */
  uncaused<T>(act: () => T): T {
    return this.causedBy(null, act);
  }

  /** What this leads to is due to what was asked for then. */
  causedBy<T>(former: string | null, act: () => T): T {
    const { cause } = this;
    this.cause = former;
    try {
      return act();
    } finally {
      this.cause = cause;
    }
  }

  act(action: Action): void {
    if (!this.#ended) this.#actions.push(action);
  }

  metric(name: MetricName, value: number, upstream?: string): void {
    this.act(
      upstream === undefined ? { type: "metric", name, value } : { type: "metric", name, value, upstream },
    );
  }

  /** The session's last action: what would follow it is not done any more, and nothing is due. */
  end(reason: string): void {
    this.deadlines.restore([]);
    this.act({ type: "end", reason });
    this.#ended = true;
  }

  /** `end` was called. */
  get ended(): boolean {
    return this.#ended;
  }

  /** All actions since the last call. */
  takeActions(): readonly Action[] {
    const actions = this.#actions;
    this.#actions = [];
    return actions;
  }

  /** A peer is gone: what it was still to be sent is said to nobody. */
  unsaid(peer: PeerId): void {
    this.#actions = this.#actions.filter((action) => action.type !== "send" || action.peer !== peer);
  }

  /** Whether snapshots wait for the end of what is under way; what was asked for meanwhile is asked for then. */
  hold(on: boolean): void {
    const wanted = this.#held;
    this.#held = on ? (wanted ?? "nothing") : null;
    if (on || wanted === null || wanted === "nothing") return;
    if (wanted === "at once") this.persistNow();
    else this.persist();
  }

  /** Asks for a snapshot, now or when the last one is old enough. */
  persist(): void {
    if (this.#held !== null) {
      if (this.#held === "nothing") this.#held = "soon";
      return;
    }
    const at = this.#persistedAt + this.limits.persistEveryMs;
    if (this.now < at) {
      if (this.deadlines.get("persist") === null) this.deadlines.set("persist", at);
      return;
    }
    this.#persistedAt = this.now;
    this.deadlines.clear("persist");
    this.act({ type: "persist" });
  }

  /** Asks for a snapshot at once: the client was told something that must outlive this object. */
  persistNow(): void {
    if (this.#held !== null) {
      this.#held = "at once";
      return;
    }
    this.#persistedAt = this.now;
    this.deadlines.clear("persist");
    this.act({ type: "persist", urgent: true });
  }

  /** A name that is unique in the session and, by its random prefix, elsewhere: `item_k3…_1f`. */
  newId(kind: "event" | "item" | "resp" | "conv" | "call" | "conn"): string {
    this.#count += 1;
    return `${kind}_${this.#prefix}${this.#count.toString(36).padStart(4, "0")}`;
  }

  /**
   * A whole number between these: the same for the same occasion of the same life of a session, and spread evenly over
   * sessions, because the prefix is drawn.
   */
  chanceBetween(least: number, most: number, occasion: string): number {
    // FNV-1a, and the finish of MurmurHash3, which spreads what differs in its last letters only.
    let hash = 0x811c9dc5;
    for (const letter of this.#prefix + occasion) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return Math.round(least + ((most - least) * ((hash ^ (hash >>> 16)) >>> 0)) / 2 ** 32);
  }

  snapshot(): ContextSnapshot {
    return {
      prefix: this.#prefix,
      count: this.#count,
      now: this.now,
      persistedAt: this.#persistedAt,
      deadlines: this.deadlines.snapshot(),
    };
  }

  /** `stale`: names may have been given after the snapshot; this life gives its own, with a prefix of its own. */
  restore(snapshot: ContextSnapshot, stale: boolean): void {
    if (!stale) this.#prefix = snapshot.prefix;
    this.#count = snapshot.count;
    this.#persistedAt = snapshot.persistedAt;
    this.deadlines.restore(snapshot.deadlines);
  }
}

export interface ContextSnapshot {
  readonly prefix: string;
  readonly count: number;
  readonly now: number;
  readonly persistedAt: number;
  readonly deadlines: readonly (readonly [string, number])[];
}
