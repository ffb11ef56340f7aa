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
  /** So long did answers wait for it that were cut off before they began. Absent: none did. */
  readonly waitedMs?: number;
}

/** Adapters bound what they have open; this bounds what nobody ends. */
const KEPT = 64;

export class OwedEnds {
  readonly #context: Context;
  #owed = new Map<string, OwedEnd>();

  constructor(context: Context) {
    this.#context = context;
  }

  /** @param askedAt when it was asked for, where it had not begun: it may have waited for the end of those before it. */
  cancelled(responseId: string, link: Link, askedAt: number | null): void {
    if (askedAt !== null) this.#waited(link, askedAt);
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

  #waited(link: Link, askedAt: number): void {
    for (const [id, owed] of this.#of(link)) {
      const ms = this.#context.now - Math.max(owed.since, askedAt);
      this.#owed.set(id, { ...owed, waitedMs: (owed.waitedMs ?? 0) + ms });
    }
  }

  /** Those that the connection that serves owes. */
  #of(link: Link): readonly (readonly [string, OwedEnd])[] {
    return [...this.#owed].filter(
      ([, { stream, connection }]) => stream === link.index && connection === link.serving,
    );
  }

  /** @returns whether it was owed. */
  ended(responseId: string): boolean {
    return this.#owed.delete(responseId);
  }

  /** The upstream begins an answer that was asked for at a moment: it waits for none that was cancelled before. */
  passed(link: Link, askedAt: number): void {
    for (const [id, { since }] of this.#of(link)) if (since <= askedAt) this.#owed.delete(id);
  }

  /** Since when the connection that serves owes an end; null: it owes none. */
  since(link: Link): number | null {
    const all = this.#of(link).map(([, { since }]) => since);
    return all.length === 0 ? null : Math.min(...all);
  }

  /** So long did answers wait in vain for one of them. */
  waitedMs(link: Link): number {
    return Math.max(0, ...this.#of(link).map(([, { waitedMs = 0 }]) => waitedMs));
  }

  snapshot(): OwedEndsSnapshot {
    return [...this.#owed];
  }

  restore(snapshot: OwedEndsSnapshot): void {
    this.#owed = new Map(snapshot);
  }
}

export type OwedEndsSnapshot = readonly (readonly [string, OwedEnd])[];
