/** Writes one item of a response to the client, with the events of the dialect in their order. */
import { bytesPerSample, rateHz, type WireFormat } from "./codec.ts";
import {
  itemResource,
  type CallItem,
  type Content,
  type Conversation,
  type Item,
  type MessageItem,
} from "./conversation.ts";
import type { Outbox, ServerEvent } from "./faults.ts";
import type { FunctionCall } from "./tools.ts";
import type { Modality } from "./session-config.ts";

/** Where the item stands. `conversation` is null out of band: the item is then told in `response.*` events only. */
export interface Place {
  readonly outbox: Outbox;
  readonly conversation: Conversation | null;
  readonly responseId: string;
  readonly outputIndex: number;
}

/** Adds the item to the conversation at once: it must be retrievable and truncatable while in progress. */
function beginItem(place: Place, item: Item): void {
  place.outbox.send({
    type: "response.output_item.added",
    response_id: place.responseId,
    output_index: place.outputIndex,
    item: itemResource(item),
  });
  if (place.conversation === null) return;
  const previous = place.conversation.add(item);
  place.outbox.send({
    type: "conversation.item.added",
    previous_item_id: previous,
    item: itemResource(item),
  });
}

function endItem(place: Place, item: Item): void {
  const { conversation } = place;
  const index = conversation?.items.indexOf(item) ?? -1;
  if (index >= 0) {
    const previous = conversation?.items[index - 1]?.id ?? null;
    place.outbox.send({
      type: "conversation.item.done",
      previous_item_id: previous,
      item: itemResource(item),
    });
  }
  place.outbox.send({
    type: "response.output_item.done",
    response_id: place.responseId,
    output_index: place.outputIndex,
    item: itemResource(item),
  });
}

/** Characters of a function call's arguments per delta. */
const ARGUMENTS_DELTA = 12;

/** A whole function call, added → deltas → done. */
export function writeCall(place: Place, itemId: string, callId: string, call: FunctionCall): CallItem {
  const item: CallItem = {
    id: itemId,
    type: "function_call",
    status: "in_progress",
    name: call.name,
    call_id: callId,
    arguments: "",
  };
  beginItem(place, item);
  const where = {
    response_id: place.responseId,
    item_id: itemId,
    output_index: place.outputIndex,
    call_id: callId,
  };
  for (let at = 0; at < call.arguments.length; at += ARGUMENTS_DELTA) {
    const delta = call.arguments.slice(at, at + ARGUMENTS_DELTA);
    place.outbox.send({ type: "response.function_call_arguments.delta", ...where, delta });
  }
  item.arguments = call.arguments;
  const done = { name: call.name, arguments: call.arguments };
  place.outbox.send({ type: "response.function_call_arguments.done", ...where, ...done });
  item.status = "completed";
  endItem(place, item);
  return item;
}

export interface MessageSettings {
  readonly modality: Modality;
  readonly format: WireFormat;
  /** Knob: deltas of an odd number of bytes. */
  readonly oddChunks: boolean;
}

/** A message of speech with its transcript, or of text. */
export class MessageWriter {
  readonly item: MessageItem;
  readonly #place: Place;
  readonly #settings: MessageSettings;
  readonly #part: Content;
  #said = "";
  #stored = new Uint8Array(16 * 1024);
  #storedLength = 0;
  #carried = new Uint8Array(0);
  #samples = 0;

  constructor(place: Place, itemId: string, settings: MessageSettings) {
    this.#place = place;
    this.#settings = settings;
    this.#part =
      settings.modality === "text"
        ? { type: "output_text", text: "" }
        : {
            type: "output_audio",
            transcript: "",
            audio: { format: settings.format, bytes: new Uint8Array(0), truncated: false },
          };
    this.item = { id: itemId, type: "message", role: "assistant", status: "in_progress", content: [] };
    beginItem(place, this.item);
    this.item.content.push(this.#part);
    this.#send("response.content_part.added", { part: this.#eventPart("") });
  }

  /** Milliseconds of audio sent. */
  get audioMs(): number {
    return (this.#samples * 1000) / rateHz(this.#settings.format);
  }

  get saidLength(): number {
    return this.#said.length;
  }

  /** Words, of the transcript or of the text. */
  say(delta: string): void {
    if (delta === "") return;
    this.#said += delta;
    if (this.#settings.modality === "text") {
      this.#part.text = this.#said;
      this.#send("response.output_text.delta", { delta });
      return;
    }
    if (this.#part.audio?.truncated !== true) this.#part.transcript = this.#said;
    this.#send("response.output_audio_transcript.delta", { delta });
  }

  /** Wire bytes of whole samples. */
  audio(bytes: Uint8Array): void {
    this.#samples += bytes.byteLength / bytesPerSample(this.#settings.format);
    this.#store(bytes);
    const delta = this.#settings.oddChunks ? this.#makeOdd(bytes) : bytes;
    if (delta.byteLength > 0) this.#send("response.output_audio.delta", { delta: delta.toBase64() });
  }

  close(status: "completed" | "incomplete"): void {
    if (this.#carried.byteLength > 0) {
      this.#send("response.output_audio.delta", { delta: this.#carried.toBase64() });
    }
    if (this.#settings.modality === "text") {
      this.#send("response.output_text.done", { text: this.#said });
    } else {
      this.#send("response.output_audio.done", {});
      this.#send("response.output_audio_transcript.done", { transcript: this.#said });
    }
    this.#send("response.content_part.done", { part: this.#eventPart(this.#said) });
    this.item.status = status;
    endItem(this.#place, this.item);
  }

  /** Parts of events say `audio` and `text` where items say `output_audio` and `output_text`. */
  #eventPart(said: string): Record<string, unknown> {
    return this.#settings.modality === "text"
      ? { type: "text", text: said }
      : { type: "audio", transcript: said };
  }

  #send(type: string, fields: Record<string, unknown>): void {
    const event: ServerEvent = {
      type,
      response_id: this.#place.responseId,
      item_id: this.item.id,
      output_index: this.#place.outputIndex,
      content_index: 0,
      ...fields,
    };
    this.#place.outbox.send(event);
  }

  #store(bytes: Uint8Array): void {
    const audio = this.#part.audio;
    if (audio === undefined || audio.truncated) return;
    const length = this.#storedLength + bytes.byteLength;
    if (length > this.#stored.byteLength) {
      const larger = new Uint8Array(2 * length);
      larger.set(this.#stored.subarray(0, this.#storedLength));
      this.#stored = larger;
    }
    this.#stored.set(bytes, this.#storedLength);
    this.#storedLength = length;
    audio.bytes = this.#stored.subarray(0, length);
  }

  /** Holds a byte back whenever the delta would be even. */
  #makeOdd(bytes: Uint8Array): Uint8Array {
    const joined = new Uint8Array(this.#carried.byteLength + bytes.byteLength);
    joined.set(this.#carried);
    joined.set(bytes, this.#carried.byteLength);
    const odd = joined.byteLength % 2 === 1 ? joined.byteLength : Math.max(0, joined.byteLength - 1);
    this.#carried = joined.slice(odd);
    return joined.subarray(0, odd);
  }
}
