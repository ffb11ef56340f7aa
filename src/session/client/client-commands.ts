/** What each client event does. Every fault is a ClientError, answered by the session with the event's id. */
import { ClientError } from "../../protocol/client-error.ts";
import type { ClientEvent, ResponseParams } from "../../protocol/client-events.ts";
import { isJsonObject, type Json, type JsonObject } from "../../protocol/json.ts";
import type { Item } from "../../upstreams/upstream.ts";
import type { Asking } from "../output/asking.ts";
import type { BargeIn } from "../output/barge-in.ts";
import type { ClientPort } from "./client-port.ts";
import type { Context } from "../context.ts";
import { withoutAudio, type Conversation, type Entry } from "../memory/conversation.ts";
import type { Delivery } from "../delivery/delivery.ts";
import { checkItem } from "./item-check.ts";
import type { Link } from "../links/link.ts";
import type { Listener } from "../output/listener.ts";
import type { Playout } from "../output/playout.ts";
import { responseFormat } from "../output/response-defaults.ts";
import type { Responses } from "../output/responses.ts";
import type { TurnTaking } from "../turns/turn-taking.ts";

export interface CommandHost {
  updateSession(session: JsonObject): void;
  appendAudio(bytes: Uint8Array): void;
  /** Asks the conversation's upstreams, or the first that can for one out of band. */
  respond(params: ResponseParams): void;
  readonly transcriptionOnly: boolean;
}

export interface CommandParts {
  readonly context: Context;
  readonly port: ClientPort;
  readonly conversation: Conversation;
  readonly playout: Playout;
  readonly responses: Responses;
  readonly turns: TurnTaking;
  readonly bargeIn: BargeIn;
  readonly asking: Asking;
  readonly listener: Listener;
  readonly delivery: Delivery;
  readonly links: readonly Link[];
}

export class ClientCommands {
  readonly #parts: CommandParts;
  readonly #host: CommandHost;

  constructor(parts: CommandParts, host: CommandHost) {
    this.#parts = parts;
    this.#host = host;
  }

  /** @throws ClientError */
  handle(event: ClientEvent): void {
    const { turns, bargeIn } = this.#parts;
    switch (event.type) {
      case "session.update":
        return this.#host.updateSession(event.session);
      case "input_audio_buffer.append":
        return this.#host.appendAudio(decodeAudio(event.audio));
      case "input_audio_buffer.commit":
        return turns.commit();
      case "input_audio_buffer.clear":
        turns.clear();
        return this.#parts.asking.settle();
      case "output_audio_buffer.clear":
        return bargeIn.interrupt("client_cancelled");
      case "conversation.item.create":
        return this.#create(event.item as JsonObject, event.previous_item_id ?? null);
      case "conversation.item.delete":
        return this.#delete(event.item_id);
      case "conversation.item.retrieve":
        return this.#retrieve(event.item_id);
      case "conversation.item.truncate":
        return this.#truncate(event.item_id, event.content_index, event.audio_end_ms);
      case "response.create":
        return this.#respond(event.response ?? {});
      case "response.cancel":
        return this.#cancel(event.response_id ?? null);
      case "playback.ack":
        return this.#played(event.item_id, event.played_ms);
      case "session.ack":
        return this.#parts.delivery.acknowledge(event.last_received);
      case "session.heartbeat":
        return this.#parts.delivery.pulse.beat();
      case "session.resume":
        return this.#parts.delivery.resume(event.resume_token, event.last_received);
    }
  }

  #create(given: JsonObject, previousItemId: string | null): void {
    const { context, port, conversation } = this.#parts;
    const id = given["id"];
    const item = checkItem(
      given,
      typeof id === "string" ? id : context.newId("item"),
      context.limits.itemSize,
    );
    const kept = withoutAudio(item);
    const entry: Entry = { item: kept, origin: null, growing: false, truncatedMs: null, audioMs: 0 };
    const receivers = this.#receivers(item);
    // A lost upstream is told the conversation when it is dialled: before this item is part of it.
    for (const link of receivers) link.ensure();
    const previous = conversation.insert(entry, previousItemId);
    for (const link of receivers) link.command({ type: "item", item, previousItemId });
    port.emit({ type: "conversation.item.added", previous_item_id: previous, item: kept });
    port.emit({ type: "conversation.item.done", previous_item_id: previous, item: kept });
    context.persist();
  }

  /** A tool's result belongs to the upstream that called it; everything else is for all. */
  #receivers(item: Item): readonly Link[] {
    const { conversation, links } = this.#parts;
    if (item.type !== "function_call_output") return links;
    const call = conversation.entries.find(
      (entry) => entry.item.type === "function_call" && entry.item["call_id"] === item["call_id"],
    );
    const caller = call?.origin === undefined || call.origin === null ? undefined : links[call.origin];
    return caller ? [caller] : links;
  }

  #delete(itemId: string): void {
    const { conversation, port, links, context } = this.#parts;
    conversation.require(itemId, "delete");
    conversation.remove(itemId);
    for (const link of links) link.command({ type: "delete", itemId });
    port.emit({ type: "conversation.item.deleted", item_id: itemId });
    context.persist();
  }

  #retrieve(itemId: string): void {
    const { conversation, port } = this.#parts;
    const entry = conversation.require(itemId, "retrieve");
    port.emit({ type: "conversation.item.retrieved", item: conversation.withAudio(entry) });
  }

  #truncate(itemId: string, contentIndex: number, audioEndMs: number): void {
    const { conversation, bargeIn, playout, context } = this.#parts;
    const entry = conversation.require(itemId, "truncate");
    if (entry.item.type !== "message" || entry.item["role"] !== "assistant") {
      throw new ClientError("invalid_value", "Only assistant message items can be truncated.", "item_id");
    }
    const { fromMs, ms } = this.#spoken(entry, contentIndex);
    const leftMs = entry.truncatedMs === null ? ms : Math.min(ms, Math.max(0, entry.truncatedMs - fromMs));
    if (Math.floor(audioEndMs) > Math.ceil(leftMs)) {
      throw new ClientError(
        "invalid_value",
        `Audio content of ${Math.floor(leftMs)}ms is already shorter than ${Math.floor(audioEndMs)}ms`,
        "audio_end_ms",
      );
    }
    playout.cutAt(itemId, fromMs + audioEndMs, context.now);
    bargeIn.truncate(entry, fromMs + audioEndMs);
  }

  /** Where an audio part lies in the audio of its item; one that is announced and empty is taken for its first. */
  #spoken(entry: Entry, contentIndex: number): { readonly fromMs: number; readonly ms: number } {
    const { id } = entry.item;
    let fromMs = 0;
    for (const { index, ms } of entry.audioParts ?? []) {
      if (index === contentIndex) return { fromMs, ms };
      fromMs += ms;
    }
    const only = contentIndex === 0 && entry.audioParts === undefined;
    if (only && (hasAudio(entry.item) || this.#parts.responses.truncatable(id))) {
      return { fromMs: 0, ms: entry.audioMs };
    }
    throw new ClientError(
      "invalid_value",
      `Item '${id}' has no audio content at index ${contentIndex}.`,
      "content_index",
    );
  }

  #respond(params: ResponseParams): void {
    if (this.#host.transcriptionOnly) {
      throw new ClientError(
        "invalid_request",
        "A transcription session has no responses (response.create).",
        "type",
      );
    }
    if (params.conversation !== "none" && this.#parts.asking.underway) {
      throw new ClientError(
        "conversation_already_has_active_response",
        "Conversation already has an active response in progress: wait for response.done before response.create.",
      );
    }
    this.#checkInput(params);
    responseFormat(params);
    this.#host.respond(params);
  }

  #checkInput(params: ResponseParams): void {
    for (const [index, item] of (params.input ?? []).entries()) {
      const id = item["id"];
      if (item.type !== "item_reference") continue;
      if (typeof id !== "string" || !this.#parts.conversation.find(id)) {
        throw new ClientError(
          "item_reference_invalid_item_id",
          `No item with id '${String(id).slice(0, 128)}' exists in the conversation.`,
          `response.input[${index}].id`,
        );
      }
    }
  }

  #cancel(responseId: string | null): void {
    const { responses, bargeIn } = this.#parts;
    if (responseId === null && this.#parts.asking.withdraw()) return;
    const chosen =
      responseId === null ? responses.answering : responses.active.filter((one) => one.id === responseId);
    if (chosen.length === 0) {
      const what =
        responseId === null ? "no active response found" : `no active response with id '${responseId}'`;
      throw new ClientError("response_cancel_not_active", `Cancellation failed: ${what}`, null);
    }
    bargeIn.cancel(chosen);
  }

  #played(itemId: string, playedMs: number): void {
    const { playout, listener } = this.#parts;
    if (!playout.has(itemId)) {
      throw new ClientError(
        "playback_ack_invalid_item_id",
        `No audio was sent for item '${itemId}'.`,
        "item_id",
      );
    }
    listener.heard(itemId, playedMs);
  }
}

/** The unusual spelling of an append; the usual one never comes here. */
function decodeAudio(text: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    throw invalidAudio();
  }
}

export function invalidAudio(): ClientError {
  return new ClientError("invalid_value", "Invalid 'audio': expected base64 (RFC 4648 §4).", "audio");
}

function hasAudio(item: Item): boolean {
  const content = item["content"];
  return (
    Array.isArray(content) &&
    content.some((part: Json) => isJsonObject(part) && part["type"] === "output_audio")
  );
}
