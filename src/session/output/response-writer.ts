/**
 * Writes a response to the client in OpenAI's order of events, and into the conversation. Knows nothing of upstreams
 * or of who may speak.
 */
import type { ProviderFormat } from "../../audio/format.ts";
import type { JsonObject } from "../../protocol/json.ts";
import { passedEvent } from "../../protocol/passed-events.ts";
import type { ServerEvent } from "../state/server-events.ts";
import type { Context } from "../context.ts";
import type { Conversation } from "../memory/conversation.ts";
import type { Entry } from "../memory/entry.ts";
import type { Unsent } from "./lane.ts";
import { AudioWriter, type AudioWriterParts, type WriterSnapshot } from "./audio-writer.ts";
import { addressOf, toEventPart, toItem, toRealtimeResponse } from "./response.ts";
import type { OutputItem, OutputPart, ResponseRecord } from "../state/response.ts";
import type { ClientPort, Loudness } from "./ports.ts";

export class ResponseWriter {
  readonly #context: Context;
  readonly #port: ClientPort;
  readonly #conversation: Conversation;
  readonly #audio: AudioWriter;
  readonly #loudness: Loudness;

  constructor(parts: AudioWriterParts) {
    this.#context = parts.context;
    this.#port = parts.port;
    this.#conversation = parts.conversation;
    this.#loudness = parts.floor.way;
    this.#audio = new AudioWriter(parts);
  }

  created(response: ResponseRecord): void {
    this.#port.emit({
      type: "response.created",
      response: toRealtimeResponse(response, this.#port.extended),
    });
  }

  itemStarted(response: ResponseRecord, item: OutputItem): void {
    const shown = toItem(item);
    this.#port.emit({
      type: "response.output_item.added",
      response_id: response.id,
      output_index: item.outputIndex,
      item: shown,
    });
    if (response.outOfBand) return;
    const entry = { item: shown, origin: response.stream, growing: true, truncatedMs: null, audioMs: 0 };
    const previous = this.#conversation.insert(entry);
    this.#port.emit({ type: "conversation.item.added", previous_item_id: previous, item: shown });
  }

  /** The item's part of that kind and upstream's number, begun if it is new. */
  part(response: ResponseRecord, item: OutputItem, key: number, kind: OutputPart["kind"]): OutputPart {
    const known = item.parts.find((part) => part.key === key && part.kind === kind);
    if (known) return known;
    const part: OutputPart = { key, kind, text: "", audioMs: 0, done: false };
    if (kind === "audio") this.#audio.flush(response, item);
    item.parts.push(part);
    const entry = this.#store(response, item);
    const spoken = item.parts.filter((one) => one.kind === "audio");
    // Where its only audio is the first part, the entry says it all.
    if (entry && kind === "audio" && (spoken.length > 1 || item.parts.length > 1 || key > 0)) {
      entry.audioParts = spoken.map((one) => ({
        index: item.parts.indexOf(one),
        key: one.key,
        ms: one.audioMs,
      }));
    }
    this.#content(response, item, part, { type: "response.content_part.added", part: toEventPart(part) });
    return part;
  }

  /** Audio in the upstream's format, to the client in the response's. */
  audio(
    response: ResponseRecord,
    item: OutputItem,
    key: number,
    from: ProviderFormat,
    bytes: Uint8Array,
  ): void {
    if (this.#audio.goesOn(response, item, key, from, bytes)) return;
    this.#audio.begin(response, item, this.part(response, item, key, "audio"), from);
    this.#audio.goesOn(response, item, key, from, bytes);
  }

  /** Transcript of audio, or text output. */
  text(
    response: ResponseRecord,
    item: OutputItem,
    key: number,
    kind: OutputPart["kind"],
    delta: string,
  ): void {
    const part = this.part(response, item, key, kind);
    part.text += delta;
    this.#store(response, item);
    const type = kind === "audio" ? "response.output_audio_transcript.delta" : "response.output_text.delta";
    for (const piece of pieces(delta, this.#context.limits.textMessageChars)) {
      this.#content(response, item, part, { type, delta: piece });
    }
  }

  arguments(response: ResponseRecord, item: OutputItem, delta: string): void {
    item.arguments += delta;
    this.#store(response, item);
    const { textMessageChars } = this.#context.limits;
    for (const piece of pieces(delta, textMessageChars)) {
      this.#port.emit({
        type: "response.function_call_arguments.delta",
        ...addressOf(response, item),
        call_id: item.callId,
        delta: piece,
      });
    }
  }

  /** Something about an item of kind `other`, in the provider's words under the session's names. */
  itemEvent(response: ResponseRecord, item: OutputItem, event: JsonObject): void {
    const told = passedEvent(event, addressOf(response, item));
    if (told !== null) this.#port.emit(told);
  }

  /** Ends the item's parts of the upstream's number: it says nothing more of them. */
  partDone(response: ResponseRecord, item: OutputItem, key: number): void {
    if (item.done || !item.parts.some((part) => part.key === key && !part.done)) return;
    this.#audio.flush(response, item, true, key);
    for (const part of item.parts) if (part.key === key) this.#partDone(response, item, part);
  }

  /** Ends the item and says so, once. */
  itemDone(response: ResponseRecord, item: OutputItem, status: "completed" | "incomplete"): void {
    if (item.done) return;
    this.#audio.flush(response, item, status === "completed");
    item.done = true;
    item.status = status;
    if (item.kind === "function_call" && status === "completed") this.#argumentsDone(response, item);
    for (const part of item.parts) this.#partDone(response, item, part);
    const entry = this.#store(response, item);
    const shown = toItem(item);
    if (entry) {
      entry.growing = false;
      this.#port.emit({
        type: "conversation.item.done",
        previous_item_id: this.#conversation.previousOf(item.id),
        item: entry.item,
      });
    }
    this.#port.emit({
      type: "response.output_item.done",
      response_id: response.id,
      output_index: item.outputIndex,
      item: shown,
    });
  }

  /** Of a call that was cut off nothing says that its arguments are whole: clients run a tool by this event. */
  #argumentsDone(response: ResponseRecord, item: OutputItem): void {
    // A provider that ends a call and gives no arguments means none.
    if (item.arguments === "") item.arguments = "{}";
    this.#port.emit({
      type: "response.function_call_arguments.done",
      ...addressOf(response, item),
      call_id: item.callId,
      name: item.name,
      arguments: item.arguments,
    });
  }

  #partDone(response: ResponseRecord, item: OutputItem, part: OutputPart): void {
    if (part.done) return;
    part.done = true;
    if (part.kind === "audio") {
      this.#content(response, item, part, { type: "response.output_audio.done" });
      this.#content(response, item, part, {
        type: "response.output_audio_transcript.done",
        transcript: part.text,
      });
    } else {
      this.#content(response, item, part, { type: "response.output_text.done", text: part.text });
    }
    this.#content(response, item, part, { type: "response.content_part.done", part: toEventPart(part) });
  }

  /** So much of its items was said by the upstream and never sent. */
  unsent(response: ResponseRecord, unsent: readonly Unsent[]): void {
    for (const { key, ms, words } of unsent) {
      const item = response.items.find((candidate) => candidate.key === key);
      const entry = item && this.#conversation.find(item.id);
      if (!entry) continue;
      entry.unsentMs = (entry.unsentMs ?? 0) + ms;
      entry.unsentText = (entry.unsentText ?? "") + words;
    }
  }

  /** It ended in its middle: its words may be ahead of its sound, and those were not said. */
  brokeOff({ id, parts }: OutputItem): void {
    const entry = parts.some(({ kind }) => kind === "audio") ? this.#conversation.find(id) : undefined;
    if (entry?.truncatedMs === null) entry.playedMs ??= entry.audioMs;
  }

  /** A name for an item that begins. */
  newItemId(): string {
    return this.#conversation.unused(() => this.#context.newId("item"));
  }

  /** It is in the conversation, and was not truncated there. */
  isWhole({ id }: OutputItem): boolean {
    return this.#conversation.find(id)?.truncatedMs === null;
  }

  /** The upstream goes on with an item that was cut: it is not sent, but words may come late that were heard. */
  unheard(item: OutputItem, ms: number, words: string): void {
    const entry = this.#conversation.find(item.id);
    if (!entry) return;
    entry.unsentMs = (entry.unsentMs ?? 0) + ms;
    entry.unsentText = (entry.unsentText ?? "") + words;
    this.#conversation.grew(entry, toItem(item));
  }

  done(response: ResponseRecord): void {
    this.#loudness.over(response.id);
    this.#port.emit({
      type: "response.done",
      response: toRealtimeResponse(response, this.#port.extended),
    });
  }

  #content(response: ResponseRecord, item: OutputItem, part: OutputPart, event: ServerEvent): void {
    const { type, ...members } = event;
    const content_index = item.parts.indexOf(part);
    this.#port.emit({ type, ...addressOf(response, item), content_index, ...members });
  }

  /** The item as it is now, in the conversation; one that the client deleted is not there any more. */
  #store(response: ResponseRecord, item: OutputItem): Entry | undefined {
    if (response.outOfBand) return undefined;
    const entry = this.#conversation.find(item.id);
    if (entry) this.#conversation.grew(entry, toItem(item));
    return entry;
  }

  snapshot(): WriterSnapshot {
    return this.#audio.snapshot();
  }

  restore(snapshot: WriterSnapshot): void {
    this.#audio.restore(snapshot);
  }
}

/** The words in pieces of at most so many characters, none of them cut in two. */
function pieces(words: string, most: number): readonly string[] {
  if (words.length <= most) return [words];
  const all: string[] = [];
  for (let at = 0; at < words.length;) {
    const end = at + most;
    const splits = end < words.length && /[\uD800-\uDBFF]/.test(words.charAt(end - 1));
    all.push(words.slice(at, splits ? end - 1 : end));
    at = splits ? end - 1 : end;
  }
  return all;
}
