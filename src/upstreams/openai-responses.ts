/**
 * The responses of one connection: asked for, open, closed. At most one default response runs at a time
 * (openai-realtime.md §8); a further `respond` waits here for the end of the one before.
 */
import { remember } from "./json.ts";
import type { Carry } from "./audio-carry.ts";
import type { JsonObject } from "./upstream.ts";

export const RESPONSE_LIMITS = {
  /** Asked for and not yet begun. */
  asked: 32,
  /** `respond` commands that wait for the default response before them. */
  held: 16,
  /** Running at once; one more ends the oldest. */
  open: 16,
  /** Ended ones whose late events are recognised. */
  closed: 256,
  /** Items of one answer; further ones are not told. */
  itemsOfOne: 64,
  /** Items of answers, kept after their end so that they can be truncated. */
  items: 512,
} as const;

export type Ask = {
  readonly responseId: string;
  readonly eventId: string;
  readonly options: { readonly params: JsonObject; readonly outOfBand: boolean };
  cancelled: boolean;
  /** Refused once because another was active: asked again when that one ends. */
  again: boolean;
};

export interface OpenResponse {
  readonly id: string;
  /** The session's name; null until it gave one. */
  answers: string | null;
  readonly outOfBand: boolean;
  readonly items: OutputItem[];
}

export type OutputItem = {
  readonly id: string;
  readonly response: string;
  readonly kind: "message" | "function_call";
  readonly carry: Carry;
  /** Audio handed to the session. */
  audioBytes: number;
  /** Whether text came in deltas, so that a closing full text is not told twice. */
  saidTranscript: boolean;
  saidText: boolean;
  arguments: string | null;
  open: boolean;
};

/** Of an open response only the names of its items. */
type OpenState = {
  readonly id: string;
  readonly answers: string | null;
  readonly outOfBand: boolean;
  readonly items: readonly string[];
};
type ItemState = Omit<OutputItem, "carry"> & { readonly odd: number };

export type ResponsesState = {
  readonly asked: readonly Ask[];
  readonly held: readonly Ask[];
  readonly open: readonly OpenState[];
  readonly closed: readonly string[];
  readonly items: readonly ItemState[];
};

export class Responses {
  #asked: Ask[] = [];
  #held: Ask[] = [];
  readonly #open = new Map<string, OpenResponse>();
  readonly #closed = new Map<string, true>();
  readonly #items = new Map<string, OutputItem>();

  /** A default response is asked for or running. */
  get busy(): boolean {
    if (this.#asked.some((ask) => !ask.options.outOfBand)) return true;
    for (const response of this.#open.values()) if (!response.outOfBand) return true;
    return false;
  }

  /** Notes that `ask` was sent. The oldest unanswered one that no longer has room is returned. */
  ask(ask: Ask): Ask | null {
    this.#asked.push(ask);
    return this.#asked.length > RESPONSE_LIMITS.asked ? (this.#asked.shift() ?? null) : null;
  }

  hold(ask: Ask): Ask | null {
    this.#held.push(ask);
    return this.#held.length > RESPONSE_LIMITS.held ? (this.#held.shift() ?? null) : null;
  }

  /** Puts an ask that was refused as too early before the others. */
  holdFirst(ask: Ask): void {
    this.#held.unshift(ask);
  }

  /** The next waiting `respond`, which the caller sends now. */
  release(): Ask | null {
    return this.#held.shift() ?? null;
  }

  get waiting(): boolean {
    return this.#held.length > 0;
  }

  /** Takes a waiting `respond` back: it was cancelled before it was ever sent. */
  withdraw(responseId: string): Ask | null {
    const at = this.#held.findIndex((ask) => ask.responseId === responseId);
    return (at < 0 ? null : this.#held.splice(at, 1)[0]) ?? null;
  }

  /** The ask that a new response answers: by the metadata we sent, or, with null, the oldest. */
  answered(responseId: string | null): Ask | null {
    const at = responseId === null ? 0 : this.#asked.findIndex((ask) => ask.responseId === responseId);
    return (at < 0 ? null : this.#asked.splice(at, 1)[0]) ?? null;
  }

  pendingAsk(responseId: string): Ask | null {
    return this.#asked.find((ask) => ask.responseId === responseId) ?? null;
  }

  /** The ask that was refused: by its event id, or, with null, the oldest. */
  refused(eventId: string | null): Ask | null {
    const at = eventId === null ? 0 : this.#asked.findIndex((ask) => ask.eventId === eventId);
    return (at < 0 ? null : this.#asked.splice(at, 1)[0]) ?? null;
  }

  /** Opens a response. One that no longer has room is returned, for the caller to close. */
  open(id: string, answers: string | null, outOfBand: boolean): OpenResponse | null {
    this.#open.set(id, { id, answers, outOfBand, items: [] });
    if (this.#open.size <= RESPONSE_LIMITS.open) return null;
    for (const oldest of this.#open.values()) return oldest;
    return null;
  }

  /** The session's name of a response that the model began by itself. */
  name(id: string, responseId: string): void {
    const response = this.#open.get(id);
    if (response !== undefined) response.answers ??= responseId;
  }

  get(id: string): OpenResponse | null {
    return this.#open.get(id) ?? null;
  }

  /** By the session's name, or by its key when the model began by itself. */
  find(responseId: string): OpenResponse | null {
    for (const response of this.#open.values()) if (response.answers === responseId) return response;
    return this.#open.get(responseId) ?? null;
  }

  /** The default response that is running, if any. */
  get active(): OpenResponse | null {
    for (const response of this.#open.values()) if (!response.outOfBand) return response;
    return null;
  }

  /** The only running response: whose a delta without a response id is. */
  get only(): OpenResponse | null {
    const [first, second] = this.#open.values();
    return first !== undefined && second === undefined ? first : null;
  }

  isClosed(id: string): boolean {
    return this.#closed.has(id);
  }

  close(response: OpenResponse): void {
    this.#open.delete(response.id);
    remember(this.#closed, response.id, true, RESPONSE_LIMITS.closed);
  }

  item(id: string): OutputItem | null {
    return this.#items.get(id) ?? null;
  }

  addItem(response: OpenResponse, id: string, kind: OutputItem["kind"]): OutputItem {
    const item: OutputItem = {
      id,
      response: response.id,
      kind,
      carry: { odd: -1 },
      audioBytes: 0,
      saidTranscript: false,
      saidText: false,
      arguments: null,
      open: true,
    };
    response.items.push(item);
    remember(this.#items, id, item, RESPONSE_LIMITS.items);
    return item;
  }

  snapshot(): ResponsesState {
    return {
      asked: this.#asked.map((ask) => ({ ...ask })),
      held: this.#held.map((ask) => ({ ...ask })),
      open: [...this.#open.values()].map(({ items, ...open }) => ({
        ...open,
        items: items.map(({ id }) => id),
      })),
      closed: [...this.#closed.keys()],
      items: [...this.#items.values()].map(({ carry, ...item }) => ({ ...item, odd: carry.odd })),
    };
  }

  restore(state: ResponsesState): void {
    this.#asked = state.asked.map((ask) => ({ ...ask }));
    this.#held = state.held.map((ask) => ({ ...ask }));
    for (const { odd, ...item } of state.items) this.#items.set(item.id, { ...item, carry: { odd } });
    for (const { items, ...open } of state.open) {
      const known = items.map((id) => this.#items.get(id)).filter((item) => item !== undefined);
      this.#open.set(open.id, { ...open, items: known });
    }
    for (const id of state.closed) this.#closed.set(id, true);
  }
}
