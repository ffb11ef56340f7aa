/**
 * Items that a provider puts into the conversation by itself, in no response (`mcp_list_tools`), and its events that the
 * relay has no part in: passed on in its words, under the session's names.
 */
import type { JsonObject } from "../../protocol/json.ts";
import { passedEvent } from "../../protocol/passed-events.ts";
import type { UpstreamEvent } from "../../upstreams/upstream.ts";
import type { Context } from "../context.ts";
import type { Conversation } from "../memory/conversation.ts";
import type { Responses } from "./responses.ts";
import type { ClientPort, Link } from "./ports.ts";

type Placed = Extract<UpstreamEvent, { readonly type: "item.placed" }>;
type Passed = Extract<UpstreamEvent, { readonly type: "passed" }>;

const KEPT = 64;

/** About an item of its own that may be placed later: the list of an MCP server's tools. */
const AHEAD = /^mcp_list_tools\./;

interface Named {
  readonly id: string;
  readonly placed: boolean;
}

export class PlacedItems {
  readonly #context: Context;
  readonly #port: ClientPort;
  readonly #conversation: Conversation;
  readonly #responses: Responses;
  /** The session's names, by upstream and its key; `placed`: the client was told of the item, not of an event alone. */
  #names = new Map<string, Named>();

  constructor(context: Context, port: ClientPort, conversation: Conversation, responses: Responses) {
    this.#context = context;
    this.#port = port;
    this.#conversation = conversation;
    this.#responses = responses;
  }

  placed(link: Link, { item: key, whole, done }: Placed): void {
    if (JSON.stringify(whole).length > this.#context.limits.otherItemSize) {
      this.#port.failed("upstream_output_too_long", `${link.name}: An item is too large to be passed on.`);
      return;
    }
    const known = this.#names.get(nameOf(link, key));
    const id = known?.placed ? known.id : this.#add(link, key, whole, known?.id);
    const entry = this.#conversation.find(id);
    if (!done || !entry?.growing) return;
    entry.item = itemOf(id, whole);
    entry.growing = false;
    this.#port.emit({
      type: "conversation.item.done",
      previous_item_id: this.#conversation.previousOf(id),
      item: entry.item,
    });
    this.#context.persist();
  }

  #add(link: Link, key: string, whole: JsonObject, promised?: string): string {
    const free = promised !== undefined && !this.#conversation.find(promised);
    const id = this.#name(link, key, free ? promised : this.#newId(), true);
    link.command({ type: "named", what: "item", key, id });
    const item = itemOf(id, whole);
    const entry = { item, origin: link.index, growing: true, truncatedMs: null, audioMs: 0 };
    const previous = this.#conversation.insert(entry);
    this.#port.emit({ type: "conversation.item.added", previous_item_id: previous, item });
    return id;
  }

  #newId(): string {
    return this.#conversation.unused(() => this.#context.newId("item"));
  }

  #name(link: Link, key: string, id: string, placed: boolean): string {
    this.#names.set(nameOf(link, key), { id, placed });
    if (this.#names.size > KEPT) {
      const [oldest] = this.#names.keys();
      if (oldest !== undefined) this.#names.delete(oldest);
    }
    return id;
  }

  passed(link: Link, { item: key, inResponse, event }: Passed): void {
    const answer = inResponse === undefined ? undefined : link.responses.get(inResponse);
    const response_id =
      answer === undefined || this.#responses.get(answer)?.announced !== true ? null : answer;
    const of = key === null ? null : this.#responses.addressOf(link.index, key);
    const item_id = key === null ? null : (this.#named(link, key) ?? this.#ahead(link, key, event));
    const address = of !== null && of.item_id === item_id ? of : { response_id, item_id, output_index: null };
    const told = passedEvent(event, address);
    // About an item that the client has never seen, or in an answer: its name would say nothing.
    if (told === null || (key !== null && item_id === null))
      this.#context.metric("events_of_unknown_items", 1, link.name);
    else this.#port.emit(told);
  }

  #ahead(link: Link, key: string, { type }: JsonObject): string | null {
    const comes = typeof type === "string" && AHEAD.test(type);
    return comes ? this.#name(link, key, this.#newId(), false) : null;
  }

  /** The session's name of it: an adapter that was told the name may say that one instead of its key. */
  #named(link: Link, key: string): string | null {
    const id = this.#names.get(nameOf(link, key))?.id ?? this.#responses.addressOf(link.index, key)?.item_id;
    return id ?? this.#conversation.find(key)?.item.id ?? null;
  }

  snapshot(): PlacedItemsSnapshot {
    return [...this.#names];
  }

  restore(snapshot: PlacedItemsSnapshot): void {
    this.#names = new Map(snapshot);
  }
}

function nameOf(link: Link, key: string): string {
  return `${link.index}/${key}`;
}

function itemOf(id: string, whole: JsonObject) {
  const { type } = whole;
  return { ...whole, id, type: typeof type === "string" ? type : "unknown" };
}

export type PlacedItemsSnapshot = readonly (readonly [string, Named])[];
