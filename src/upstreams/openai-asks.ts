/**
 * Answers that were asked for and have not begun. At most one default response runs at a time (openai-realtime.md §8):
 * a further `respond` waits here for the end of the one before. Of one that was cancelled only the begin is waited for,
 * because its end may never be told.
 */
import type { JsonObject } from "./upstream.ts";

const ASK_LIMITS = {
  /** Asked for and not yet begun. */
  asked: 32,
  /** `respond` commands that wait for the default response before them. */
  held: 16,
} as const;

export type Ask = {
  readonly responseId: string;
  readonly eventId: string;
  /** The client's event that asked, for a refusal. */
  readonly cause: string | null;
  readonly options: { readonly params: JsonObject; readonly outOfBand: boolean };
  cancelled: boolean;
  /** Refused once because another was active: asked again when that one ends. */
  again: boolean;
  /**
   * It was cancelled and will hardly begin: the provider says that it runs nothing, or another that waited for its begin
   * was given up.
   */
  lost: boolean;
};

export type AsksState = {
  readonly asked: readonly Ask[];
  readonly held: readonly Ask[];
  readonly unseen: boolean;
};

export class Asks {
  #asked: Ask[] = [];
  #held: Ask[] = [];
  /** The provider says that a response runs, and has not told its begin. */
  #unseen = false;

  /**
   * A default response is asked for. One that was cancelled counts until it begins, because only then can it be cancelled
   * there: a provider would refuse the next one, which goes together with that cancel. Nobody waits for it twice.
   */
  get busy(): boolean {
    return this.#asked.some((ask) => !ask.options.outOfBand && !ask.lost);
  }

  /** Notes that `ask` was sent. The oldest unanswered one that no longer has room is returned. */
  sent(ask: Ask): Ask | null {
    this.#asked.push(ask);
    return this.#asked.length > ASK_LIMITS.asked ? (this.#asked.shift() ?? null) : null;
  }

  hold(ask: Ask): Ask | null {
    this.#held.push(ask);
    return this.#held.length > ASK_LIMITS.held ? (this.#held.shift() ?? null) : null;
  }

  /** Puts an ask that was refused as too early before the others. `unseen`: for a response that never began here. */
  holdFirst(ask: Ask, unseen: boolean): Ask | null {
    this.#unseen ||= unseen;
    this.#held.unshift(ask);
    return this.#held.length > ASK_LIMITS.held ? (this.#held.pop() ?? null) : null;
  }

  /** Keeps an ask that was refused because the provider is answering by itself: what it begins is the answer. */
  keep(ask: Ask): void {
    this.#asked.unshift(ask);
  }

  /** The `respond` that waits longest; null: none waits. */
  get waiting(): Ask | null {
    return this.#held[0] ?? null;
  }

  /** The one that waits longest, which the caller sends now. */
  release(): Ask | null {
    return this.#held.shift() ?? null;
  }

  /** A default response runs that has not begun here. */
  get unseen(): boolean {
    return this.#unseen;
  }

  /** A default response ended. */
  ended(): void {
    this.#unseen = false;
  }

  /** Takes a waiting `respond` back: it was cancelled before it was ever sent. */
  withdraw(responseId: string): Ask | null {
    const at = this.#held.findIndex((ask) => ask.responseId === responseId);
    const ask = (at < 0 ? null : this.#held.splice(at, 1)[0]) ?? null;
    if (ask?.again) this.#unseen = false;
    if (ask !== null) for (const before of this.#asked) before.lost ||= before.cancelled;
    return ask;
  }

  /**
   * The ask that a new response answers: by the metadata we sent, or, with null, the oldest that was not lost.
   */
  answered(responseId: string | null): Ask | null {
    if (responseId === null) this.#asked = this.#asked.filter((ask) => !ask.lost);
    return this.#take((ask) => responseId === null || ask.responseId === responseId);
  }

  /** The provider has nothing to cancel: the ask that was meant (null: the oldest that was cancelled) was never taken. */
  lose(responseId: string | null): void {
    const meant = (ask: Ask): boolean => ask.cancelled && (responseId ?? ask.responseId) === ask.responseId;
    const ask = this.#asked.find(meant);
    if (ask !== undefined) ask.lost = true;
  }

  /** No other default answer is asked for, but what will hardly begin and is cancelled anyway. */
  isOnly(ask: Ask): boolean {
    return this.#asked.every((other) => other === ask || other.options.outOfBand || other.lost);
  }

  pending(responseId: string): Ask | null {
    return this.#asked.find((ask) => ask.responseId === responseId) ?? null;
  }

  /** The ask that was refused: by its event id, or, with null, the oldest. */
  refused(eventId: string | null): Ask | null {
    return this.#take((ask) => eventId === null || ask.eventId === eventId);
  }

  /** The ask that was sent last, if it is wanted still. */
  newest(): Ask | null {
    const newest = this.#asked.findLast((ask) => !ask.cancelled);
    return newest === undefined ? null : this.refused(newest.eventId);
  }

  snapshot(): AsksState {
    return {
      asked: this.#asked.map((ask) => ({ ...ask })),
      held: this.#held.map((ask) => ({ ...ask })),
      unseen: this.#unseen,
    };
  }

  restore(state: AsksState): void {
    this.#asked = state.asked.map((ask) => ({ ...ask }));
    this.#held = state.held.map((ask) => ({ ...ask }));
    this.#unseen = state.unseen;
  }

  #take(matches: (ask: Ask) => boolean): Ask | null {
    const at = this.#asked.findIndex(matches);
    return (at < 0 ? null : this.#asked.splice(at, 1)[0]) ?? null;
  }
}
