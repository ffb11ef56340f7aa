/**
 * Items that a provider puts into the conversation by itself, in no response (`mcp_list_tools`), and its events that the
 * relay has no part in: passed on in its words, under the session's names.
 */
import type { JsonObject } from "../../protocol/json.ts";
import type { UpstreamEvent } from "../../upstreams/upstream.ts";
import type { ClientPort } from "../client/client-port.ts";
import type { Context } from "../context.ts";
import type { Link } from "../links/link.ts";
import type { Conversation } from "../memory/conversation.ts";
import type { Responses } from "./responses.ts";

type Placed = Extract<UpstreamEvent, { readonly type: "item.placed" }>;
type Passed = Extract<UpstreamEvent, { readonly type: "passed" }>;

const KEPT = 64;

export class PlacedItems {
  readonly #context: Context;
  readonly #port: ClientPort;
  readonly #conversation: Conversation;
  readonly #responses: Responses;
  /** The session's names, by upstream and its key. */
  #names = new Map<string, string>();

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
    const name = `${link.index}/${key}`;
    const id = this.#names.get(name) ?? this.#add(link, key, whole);
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

  #add(link: Link, key: string, whole: JsonObject): string {
    const id = this.#context.newId("item");
    this.#names.set(`${link.index}/${key}`, id);
    if (this.#names.size > KEPT) {
      const [oldest] = this.#names.keys();
      if (oldest !== undefined) this.#names.delete(oldest);
    }
    link.command({ type: "named", what: "item", key, id });
    const item = itemOf(id, whole);
    const entry = { item, origin: link.index, growing: true, truncatedMs: null, audioMs: 0 };
    const previous = this.#conversation.insert(entry);
    this.#port.emit({ type: "conversation.item.added", previous_item_id: previous, item });
    return id;
  }

  passed(link: Link, { item: key, event }: Passed): void {
    const { type, event_id: _, ...members } = event;
    if (typeof type !== "string") return;
    if (key === null) {
      this.#port.emit({ type, ...members });
      return;
    }
    const known = this.#names.get(`${link.index}/${key}`) ?? this.#responses.itemNamed(link.index, key);
    // An item that the session has named to the upstream is known by that name.
    const id = known ?? (this.#conversation.find(key) ? key : null);
    // About an item that the client has never seen: its name would say nothing.
    if (id === null) this.#context.metric("events_of_unknown_items", 1, link.name);
    else this.#port.emit({ type, ...members, item_id: id });
  }

  snapshot(): PlacedItemsSnapshot {
    return [...this.#names];
  }

  restore(snapshot: PlacedItemsSnapshot): void {
    this.#names = new Map(snapshot);
  }
}

function itemOf(id: string, whole: JsonObject) {
  const { type } = whole;
  return { ...whole, id, type: typeof type === "string" ? type : "unknown" };
}

export type PlacedItemsSnapshot = readonly (readonly [string, string])[];
