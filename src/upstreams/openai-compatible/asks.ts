/**
 * Answers that were asked for and have not begun. At most one default response runs at a time (openai-realtime.md §8):
 * a further `respond` waits (`waiting.ts`) for the end of the one before. Of one that was cancelled only the begin is
 * waited for, because its end may never be told.
 */
import { isCommit, numberOf } from "./ledger.ts";
import type { JsonObject } from "../upstream.ts";

/** Asked for and not yet begun. */
const MAX_ASKED = 32;

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
  readonly unseen: boolean;
};

export class Asks {
  #asked: Ask[] = [];
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
    return this.#asked.length > MAX_ASKED ? (this.#asked.shift() ?? null) : null;
  }

  /** An ask was refused as too early. `unseen`: for a response that never began here. */
  early(unseen: boolean): void {
    this.#unseen ||= unseen;
  }

  /** Keeps an ask that was refused because the provider is answering by itself: what it begins is the answer. */
  keep(ask: Ask): void {
    this.#asked.unshift(ask);
  }

  /** A default response runs that has not begun here. */
  get unseen(): boolean {
    return this.#unseen;
  }

  /** A default response ended. */
  ended(): void {
    this.#unseen = false;
  }

  /**
   * One that waited was cancelled before it was ever sent.
   * @param overdue it had waited for its whole time: what it waited for will hardly begin. Who is cut off at once has not.
   */
  withdrawn(ask: Ask, overdue: boolean): void {
    if (ask.again) this.#unseen = false;
    if (!overdue) return;
    for (const before of this.#asked) before.lost ||= before.cancelled;
  }

  /** The ask that a new response answers, by the metadata that we sent. */
  named(responseId: string): Ask | null {
    return this.#take((ask) => ask.responseId === responseId);
  }

  /**
   * The ask that a new response answers where its name is not said: the oldest that was not lost. One that was cancelled is
   * when the provider has taken what was sent after it (`acknowledged`: our message of that number) and begun nothing:
   * taken for its answer, the next would be cancelled, and each one after that. Where a commit is the next one's asking, it
   * must have taken that: what comes between the two it takes while it still thinks about the first. But while nothing else
   * can begin (`byItself`: the provider also answers unasked) it is only slow, and runs uncancelled if nobody knows it.
   */
  oldest(acknowledged: number, byItself: boolean): Ask | null {
    const isPast = (ask: Ask, at: number): boolean =>
      ask.cancelled &&
      numberOf(ask.eventId) < acknowledged &&
      (byItself || this.#isTaken(at + 1, acknowledged));
    this.#asked = this.#asked.filter((ask, at) => !ask.lost && !isPast(ask, at));
    return this.#take(() => true);
  }

  /** The provider has taken the first ask from this place on, as far as that can be known. */
  #isTaken(from: number, acknowledged: number): boolean {
    const next = this.#asked.slice(from).find((ask) => !ask.options.outOfBand && !ask.lost);
    return next !== undefined && (!isCommit(next.eventId) || numberOf(next.eventId) <= acknowledged);
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
      unseen: this.#unseen,
    };
  }

  restore(state: AsksState): void {
    this.#asked = state.asked.map((ask) => ({ ...ask }));
    this.#unseen = state.unseen;
  }

  #take(matches: (ask: Ask) => boolean): Ask | null {
    const at = this.#asked.findIndex(matches);
    return (at < 0 ? null : this.#asked.splice(at, 1)[0]) ?? null;
  }
}
