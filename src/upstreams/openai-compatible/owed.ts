/** Ends of answers that the provider never heard of, owed to the session with the provider's next message. */
import type { Ask } from "./asks.ts";
import type { UpstreamEvent, UpstreamFault } from "../upstream.ts";

/** More are not told: the session's own deadlines end those. */
const MAX_OWED = 32;

type Unanswered = {
  readonly response: string;
  readonly answers: string;
  /** Null: cancelled. */
  readonly fault: { readonly [K in keyof UpstreamFault]: UpstreamFault[K] } | null;
};

export type OwedState = readonly Unanswered[];

export class OwedEnds {
  #owed: Unanswered[] = [];

  /** @param fault why it will not be answered; null: it was cancelled. */
  add(ask: Ask, fault: UpstreamFault | null): void {
    if (this.#owed.length >= MAX_OWED) this.#owed.shift();
    this.#owed.push({
      response: `unanswered:${ask.eventId}`,
      answers: ask.responseId,
      fault: ask.cancelled || fault === null ? null : { ...fault },
    });
  }

  take(): readonly UpstreamEvent[] {
    if (this.#owed.length === 0) return [];
    const owed = this.#owed;
    this.#owed = [];
    return owed.flatMap(({ response, answers, fault }) => [
      { type: "response.started", response, answers },
      {
        type: "response.done",
        response,
        status: fault === null ? "cancelled" : "failed",
        reason: fault === null ? "client_cancelled" : null,
        error: fault,
        usage: null,
        metadata: null,
      },
    ]);
  }

  snapshot(): OwedState {
    return this.#owed;
  }

  restore(state: OwedState): void {
    this.#owed = [...state];
  }
}
