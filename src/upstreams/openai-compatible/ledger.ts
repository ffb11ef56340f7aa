/** What was sent under which event id, so that a refusal finds the command that it is about. */
import { remember } from "../json.ts";
import type { UpstreamEvent } from "../upstream.ts";

/** Commands whose refusal is recognised: providers answer within a few messages. */
const MAX_SENT = 128;

export type Refusable = Extract<UpstreamEvent, { type: "refused" }>["what"];

export type Sent = {
  readonly what: Refusable;
  /** The item or response that it is about, by the session's name. */
  readonly id: string | null;
  readonly cause: string | null;
};

export type LedgerState = {
  readonly numbered: number;
  readonly sent: readonly (readonly [eventId: string, sent: Sent])[];
};

export class Ledger {
  readonly #sent = new Map<string, Sent>();
  #numbered = 0;

  /** A new event id: `relay_<word>_<number>`. */
  next(word: string): { readonly id: string; readonly number: number } {
    this.#numbered++;
    return { id: `relay_${word}_${this.#numbered}`, number: this.#numbered };
  }

  /** @returns the event id that it goes under */
  sends(sent: Sent): string {
    const { id } = this.next(sent.what);
    remember(this.#sent, id, sent, MAX_SENT);
    return id;
  }

  /** The command that was sent under this id; a second refusal of it is of nothing in particular. */
  take(eventId: string): Sent | null {
    const sent = this.#sent.get(eventId) ?? null;
    this.#sent.delete(eventId);
    return sent;
  }

  snapshot(): LedgerState {
    return { numbered: this.#numbered, sent: [...this.#sent] };
  }

  restore(state: LedgerState): void {
    this.#numbered = state.numbered;
    for (const [eventId, sent] of state.sent) this.#sent.set(eventId, { ...sent });
  }
}

/** The number in an event id of ours; 0: not one of ours. */
export function numberOf(eventId: string): number {
  return Number(/^relay_[a-z]+_(\d+)$/.exec(eventId)?.[1] ?? 0);
}

/** It is the name of a message that commits the caller's sound. */
export function isCommit(eventId: string): boolean {
  return eventId.startsWith("relay_commit_");
}
