/**
 * Eager answers: at a first short silence the answer is asked for in advance and held behind the gate, unseen by the
 * client. Confirmed silence releases it; resumed speech cancels it and takes the half turn back from the upstreams,
 * so that it leaves no trace in anyone's history.
 */
import type { Context } from "../context.ts";
import type { Link } from "../links/link.ts";
import type { Responses } from "../output/responses.ts";

interface Speculation {
  readonly itemId: string;
  /** The half turn's name with the upstreams, which may have to forget it. */
  readonly alias: string;
  /** Responses asked for in advance, by upstream. */
  readonly responseIds: readonly string[];
}

export class Eager {
  readonly #context: Context;
  readonly #links: readonly Link[];
  readonly #responses: Responses;
  #speculation: Speculation | null = null;
  #count = 0;

  constructor(context: Context, links: readonly Link[], responses: Responses) {
    this.#context = context;
    this.#links = links;
    this.#responses = responses;
  }

  get active(): boolean {
    return this.#speculation !== null;
  }

  get #turnLinks(): readonly Link[] {
    return this.#links.filter((link) => link.capabilities.turns === "client");
  }

  /** Commits what the upstreams have of the turn and asks for its answer. */
  begin(itemId: string): void {
    this.#count += 1;
    const alias = `${itemId}~${this.#count}`;
    const responseIds: string[] = [];
    for (const link of this.#turnLinks) {
      link.command({ type: "commit", itemId: alias });
      responseIds.push(this.#responses.requestUnannounced(link).id);
    }
    this.#speculation = { itemId, alias, responseIds };
    this.#context.metric("eager_asked", 1);
  }

  /** The caller goes on speaking: nothing of it ever happened. */
  discard(): void {
    const speculation = this.#speculation;
    if (!speculation) return;
    this.#speculation = null;
    for (const id of speculation.responseIds) {
      const response = this.#responses.get(id);
      if (response) this.#responses.discard(response, this.#links[response.stream]);
    }
    for (const link of this.#turnLinks) link.command({ type: "delete", itemId: speculation.alias });
    this.#context.metric("eager_discarded", 1);
  }

  /**
   * The turn is over as it was committed in advance. To be called when the client has been told of the turn.
   * @returns whether its answer was released; false: ask for one.
   */
  confirm(): boolean {
    const speculation = this.#speculation;
    if (!speculation) return false;
    this.#speculation = null;
    for (const link of this.#turnLinks) link.rename(speculation.itemId, speculation.alias);
    let released = false;
    for (const id of speculation.responseIds) {
      const response = this.#responses.get(id);
      if (response) released = this.#responses.announce(response) || released;
    }
    if (released) this.#context.metric("eager_released", 1);
    return released;
  }

  /** The upstreams that were asked in advance are gone. */
  forget(): void {
    this.#speculation = null;
  }

  snapshot(): EagerSnapshot {
    return { speculation: this.#speculation, count: this.#count };
  }

  restore(snapshot: EagerSnapshot): void {
    this.#speculation = snapshot.speculation;
    this.#count = snapshot.count;
  }
}

/** The item that an upstream means by a name that may be one of a speculation. */
export function withoutAlias(itemId: string): string {
  const at = itemId.indexOf("~");
  return at < 0 ? itemId : itemId.slice(0, at);
}

export interface EagerSnapshot {
  readonly speculation: Speculation | null;
  readonly count: number;
}
