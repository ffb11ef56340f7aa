/** What the provider is told in mid-call: items for its history, what was heard of its own, and changes of its session. */
import { textAt } from "../json.ts";
import { holdsSound, textOf } from "../common/told-context.ts";
import { Ledger, type LedgerState, type Sent } from "../openai-compatible/ledger.ts";
import type { Item, JsonObject, UpstreamConfig, UpstreamEvent, UpstreamFault } from "../upstream.ts";
import type { Items } from "./items.ts";
import { changeMessage } from "./start.ts";

const NO_SOUND: UpstreamFault = {
  code: "unsupported",
  message:
    "A duplex session of vLLM-Omni takes no recordings in items: they would be heard as the caller's voice.",
};
/** Changes of the session whose judgement may still come. */
const MAX_CHANGES = 16;

export type UploadState = {
  readonly ledger: LedgerState;
  readonly changes: readonly (readonly [eventId: string, fields: readonly string[]])[];
};

export class Upload {
  readonly #items: Items;
  readonly #owed: UpstreamEvent[];
  readonly #ledger = new Ledger();
  readonly #changes = new Map<string, readonly string[]>();

  /** @param owed takes what is refused here. */
  constructor(items: Items, owed: UpstreamEvent[]) {
    this.#items = items;
    this.#owed = owed;
  }

  /** What the provider refuses under this name, and the members of the session that it keeps. */
  refused(eventId: string): { readonly sent: Sent; readonly fields: readonly string[] } | null {
    const sent = this.#ledger.take(eventId);
    const fields = this.#changes.get(eventId) ?? [];
    this.#changes.delete(eventId);
    return sent === null ? null : { sent, fields };
  }

  configure(before: UpstreamConfig, config: UpstreamConfig, cause: string | null): readonly string[] {
    const change = changeMessage(before, config);
    if (change === null) return [];
    const { session, fields } = change;
    const eventId = this.#ledger.sends({ what: "configure", id: null, cause });
    this.#changes.set(eventId, fields);
    const [oldest] = this.#changes.keys();
    if (this.#changes.size > MAX_CHANGES && oldest !== undefined) this.#changes.delete(oldest);
    return [JSON.stringify({ type: "session.update", event_id: eventId, session })];
  }

  /** The caller's words up to now are what is to be answered: there is no other way to ask. */
  ask(responseId: string, cause: string | null): readonly string[] {
    const eventId = this.#ledger.sends({ what: "respond", id: responseId, cause });
    const commit = {
      type: "input_audio_buffer.commit",
      event_id: eventId,
      final: true,
      response_create: true,
    };
    return [JSON.stringify(commit)];
  }

  cancel(response: string, responseId: string, cause: string | null): readonly string[] {
    const eventId = this.#ledger.sends({ what: "cancel", id: responseId, cause });
    return [JSON.stringify({ type: "response.cancel", event_id: eventId, response_id: response })];
  }

  item(item: Item, cause: string | null): readonly string[] {
    const wire = this.#wireItem(item);
    if (wire === null) {
      if (holdsSound(item))
        this.#owed.push({ type: "refused", what: "item", id: item.id, cause, error: NO_SOUND });
      return [];
    }
    const eventId = this.#ledger.sends({ what: "item", id: item.id, cause });
    return [JSON.stringify({ type: "conversation.item.create", event_id: eventId, item: wire })];
  }

  delete(itemId: string, cause: string | null): readonly string[] {
    const eventId = this.#ledger.sends({ what: "delete", id: itemId, cause });
    const item_id = this.#items.keyOf(itemId);
    return [JSON.stringify({ type: "conversation.item.delete", event_id: eventId, item_id })];
  }

  /** `ends`: the provider can cut an item that it has; where it cannot, it has what it was told was heard. */
  truncate(itemId: string, audioEndMs: number, ends: boolean, cause: string | null): readonly string[] {
    const item_id = this.#items.keyOf(itemId);
    const audio_end_ms = this.#items.positionIn(item_id, audioEndMs);
    if (audio_end_ms === null || !ends) return [];
    const eventId = this.#ledger.sends({ what: "truncate", id: itemId, cause });
    const at = { item_id, content_index: 0, audio_end_ms };
    return [JSON.stringify({ type: "conversation.item.truncate", event_id: eventId, ...at })];
  }

  heard(itemId: string, audioEndMs: number): readonly string[] {
    const item_id = this.#items.keyOf(itemId);
    const played_ms = this.#items.positionIn(item_id, audioEndMs);
    if (played_ms === null || !item_id.startsWith("item_")) return [];
    const response_id = item_id.slice("item_".length);
    const ack = { type: "playback.ack", response_id, item_id, played_ms, committed_ms: played_ms };
    return [JSON.stringify(ack)];
  }

  #wireItem(item: Item): JsonObject | null {
    const callId = textAt(item, "call_id");
    // The result of a call that another connection made is words.
    if (item.type === "function_call_output" && callId !== null && this.#items.returned(callId))
      return { type: item.type, id: item.id, call_id: callId, output: textAt(item, "output") ?? "" };
    const text = textOf(item);
    if (text === "") return null;
    const role = roleOf(item);
    const part = { type: role === "assistant" ? "output_text" : "input_text", text };
    return { type: "message", id: item.id, role, content: [part] };
  }

  snapshot(): UploadState {
    return { ledger: this.#ledger.snapshot(), changes: [...this.#changes] };
  }

  restore(state: UploadState): void {
    this.#ledger.restore(state.ledger);
    for (const [id, fields] of state.changes) this.#changes.set(id, fields);
  }
}

/** It knows no developer. */
function roleOf(item: Item): "user" | "assistant" | "system" {
  const role = item.type === "message" ? textAt(item, "role") : null;
  return role === "user" || role === "assistant" ? role : "system";
}
