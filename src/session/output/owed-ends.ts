/**
 * Answers that were cancelled and whose end the upstream has not told yet. Many providers begin no other answer before
 * it: one that does not obey would keep the next question waiting for as long as it likes.
 */
import type { Context } from "../context.ts";
import type { Link } from "./ports.ts";

interface OwedEnd {
  readonly stream: number;
  /** The connection that owes it: another one knows nothing of it. */
  readonly connection: number;
  readonly since: number;
}

/** Adapters bound what they have open; this bounds what nobody ends. */
const KEPT = 64;

export class OwedEnds {
  readonly #context: Context;
  #owed = new Map<string, OwedEnd>();

  constructor(context: Context) {
    this.#context = context;
  }

  cancelled(responseId: string, link: Link): void {
    this.#owed.delete(responseId);
    this.#owed.set(responseId, {
      stream: link.index,
      connection: link.serving,
      since: this.#context.now,
    });
    if (this.#owed.size <= KEPT) return;
    const [oldest] = this.#owed.keys();
    if (oldest !== undefined) this.#owed.delete(oldest);
  }

  /** @returns whether it was owed. */
  ended(responseId: string): boolean {
    return this.#owed.delete(responseId);
  }

  /** The upstream begins an answer that was asked for at a moment: it waits for none that was cancelled before. */
  passed(link: Link, askedAt: number): void {
    for (const [id, { stream, connection, since }] of this.#owed)
      if (stream === link.index && connection === link.serving && since <= askedAt) this.#owed.delete(id);
  }

  /** Since when the connection that serves owes an end; null: it owes none. */
  since(link: Link): number | null {
    let since: number | null = null;
    for (const owed of this.#owed.values()) {
      if (owed.stream !== link.index || owed.connection !== link.serving) continue;
      since = Math.min(since ?? owed.since, owed.since);
    }
    return since;
  }

  snapshot(): OwedEndsSnapshot {
    return [...this.#owed];
  }

  restore(snapshot: OwedEndsSnapshot): void {
    this.#owed = new Map(snapshot);
  }
}

export type OwedEndsSnapshot = readonly (readonly [string, OwedEnd])[];
