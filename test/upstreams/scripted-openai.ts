/**
 * A server of the OpenAI Realtime dialect that does only what it is told, one message at a time. Its events are
 * written in GA's types; with `beta` they leave under the names of 2024. It repeats metadata and keeps item ids
 * only where its quirks say so.
 */
import type {
  ConversationItem,
  RealtimeClientEvent,
  RealtimeServerEvent,
} from "openai/resources/realtime/realtime";

import type { Quirks } from "../../src/upstreams/openai-compatible/profiles.ts";
import type { WireMessage } from "../../src/upstreams/upstream.ts";
import type { ScriptedServer } from "./connection.ts";

type ResponseCreate = Extract<RealtimeClientEvent, { type: "response.create" }>;
type ResponseStatus = "completed" | "cancelled" | "failed" | "incomplete" | "in_progress";

const BETA_NAMES: Readonly<Record<string, string>> = {
  "response.output_audio.delta": "response.audio.delta",
  "response.output_audio.done": "response.audio.done",
  "response.output_audio_transcript.delta": "response.audio_transcript.delta",
  "response.output_audio_transcript.done": "response.audio_transcript.done",
  "response.output_text.delta": "response.text.delta",
  "response.output_text.done": "response.text.done",
  "conversation.item.added": "conversation.item.created",
};

export class ScriptedOpenAi implements ScriptedServer {
  /** Everything the adapter sent, in order. */
  readonly received: RealtimeClientEvent[] = [];
  /** `response.create` events that no response was begun for. */
  readonly creates: ResponseCreate[] = [];
  /** Committed turns, as bytes. */
  readonly turns: Uint8Array[] = [];
  readonly #quirks: Quirks;
  #buffer: number[] = [];
  #numbered = 0;
  /** Whether a `session.update` is answered. */
  answersUpdates = true;
  answersCommits = true;

  constructor(quirks: Quirks) {
    this.#quirks = quirks;
  }

  opened(): readonly WireMessage[] {
    return [this.say({ type: "session.created", event_id: "e0", session: { type: "realtime" } })];
  }

  receive(message: WireMessage): readonly WireMessage[] {
    if (typeof message !== "string") throw new Error("the adapter sent binary");
    const event: RealtimeClientEvent = JSON.parse(message);
    this.received.push(event);
    switch (event.type) {
      case "session.update":
        return this.answersUpdates
          ? [this.say({ type: "session.updated", event_id: "e1", session: event.session })]
          : [];
      case "input_audio_buffer.append":
        for (const byte of Uint8Array.fromBase64(event.audio)) this.#buffer.push(byte);
        return [];
      case "input_audio_buffer.clear":
        this.#buffer = [];
        return [this.say({ type: "input_audio_buffer.cleared", event_id: "e2" })];
      case "input_audio_buffer.commit":
        this.turns.push(Uint8Array.from(this.#buffer));
        this.#buffer = [];
        return this.answersCommits ? this.committed(this.#id("user")) : [];
      case "conversation.item.create":
        return [this.itemAdded(event.item)];
      case "response.create":
        this.creates.push(event);
        return [];
      case "conversation.item.delete":
      case "conversation.item.retrieve":
      case "conversation.item.truncate":
      case "output_audio_buffer.clear":
      case "response.cancel":
        return [];
      default:
        throw new Error(`no such client event: ${message}`);
    }
  }

  say(event: RealtimeServerEvent): string {
    return JSON.stringify(
      this.#quirks.sessionShape === "beta" ? { ...event, type: BETA_NAMES[event.type] ?? event.type } : event,
    );
  }

  committed(itemId: string): string[] {
    const item: ConversationItem = {
      id: itemId,
      type: "message",
      role: "user",
      content: [{ type: "input_audio" }],
      status: "completed",
    };
    return [
      this.say({
        type: "input_audio_buffer.committed",
        event_id: "e3",
        item_id: itemId,
        previous_item_id: null,
      }),
      this.say({ type: "conversation.item.added", event_id: "e4", item, previous_item_id: null }),
    ];
  }

  itemAdded(item: ConversationItem): string {
    const id = this.#quirks.acceptsItemIds && item.id !== undefined ? item.id : this.#id("item");
    return this.say({
      type: "conversation.item.added",
      event_id: "e5",
      item: { ...item, id },
      previous_item_id: null,
    });
  }

  /** Begins the oldest response that was asked for. */
  begin(id = this.#id("resp")): { response: string; messages: string[] } {
    const create = this.creates.shift();
    const metadata = this.#quirks.metadataEcho ? (create?.response?.metadata ?? null) : null;
    const outOfBand = create?.response?.conversation === "none";
    return { response: id, messages: [this.created(id, metadata, outOfBand)] };
  }

  created(id: string, metadata: Record<string, string> | null, outOfBand = false): string {
    return this.say({
      type: "response.created",
      event_id: "e6",
      response: {
        id,
        object: "realtime.response",
        status: "in_progress",
        output: [],
        metadata,
        ...(outOfBand ? {} : { conversation_id: "conv" }),
      },
    });
  }

  messageItem(response: string, item: string): string {
    return this.say({
      type: "response.output_item.added",
      event_id: "e7",
      response_id: response,
      output_index: 0,
      item: { id: item, type: "message", role: "assistant", status: "in_progress", content: [] },
    });
  }

  /** Audio deltas that cut `bytes` into pieces of these sizes, over and over. */
  audio(response: string, item: string, bytes: Uint8Array, sizes: readonly number[]): string[] {
    const messages: string[] = [];
    for (let at = 0, n = 0; at < bytes.length; n++) {
      const size = Math.max(1, sizes[n % sizes.length] ?? bytes.length);
      messages.push(this.audioDelta(response, item, bytes.subarray(at, at + size).toBase64()));
      at += size;
    }
    return messages;
  }

  audioDelta(response: string, item: string, delta: string): string {
    return this.say({
      type: "response.output_audio.delta",
      event_id: "e8",
      response_id: response,
      item_id: item,
      output_index: 0,
      content_index: 0,
      delta,
    });
  }

  transcript(response: string, item: string, delta: string): string {
    return this.say({
      type: "response.output_audio_transcript.delta",
      event_id: "e9",
      response_id: response,
      item_id: item,
      output_index: 0,
      content_index: 0,
      delta,
    });
  }

  itemDone(response: string, item: ConversationItem): string {
    return this.say({
      type: "response.output_item.done",
      event_id: "e10",
      response_id: response,
      output_index: 0,
      item,
    });
  }

  done(id: string, status: ResponseStatus = "completed", extra: Record<string, unknown> = {}): string {
    const reasons = { cancelled: "client_cancelled", incomplete: "max_output_tokens" } as const;
    return this.say({
      type: "response.done",
      event_id: "e11",
      response: {
        id,
        object: "realtime.response",
        status,
        ...(status === "cancelled" || status === "incomplete"
          ? { status_details: { type: status, reason: reasons[status] } }
          : {}),
        output: [],
        usage: { total_tokens: 3 },
        ...extra,
      },
    });
  }

  error(code: string, eventId: string | null, message = "Refused."): string {
    return this.say({
      type: "error",
      event_id: "e12",
      error: { type: "invalid_request_error", code, message, param: null, event_id: eventId },
    });
  }

  /** The last event of a type that the adapter sent. */
  last<T extends RealtimeClientEvent["type"]>(type: T): Extract<RealtimeClientEvent, { type: T }> {
    const found = this.received.findLast(
      (event): event is Extract<RealtimeClientEvent, { type: T }> => event.type === type,
    );
    if (found === undefined) throw new Error(`no ${type} was sent`);
    return found;
  }

  count(type: RealtimeClientEvent["type"]): number {
    return this.received.filter((event) => event.type === type).length;
  }

  #id(kind: string): string {
    this.#numbered++;
    return `${kind}_${this.#numbered}`;
  }
}
