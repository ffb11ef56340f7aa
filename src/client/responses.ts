/** The responses in progress, by the names the wire has for them. */
import type { ClientEvent } from "./connection-hooks.ts";
import type { CallEventMap, CallResponse } from "./events.ts";
import { numberAt, objectAt, stringAt, type JsonObject } from "./json.ts";

interface Open {
  readonly response: CallResponse;
  /** Item and part that audio without further name belongs to: the one announced last. */
  itemId: string | null;
  contentIndex: number;
  /** The listener does not want it: what is still on its way is not played. */
  muted: boolean;
  readonly outOfBand: boolean;
}

export interface SpokenPart {
  readonly response: CallResponse;
  readonly itemId: string;
  readonly contentIndex: number;
  readonly muted: boolean;
}

type ResponseEvent = CallEventMap["response"];
const STATUSES: readonly ResponseEvent["status"][] = [
  "in_progress",
  "completed",
  "cancelled",
  "incomplete",
  "failed",
];

/** A relay that opens responses and never ends them costs no more than this. */
const MAX_OPEN = 256;

export class Responses {
  readonly #open = new Map<string, Open>();

  /** Answers in progress, without those outside the conversation. */
  get active(): readonly CallResponse[] {
    return [...this.#open.values()].filter((open) => !open.outOfBand).map((open) => open.response);
  }

  /** Takes a `response.created` event's `response`. Null: it has no id. */
  created(response: JsonObject | null): CallResponse | null {
    const id = stringAt(response, "id");
    if (id === null) return null;
    const relay = objectAt(response, "relay");
    const made: CallResponse = {
      id,
      ordinal: (numberAt(relay, "ordinal") ?? 0) & 0xffff,
      stream: numberAt(relay, "stream") ?? 0,
      upstream: stringAt(relay, "upstream"),
    };
    const outOfBand = response?.["conversation_id"] === null;
    this.#open.set(id, { response: made, itemId: null, contentIndex: 0, muted: false, outOfBand });
    const [oldest] = this.#open.keys();
    if (this.#open.size > MAX_OPEN && oldest !== undefined) this.#open.delete(oldest);
    return made;
  }

  /** What is now said belongs to this item and part of the response. */
  speaks(responseId: string | null, itemId: string | null, contentIndex: number): void {
    const open = responseId === null ? undefined : this.#open.get(responseId);
    if (open === undefined || itemId === null) return;
    open.itemId = itemId;
    open.contentIndex = contentIndex;
  }

  mute(responseId: string): void {
    const open = this.#open.get(responseId);
    if (open !== undefined) open.muted = true;
  }

  get(responseId: string | null): CallResponse | null {
    return responseId === null ? null : (this.#open.get(responseId)?.response ?? null);
  }

  done(responseId: string): CallResponse | null {
    const response = this.get(responseId);
    this.#open.delete(responseId);
    return response;
  }

  /** All of them, which are over with this. */
  takeAll(): readonly CallResponse[] {
    const all = Array.from(this.#open.values(), (open) => open.response);
    this.#open.clear();
    return all;
  }

  /** The part that a binary message of (stream, ordinal) continues, or null: nothing was announced. */
  byTag(stream: number, ordinal: number): SpokenPart | null {
    for (const { response, itemId, contentIndex, muted } of this.#open.values()) {
      if (response.stream !== stream || response.ordinal !== ordinal || itemId === null) continue;
      return { response, itemId, contentIndex, muted };
    }
    return null;
  }

  clear(): void {
    this.#open.clear();
  }
}

/** How a response ended, by a `response.done` event's `response`. */
export function endOf(response: JsonObject | null): Omit<ResponseEvent, "response"> {
  const status = STATUSES.find((known) => known === stringAt(response, "status")) ?? "completed";
  const details = objectAt(response, "status_details");
  const error = objectAt(details, "error");
  const reason = stringAt(details, "reason") ?? stringAt(error, "code");
  return { status, reason, message: stringAt(error, "message"), metadata: objectAt(response, "metadata") };
}

/** In the conversation, and not beside it. */
export function asksForAnswer(event: ClientEvent): boolean {
  return event.type === "response.create" && objectAt(event, "response")?.["conversation"] !== "none";
}
