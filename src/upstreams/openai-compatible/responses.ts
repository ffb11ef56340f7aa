/** The responses of one connection, open and closed, with their items; what was only asked for is in `asks.ts`. */
import { remember } from "../json.ts";
import { Asks, type AsksState } from "./asks.ts";
import { copyItem, createItem, type OutputItem } from "./output-item.ts";

export const RESPONSE_LIMITS = {
  /** Running at once; one more ends the oldest. */
  open: 16,
  /** Ended ones whose late events are recognised. */
  closed: 256,
  /** Items of one answer; further ones are not told. */
  itemsOfOne: 64,
  /** Items of answers, kept after their end so that they can be truncated. */
  items: 512,
} as const;

export interface OpenResponse {
  /** The session's key: the provider's name, unless that was used before. */
  readonly key: string;
  /** The provider's name. */
  readonly id: string;
  /** The session's name; null until it gave one. */
  answers: string | null;
  readonly outOfBand: boolean;
  /** A cancel was sent for it: it holds nobody up. */
  cancelled: boolean;
  /** It was said that it has too many items. */
  overfull: boolean;
  readonly items: OutputItem[];
}

/** Of an open response only the keys of its items. */
type OpenState = Omit<OpenResponse, "items"> & { readonly items: readonly string[] };

export type ResponsesState = {
  readonly asks: AsksState;
  readonly open: readonly OpenState[];
  readonly closed: readonly (readonly [id: string, times: number])[];
  readonly items: readonly OutputItem[];
};

export class Responses {
  readonly asks = new Asks();
  readonly #open = new Map<string, OpenResponse>();
  /** How many responses of this name ended. */
  readonly #closed = new Map<string, number>();
  /** By key, in order of their begin. */
  readonly #items = new Map<string, OutputItem>();
  /** By the provider's name: the latest of that name. */
  readonly #named = new Map<string, OutputItem>();
  /** Characters of arguments kept for calls that have not ended. */
  argumentChars = 0;

  /** A default response is asked for or running, and wanted still. */
  get busy(): boolean {
    if (this.asks.busy) return true;
    for (const response of this.#open.values()) if (!response.outOfBand && !response.cancelled) return true;
    return false;
  }

  /** Opens a response. One that no longer has room is returned, for the caller to close. */
  open(id: string, answers: string | null, outOfBand: boolean): OpenResponse | null {
    const times = this.#closed.get(id) ?? 0;
    const key = times === 0 ? id : `${id}#${times + 1}`;
    this.#open.set(id, { key, id, answers, outOfBand, cancelled: false, overfull: false, items: [] });
    if (this.#open.size <= RESPONSE_LIMITS.open) return null;
    for (const oldest of this.#open.values()) return oldest;
    return null;
  }

  /** The session's name of a response that the model began by itself. */
  name(key: string, responseId: string): void {
    for (const response of this.#open.values()) if (response.key === key) response.answers ??= responseId;
  }

  /** By the provider's name. */
  get(id: string): OpenResponse | null {
    return this.#open.get(id) ?? null;
  }

  /** By the session's name, or by its key when the model began by itself. */
  find(responseId: string): OpenResponse | null {
    for (const response of this.#open.values()) if (response.answers === responseId) return response;
    for (const response of this.#open.values()) if (response.key === responseId) return response;
    return null;
  }

  /** The default response that is running, if any: the latest. */
  get active(): OpenResponse | null {
    return [...this.#open.values()].findLast((response) => !response.outOfBand) ?? null;
  }

  /** The only running response: whose a delta without a response id is. */
  get only(): OpenResponse | null {
    const [first, second] = this.#open.values();
    return first !== undefined && second === undefined ? first : null;
  }

  isClosed(id: string): boolean {
    return this.#closed.has(id) && !this.#open.has(id);
  }

  close(response: OpenResponse): void {
    this.#open.delete(response.id);
    const times = this.#closed.get(response.id) ?? 0;
    this.#closed.delete(response.id);
    remember(this.#closed, response.id, times + 1, RESPONSE_LIMITS.closed);
    if (!response.outOfBand) this.asks.ended();
  }

  /** By the provider's name: the latest item of that name. */
  item(id: string): OutputItem | null {
    return this.#named.get(id) ?? null;
  }

  /** @param id the provider's name, or null; an item whose name is taken or missing gets a key of its own. */
  addItem(response: OpenResponse, kind: OutputItem["kind"], id: string | null, index: number): OutputItem {
    const key = this.#freshKey(response, id, index);
    const item = createItem({ key, id, index, response: response.key, responseId: response.id }, kind);
    response.items.push(item);
    this.#addItem(item);
    return item;
  }

  /** The output format changed: what was received lasts as long as before. */
  rescale(factor: number): void {
    for (const { parts } of this.#items.values()) {
      for (const part of parts) {
        part.odd = -1;
        part.audioBytes = Math.round(part.audioBytes * factor);
      }
    }
  }

  #addItem(item: OutputItem): void {
    this.#items.set(item.key, item);
    if (item.id !== null) this.#named.set(item.id, item);
    if (this.#items.size <= RESPONSE_LIMITS.items) return;
    for (const oldest of this.#items.values()) {
      this.#items.delete(oldest.key);
      if (oldest.id !== null && this.#named.get(oldest.id) === oldest) this.#named.delete(oldest.id);
      return;
    }
  }

  #freshKey(response: OpenResponse, id: string | null, index: number): string {
    if (id !== null && !this.#items.has(id)) return id;
    let key = `${response.key}/${id ?? index}`;
    while (this.#items.has(key)) key += "+";
    return key;
  }

  snapshot(): ResponsesState {
    return {
      asks: this.asks.snapshot(),
      open: [...this.#open.values()].map(({ items, ...open }) => ({
        ...open,
        items: items.map(({ key }) => key),
      })),
      closed: [...this.#closed],
      items: [...this.#items.values()].map(copyItem),
    };
  }

  restore(state: ResponsesState): void {
    this.asks.restore(state.asks);
    for (const item of state.items) this.#addItem(copyItem(item));
    for (const { items, ...open } of state.open) {
      const known = items.map((key) => this.#items.get(key)).filter((item) => item !== undefined);
      this.#open.set(open.id, { ...open, items: known });
      for (const { call } of known) this.argumentChars += call === null ? 0 : call.deltas.length;
    }
    for (const [id, times] of state.closed) this.#closed.set(id, times);
  }
}
