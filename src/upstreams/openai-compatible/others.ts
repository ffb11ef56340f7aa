/**
 * What the relay has no part in: items of kinds that it does not know, and events that it does not know. Nothing of it
 * is dropped that a client can make use of.
 */
import type { DecoderParts, Sink } from "./context.ts";
import { lackOf } from "../../protocol/passed-events.ts";
import { nameAt, objectAt, remember, textAt } from "../json.ts";
import type { JsonObject } from "../upstream.ts";

/** Items outside a response of which the end is awaited or was told. */
const MAX_PLACED = 64;

/** Kinds of items that the session makes itself or hears of elsewhere. */
const OWN_KINDS: ReadonlySet<string> = new Set(["message", "function_call", "function_call_output"]);

/**
 * Types of server events that are the client's business although nobody here knows them. Others (`ping`, what a provider
 * says to its own clients) are not told.
 */
const PASSED = /^(?:response|conversation|input_audio_buffer|mcp_\w+)\./;

/** How types of the dialect are spelled. What else stands in `type` names no event. */
const EVENT_TYPE = /^[a-z][a-z0-9_]{0,63}(?:\.[a-z0-9_]{1,64}){1,4}$/;

/** What the relay alone says to its clients: a provider that says so would acknowledge, resume or flush in its name. */
const RELAYS_OWN = /^(?:error|session|transcription_session|relay|overlap|output_audio_buffer)\./;

/** Known, and of no interest here: confirmations of what the session knows, ends that a later event repeats. */
const QUIET: ReadonlySet<string> = new Set([
  "conversation.created",
  "conversation.item.truncated",
  "conversation.item.deleted",
  "conversation.item.retrieved",
  "input_audio_buffer.cleared",
  // The silence of the caller is measured by the session.
  "input_audio_buffer.timeout_triggered",
  "response.output_audio.done",
  "response.audio.done",
]);

/** Begin and end of an item have events of their own. */
const ITEM_ENDS: ReadonlySet<string> = new Set(["response.output_item.added", "response.output_item.done"]);

/**
 * What answers consist of is told, formatted and accounted for by the relay alone: sound that it does not know of is played
 * in a wrong format and never cut, and a call that it does not know of is run without anybody waiting for its result.
 */
const ANSWERS_OWN: ReadonlySet<string> = new Set([
  "response.output_audio.delta",
  "response.audio.delta",
  "response.function_call_arguments.delta",
  "response.function_call_arguments.done",
]);
/** Of a whole answer, whatever item they name. */
const ANSWERS: ReadonlySet<string> = new Set(["response.created", "response.done"]);

export type PlacedState = readonly (readonly [id: string, done: boolean])[];

export class OtherEvents {
  readonly #parts: DecoderParts;
  readonly #sink: Sink;
  /** Items outside a response, by the provider's name. */
  readonly #placed = new Map<string, boolean>();

  constructor(parts: DecoderParts, sink: Sink) {
    this.#parts = parts;
    this.#sink = sink;
  }

  snapshot(): PlacedState {
    return [...this.#placed];
  }

  restore(state: PlacedState): void {
    for (const [id, done] of state) this.#placed.set(id, done);
  }

  /** True when the event is about an item of an unknown kind, and told as such. */
  takes(event: JsonObject, type: string): boolean {
    if (!type.startsWith("response.") || !EVENT_TYPE.test(type) || ANSWERS.has(type)) return false;
    const ends = ITEM_ENDS.has(type);
    const id = ends ? nameAt(objectAt(event, "item"), "id") : nameAt(event, "item_id");
    if (id === null) return false;
    if (this.#placed.has(id)) {
      // An item that was placed before its response told of it stays where it is.
      if (ends) this.placed(objectAt(event, "item"), type.endsWith(".done"));
      else this.#hand(event, type, id, null);
      return true;
    }
    const item = this.#parts.responses.item(id);
    if (ends || item?.kind !== "other") return false;
    this.#hand(event, type, item.key, item.open ? item.response : null);
    return true;
  }

  /** Hands on what is said of another item. `response`: the key of the answer that it grows in. */
  #hand(event: JsonObject, type: string, item: string, response: string | null): void {
    if (QUIET.has(type)) return;
    if (ANSWERS_OWN.has(type)) this.#sink.malformed("has what only a message or a call consists of");
    else if (response === null) this.pass(event, item);
    else if (this.#isWhole(event, type)) this.#sink.emit({ type: "item.event", response, item, event });
  }

  /** Tells the client, under the names that it knows. */
  pass(event: JsonObject, item: string | null): void {
    if (!this.#isWhole(event, textAt(event, "type") ?? "")) return;
    const response = this.#parts.responses.get(nameAt(event, "response_id") ?? "");
    this.#sink.emit({ type: "passed", item, ...(response && { inResponse: response.key }), event });
  }

  #isWhole(event: JsonObject, type: string): boolean {
    const lack = lackOf(event, type);
    if (lack !== null) this.#sink.malformed(`is a ${type} without ${lack}`);
    return lack === null;
  }

  /** An item that belongs to no response, of a kind that the session does not make. False: it is none. */
  placed(item: JsonObject | null, done: boolean): boolean {
    const id = nameAt(item, "id");
    const kind = nameAt(item, "type");
    if (item === null || id === null || kind === null || OWN_KINDS.has(kind)) return false;
    const before = this.#placed.get(id);
    if (before === undefined) {
      const { names, responses } = this.#parts;
      if (names.knows(id) || responses.item(id) !== null) return false;
      names.bind(id, id);
    }
    remember(this.#placed, id, done || before === true, MAX_PLACED);
    if (before === undefined) this.#sink.emit({ type: "item.placed", item: id, whole: item, done: false });
    if (done && before !== true) this.#sink.emit({ type: "item.placed", item: id, whole: item, done: true });
    return true;
  }

  /** An event of a type that nothing here handles. */
  unknown(event: JsonObject, type: string): void {
    if (QUIET.has(type) || !EVENT_TYPE.test(type) || RELAYS_OWN.test(type)) return;
    const { names, responses } = this.#parts;
    const response = nameAt(event, "response_id");
    // Nothing comes after the end of a response.
    if (response !== null && responses.isClosed(response)) return;
    const id = nameAt(event, "item_id");
    const known = id !== null && (responses.item(id) !== null || names.knows(id));
    if (!known && !PASSED.test(type)) return;
    const item = id === null ? null : (responses.item(id)?.key ?? names.session(id));
    this.pass(event, item);
  }
}
