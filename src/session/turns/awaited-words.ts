/** Items of the conversation whose words are not all there, each with when they are waited for no longer. */
import type { Context } from "../context.ts";

/** Words that are late by more than this after a turn are not waited for. */
export const LATE_MS = 3000;

export class AwaitedWords {
  readonly #context: Context;
  readonly #due = new Map<string, number>();

  constructor(context: Context) {
    this.#context = context;
  }

  get some(): boolean {
    return this.#due.size > 0;
  }

  get items(): readonly string[] {
    return [...this.#due.keys()];
  }

  /** Those that are waited for no longer. */
  get overdue(): readonly string[] {
    return [...this.#due].flatMap(([itemId, at]) => (at <= this.#context.now ? [itemId] : []));
  }

  has(itemId: string | null): boolean {
    return itemId !== null && this.#due.has(itemId);
  }

  /** @param anew the time begins now, though it had begun */
  add(itemId: string, anew: boolean): void {
    if (this.#due.has(itemId) && !anew) return;
    this.#due.set(itemId, this.#context.now + LATE_MS);
    this.arm();
  }

  /** @returns whether its words were waited for */
  delete(itemId: string): boolean {
    return this.#due.delete(itemId);
  }

  /** The deadline `transcript` is set as is. */
  arm(): void {
    const { deadlines } = this.#context;
    if (this.some) deadlines.set("transcript", Math.min(...this.#due.values()));
    else deadlines.clear("transcript");
  }

  snapshot(): readonly (readonly [string, number])[] {
    return [...this.#due];
  }

  restore(due: readonly (readonly [string, number])[]): void {
    for (const [itemId, at] of due) this.#due.set(itemId, at);
  }
}
