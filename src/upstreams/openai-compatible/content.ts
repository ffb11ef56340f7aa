/** What items of answers are made of: parts and words of messages, arguments of calls. */
import type { DecoderParts, Handler, Sink } from "./context.ts";
import { indexAt, nameAt, objectAt, textAt } from "../json.ts";
import { readArguments } from "./calls.ts";
import type { OtherEvents } from "./others.ts";
import { ITEM_LIMITS, type OutputItem } from "./output-item.ts";
import type { ItemMention, OutputItems } from "./output-items.ts";
import type { OpenResponse } from "./responses.ts";
import type { JsonObject } from "../upstream.ts";

/** Parts in the words of events (`audio`) and of items (`output_audio`). */
const PART_KINDS: ReadonlyMap<string, "audio" | "text"> = new Map([
  ["audio", "audio"],
  ["output_audio", "audio"],
  ["text", "text"],
  ["output_text", "text"],
]);

export class ContentEvents {
  readonly #parts: DecoderParts;
  readonly #sink: Sink;
  readonly #items: OutputItems;
  readonly #others: OtherEvents;
  readonly #responseOf: (event: JsonObject) => OpenResponse | null;

  constructor(
    parts: DecoderParts,
    sink: Sink,
    items: OutputItems,
    others: OtherEvents,
    responseOf: (event: JsonObject) => OpenResponse | null,
  ) {
    this.#parts = parts;
    this.#sink = sink;
    this.#items = items;
    this.#others = others;
    this.#responseOf = responseOf;
  }

  table(): [string, Handler][] {
    const said: Handler = (event) => this.#said(event, "transcript", textAt(event, "delta"), false);
    const allSaid: Handler = (event) => this.#said(event, "transcript", textAt(event, "transcript"), true);
    const text: Handler = (event) => this.#said(event, "text", textAt(event, "delta"), false);
    const allText: Handler = (event) => this.#said(event, "text", textAt(event, "text"), true);
    return [
      ["response.content_part.added", (event) => this.#partAdded(event)],
      ["response.content_part.done", (event) => this.#partDone(event)],
      ["response.output_audio_transcript.delta", said],
      ["response.audio_transcript.delta", said],
      ["response.output_audio_transcript.done", allSaid],
      ["response.audio_transcript.done", allSaid],
      ["response.output_text.delta", text],
      ["response.text.delta", text],
      ["response.output_text.done", allText],
      ["response.text.done", allText],
      ["response.function_call_arguments.delta", (event) => this.#argumentsDelta(event)],
      ["response.function_call_arguments.done", (event) => this.#argumentsDone(event)],
    ];
  }

  /** The message item that an event belongs to, begun if new; null: it belongs to nothing that is open. */
  messageOf(event: JsonObject): OutputItem | null {
    const response = this.#responseOf(event);
    return response === null ? null : this.#items.open(response, mentioned(event), "message", null);
  }

  #partAdded(event: JsonObject): void {
    const kind = partKind(event);
    if (kind === null) return this.#passed(event);
    const item = this.messageOf(event);
    const part = item === null ? null : this.#items.part(item, event);
    if (item === null || part === null) return;
    const of = { response: item.response, item: item.key, part: part.index };
    this.#sink.emit({ type: "part.started", ...of, kind });
  }

  #partDone(event: JsonObject): void {
    const whole = objectAt(event, "part") ?? objectAt(event, "content");
    // xAI ends a part without repeating it.
    if (whole === null) return;
    if (partKind(event) === null) return this.#passed(event);
    const item = this.messageOf(event);
    const part = item === null ? null : this.#items.part(item, event);
    if (item === null || part === null) return;
    const [transcript, text] = [textAt(whole, "transcript"), textAt(whole, "text")];
    this.#items.tell(item, part, "transcript", transcript, true);
    this.#items.tell(item, part, "text", text, true);
    // Where its words are not said yet, the item's end may bring them.
    const said = part.saidTranscript || part.saidText || transcript !== null || text !== null;
    if (!said) return;
    this.#sink.emit({ type: "part.done", response: item.response, item: item.key, part: part.index });
  }

  /** A part of a kind that the relay does not know is the client's business. */
  #passed(event: JsonObject): void {
    const item = this.messageOf(event);
    if (item !== null) this.#others.pass(event, item.key);
  }

  #said(event: JsonObject, kind: "transcript" | "text", words: string | null, whole: boolean): void {
    // What says nothing begins nothing.
    if (words === null) return;
    const item = this.messageOf(event);
    const part = item === null ? null : this.#items.part(item, event);
    if (item !== null && part !== null) this.#items.tell(item, part, kind, words, whole);
  }

  #callOf(event: JsonObject): OutputItem | null {
    const response = this.#responseOf(event);
    if (response === null) return null;
    const item = this.#items.open(response, mentioned(event), "function_call", null);
    if (item !== null) this.#items.tellCall(item, event);
    return item;
  }

  #argumentsDelta(event: JsonObject): void {
    const delta = event["delta"] ?? "";
    if (delta === "") return;
    const item = this.#callOf(event);
    const call = item?.call ?? null;
    if (item === null || call === null) return;
    if (typeof delta !== "string") return this.#items.argumentsFault(call, "not text");
    const { responses } = this.#parts;
    const tooLong =
      call.deltas.length + delta.length > ITEM_LIMITS.argumentsOfOne ||
      responses.argumentChars + delta.length > ITEM_LIMITS.argumentsOfAll;
    if (tooLong) {
      this.#items.argumentsFault(call, `longer than ${ITEM_LIMITS.argumentsOfOne} characters`);
      return;
    }
    call.deltas += delta;
    responses.argumentChars += delta.length;
    if (call.told) this.#sink.emit({ type: "arguments", response: item.response, item: item.key, delta });
  }

  #argumentsDone(event: JsonObject): void {
    const call = this.#callOf(event)?.call ?? null;
    if (call === null) return;
    const { text, fault } = readArguments(event["arguments"]);
    if (fault === null) call.done = text;
    else this.#items.argumentsFault(call, fault);
  }
}

/** Which item an event names. */
function mentioned(event: JsonObject): ItemMention {
  return { id: nameAt(event, "item_id"), index: indexAt(event, "output_index") };
}

/** Azure says the part a second time, as `content`. */
function partKind(event: JsonObject): "audio" | "text" | null {
  const part = objectAt(event, "part") ?? objectAt(event, "content");
  return PART_KINDS.get(textAt(part, "type") ?? "") ?? null;
}
