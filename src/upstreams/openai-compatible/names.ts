/**
 * Which of the session's items is which of the provider's. Items the session creates keep their id where the
 * provider accepts it; committed audio is named by the provider and matched first in, first out, because both
 * sides keep the order of commits. What a command names before the provider has, waits (`waiting.ts`).
 */
import { remember } from "../json.ts";
import { numberOf } from "./ledger.ts";
import type { Waiting } from "./waiting.ts";

const NAME_LIMITS = {
  /** Items whose names are remembered: a call of hours keeps its last ones. */
  items: 1024,
  /** Commits and creations the provider has not acknowledged. */
  pending: 128,
} as const;

type Pending = {
  readonly itemId: string;
  readonly eventId: string;
  /** What the provider's item will look like; null: committed audio. */
  readonly item: { readonly type: string; readonly role: string | null } | null;
};

export type NamesState = {
  readonly names: readonly (readonly [session: string, provider: string])[];
  readonly created: readonly (readonly [provider: string, eventId: string])[];
  readonly acknowledged: number;
  readonly pending: readonly Pending[];
};

export class ItemNames {
  readonly #toProvider = new Map<string, string>();
  readonly #toSession = new Map<string, string>();
  /** Items created under an id of ours that the provider has not acknowledged, with the event that created them. */
  readonly #created = new Map<string, string>();
  readonly #waiting: Waiting;
  #pending: Pending[] = [];
  #acknowledged = 0;

  constructor(waiting: Waiting) {
    this.#waiting = waiting;
  }

  /** Highest number among the messages of ours that the provider acknowledged by naming their item. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** An acknowledgement of `itemId` is expected under a name of the provider's choice. */
  expect(itemId: string, eventId: string, item: Pending["item"]): void {
    this.#pending.push({ itemId, eventId, item });
    if (this.#pending.length > NAME_LIMITS.pending) this.#pending.shift();
  }

  /** The item was created under an id that the provider will keep. */
  createdAs(itemId: string, eventId: string, providerId: string): void {
    this.bind(itemId, providerId);
    remember(this.#created, providerId, eventId, NAME_LIMITS.pending);
  }

  /** What the session calls `itemId` from now on, where its former name was a key of ours. */
  rename(key: string, itemId: string): void {
    const providerId = this.#toProvider.get(key);
    if (providerId !== undefined) this.bind(itemId, providerId);
  }

  /** The two names of one item; the same twice for what goes by its provider's name (a key of the session). */
  bind(itemId: string, providerId: string): void {
    remember(this.#toProvider, itemId, providerId, NAME_LIMITS.items);
    remember(this.#toSession, providerId, itemId, NAME_LIMITS.items);
  }

  /** The provider's name; null: it will tell; undefined: this provider never had such an item. */
  provider(itemId: string): string | null | undefined {
    const known = this.#toProvider.get(itemId);
    if (known !== undefined) return known;
    const pending = this.#pending.some((pending) => pending.itemId === itemId);
    return pending || this.#waiting.creates(itemId) ? null : undefined;
  }

  /** The provider's item of this name is gone; what it still says of it is understood. */
  forget(itemId: string): void {
    this.#toProvider.delete(itemId);
  }

  session(providerId: string): string {
    return this.#toSession.get(providerId) ?? providerId;
  }

  knows(providerId: string): boolean {
    return this.#toSession.has(providerId);
  }

  /** The provider named committed audio: true when a commit of ours was waiting for it. */
  committed(providerId: string): boolean {
    if (this.knows(providerId)) return true;
    return this.#settle(providerId, (pending) => pending.item === null);
  }

  /** The provider named a created item. */
  created(providerId: string, type: string, role: string | null): boolean {
    const eventId = this.#created.get(providerId);
    if (eventId !== undefined) this.#acknowledge(eventId);
    this.#created.delete(providerId);
    if (this.knows(providerId)) return true;
    // Some give calls and their results a role.
    const alike = (item: NonNullable<Pending["item"]>): boolean =>
      item.type === type && (type !== "message" || item.role === role);
    return this.#settle(providerId, ({ item }) => item !== null && alike(item));
  }

  /** The event by which the oldest commit, or else the oldest item, was sent that is not acknowledged; null: none. */
  oldest(what: "commit" | "item"): string | null {
    const pending = this.#pending.find(({ item }) => (item === null) === (what === "commit"));
    if (pending !== undefined || what === "commit") return pending?.eventId ?? null;
    const [eventId = null] = this.#created.values();
    return eventId;
  }

  /** The provider refused what was sent as `eventId`: its item has no name there. The item, or null. */
  refused(eventId: string): string | null {
    const at = this.#pending.findIndex((pending) => pending.eventId === eventId);
    const [refused] = at < 0 ? [] : this.#pending.splice(at, 1);
    if (refused !== undefined) return refused.itemId;
    for (const [providerId, of] of this.#created) if (of === eventId) return this.#withdraw(providerId);
    return null;
  }

  #withdraw(providerId: string): string {
    const itemId = this.session(providerId);
    this.#created.delete(providerId);
    this.#toSession.delete(providerId);
    this.#toProvider.delete(itemId);
    return itemId;
  }

  snapshot(): NamesState {
    return {
      names: [...this.#toProvider],
      created: [...this.#created],
      acknowledged: this.#acknowledged,
      pending: [...this.#pending],
    };
  }

  restore(state: NamesState): void {
    for (const [session, provider] of state.names) this.bind(session, provider);
    for (const [provider, eventId] of state.created) this.#created.set(provider, eventId);
    this.#acknowledged = state.acknowledged;
    this.#pending = [...state.pending];
  }

  #acknowledge(eventId: string): void {
    this.#acknowledged = Math.max(this.#acknowledged, numberOf(eventId));
  }

  #settle(providerId: string, matches: (pending: Pending) => boolean): boolean {
    const at = this.#pending.findIndex(matches);
    const [settled] = at < 0 ? [] : this.#pending.splice(at, 1);
    if (settled === undefined) return false;
    this.#acknowledge(settled.eventId);
    this.bind(settled.itemId, providerId);
    return true;
  }
}
