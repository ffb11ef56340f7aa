/** The user speaks over the agent: what was being said stops, and history keeps what was heard of it. */
import type { ClientPort } from "../client/client-port.ts";
import type { Context } from "../context.ts";
import type { Conversation, Entry } from "../memory/conversation.ts";
import type { Link } from "../links/link.ts";
import type { Playout } from "./playout.ts";
import type { ResponseRecord } from "./response.ts";
import type { Responses } from "./responses.ts";

export class BargeIn {
  readonly #context: Context;
  readonly #port: ClientPort;
  readonly #conversation: Conversation;
  readonly #playout: Playout;
  readonly #responses: Responses;
  readonly #links: readonly Link[];
  /** What was flushed and is still to be truncated, in the same call of `handle`. */
  readonly #flushed: { readonly entry: Entry; readonly heardMs: number }[] = [];

  constructor(
    context: Context,
    port: ClientPort,
    conversation: Conversation,
    playout: Playout,
    responses: Responses,
    links: readonly Link[],
  ) {
    this.#context = context;
    this.#port = port;
    this.#conversation = conversation;
    this.#playout = playout;
    this.#responses = responses;
    this.#links = links;
  }

  /**
   * Cancels every answer in progress. A plain OpenAI client knows what it played and truncates by itself; for a
   * `duplex.v1` client the relay does it, from the playout ledger, for everything not heard to its end.
   */
  interrupt(reason: "turn_detected" | "client_cancelled"): void {
    if (this.#port.extended) this.#flush();
    const answers = this.#responses.answering;
    for (const response of answers) this.#responses.cancel(response, this.#links[response.stream], reason);
    if (answers.length > 0) this.#context.metric("interruptions", 1);
    this.#truncateFlushed();
  }

  /** Stops playback of everything an agent said and the listener has not heard, and truncates it there. */
  clear(): void {
    this.#flush();
    this.#truncateFlushed();
  }

  /** An interruption: one message that stops the player is ahead of everything else that it brings. */
  around(begin: () => void): void {
    if (this.#port.extended) this.#flush();
    begin();
    this.#truncateFlushed();
  }

  /** The listener's player throws away what it has. */
  #flush(): void {
    const cleared = new Set<string>();
    for (const itemId of this.#playout.unheard(this.#context.now)) {
      const entry = this.#conversation.find(itemId);
      const link = entry?.origin === null || !entry ? undefined : this.#links[entry.origin];
      if (!entry || !link || link.capabilities.turns === "none") continue;
      cleared.add(this.#responses.ofItem(itemId) ?? "");
      this.#flushed.push({ entry, heardMs: this.#playout.cut(itemId, this.#context.now) });
    }
    for (const id of cleared) this.#port.emit({ type: "output_audio_buffer.cleared", response_id: id });
  }

  #truncateFlushed(): void {
    for (const { entry, heardMs } of this.#flushed.splice(0)) this.truncate(entry, heardMs);
  }

  /** Nothing of it was heard, whatever was sent. */
  forget(response: ResponseRecord): void {
    for (const { id } of response.items) {
      const entry = this.#conversation.find(id);
      if (!entry || !this.#playout.has(id)) continue;
      this.#playout.cut(id, this.#context.now);
      this.truncate(entry, 0);
    }
  }

  /** Only `audioEndMs` of the item was heard: in history, at the upstream, and for the client to know. */
  truncate(entry: Entry, audioEndMs: number): void {
    const itemId = entry.item.id;
    this.#conversation.truncate(entry, audioEndMs);
    const link = entry.origin === null ? undefined : this.#links[entry.origin];
    const endMs = Math.floor(audioEndMs);
    if (link?.capabilities.truncate) {
      link.command({ type: "truncate", itemId, contentIndex: 0, audioEndMs: endMs });
    }
    this.#port.emit({
      type: "conversation.item.truncated",
      item_id: itemId,
      content_index: 0,
      audio_end_ms: endMs,
    });
    this.#context.persist();
  }
}
