/** Who is whose voice: upstreams that are one to the listener, as their strategy says, or each its own. */
import type { ResponseRecord } from "../state/response.ts";
import type { Strategy } from "../state/strategy.ts";
import type { Link } from "./ports.ts";

/** Read when it is asked for: links are made later. */
interface VoiceParts<L extends Link> {
  readonly links: readonly L[];
  /** Of the links, those that are heard, and of these those that take part now. */
  readonly speakers: readonly L[];
  readonly cast: { readonly present: readonly L[]; readonly strategy: Strategy };
  readonly port: { readonly extended: boolean };
}

/** Of links as whoever joins the parts knows them: they are handed on. */
export class Voices<L extends Link> {
  readonly #parts: VoiceParts<L>;

  constructor(parts: VoiceParts<L>) {
    this.#parts = parts;
  }

  /** All upstreams are one. */
  get one(): boolean {
    return this.#parts.cast.strategy.oneVoice !== null;
  }

  /** Of those that take turns. */
  get #first(): number {
    return this.#parts.speakers.findIndex(takesTurns);
  }

  /** The stream of the client's wire that an upstream is heard on. */
  channelOf(stream: number): number {
    return this.one ? this.#first : stream;
  }

  /** A plain client has one player for all agents that take turns; those that speak when they like are heard beside it. */
  playerOf(stream: number): number {
    const { links, port } = this.#parts;
    return this.one || (!port.extended && takesTurns(links[stream])) ? this.#first : stream;
  }

  /** It is told what any upstream said, and what tools gave: one of several that are one voice, and a shadow. */
  knowsAll(index: number): boolean {
    return this.one || index >= this.#parts.speakers.length;
  }

  /** The others are told of an item of an answer when it has ended. */
  tellOthers({ stream }: ResponseRecord, itemId: string): void {
    for (const link of this.#parts.links)
      if (link.index !== stream && this.knowsAll(link.index)) link.tellLater(itemId);
  }

  /** Who can go on now where this upstream broke off: itself, or another that is the same voice; null: nobody yet. */
  whoGoesOn(link: L): L | null {
    const { present } = this.#parts.cast;
    const others = this.one ? present : [];
    // One that leaves goes on where nobody else can.
    const order = present.includes(link) ? [link, ...others] : [...others, link];
    return order.find(({ alive }) => alive) ?? null;
  }
}

function takesTurns(link: Link | undefined): boolean {
  return link?.capabilities.turns !== "none";
}
