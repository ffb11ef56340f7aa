/**
 * Writes a response to the client in OpenAI's order of events, and into the conversation. Knows nothing of upstreams
 * or of who may speak.
 */
import { encode } from "../../audio/codec.ts";
import { durationMs, sampleRateHz, type ProviderFormat } from "../../audio/format.ts";
import type { AudioKernels } from "../../audio/kernels.ts";
import type { JsonObject } from "../../protocol/json.ts";
import { passedEvent } from "../../protocol/passed-events.ts";
import type { AudioAddress, ServerEvent } from "../state/server-events.ts";
import type { Context } from "../context.ts";
import type { Conversation } from "../memory/conversation.ts";
import type { Entry } from "../memory/entry.ts";
import type { Unsent } from "./lane.ts";
import { OutputPath, type OutputPathSnapshot } from "../../audio/output-path.ts";
import type { Playout } from "./playout.ts";
import { addressOf, audioAddress, toEventPart, toItem, toRealtimeResponse } from "./response.ts";
import type { OutputItem, OutputPart, ResponseRecord } from "../state/response.ts";
import type { ClientPort, Place } from "./ports.ts";

/** Samples on their way to the listener, and when they will sound. */
export type OnAudio = (stream: number, samples: Int16Array, rateHz: number, atMs: number) => void;

/** Makes what is sent quieter while a sound over its agent is judged. */
export interface Loudness {
  /** Something may be quieter just now. */
  readonly reduces: boolean;
  /** The next samples of a response, as they are sent. Valid until the next call. */
  reduce(id: string, stream: number, samples: Int16Array, rateHz: number, place: Place): Int16Array;
  /** The response has no more. */
  over(id: string): void;
}

/** An audio part that is being written, with what stays the same for all of it. */
interface Voice {
  readonly item: OutputItem;
  readonly part: OutputPart;
  readonly index: number;
  readonly address: AudioAddress;
  readonly path: OutputPath;
}

export class ResponseWriter {
  readonly #context: Context;
  readonly #port: ClientPort;
  readonly #conversation: Conversation;
  readonly #playout: Playout;
  readonly #kernels: AudioKernels;
  readonly #loudness: Loudness;
  readonly #onAudio: OnAudio;
  /** By item and content index. */
  #paths = new Map<string, OutputPath>();
  /** That got audio last: the next audio is nearly always its too. */
  #voice: Voice | null = null;

  constructor(
    context: Context,
    port: ClientPort,
    conversation: Conversation,
    playout: Playout,
    kernels: AudioKernels,
    loudness: Loudness,
    onAudio: OnAudio,
  ) {
    this.#context = context;
    this.#port = port;
    this.#conversation = conversation;
    this.#playout = playout;
    this.#kernels = kernels;
    this.#loudness = loudness;
    this.#onAudio = onAudio;
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
    if (kind === "audio") this.#flush(response, item);
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
    let voice = this.#voice;
    if (voice?.item !== item || voice.part.key !== key) voice = this.#voiceOf(response, item, key, from);
    this.#send(response, voice, voice.path.push(bytes, from));
  }

  #voiceOf(response: ResponseRecord, item: OutputItem, key: number, from: ProviderFormat): Voice {
    const part = this.part(response, item, key, "audio");
    const index = item.parts.indexOf(part);
    const name = `${item.id}/${index}`;
    const path = this.#paths.get(name) ?? new OutputPath(from, response.format, this.#kernels);
    this.#paths.set(name, path);
    this.#voice = { item, part, index, address: audioAddress(response, item, index), path };
    return this.#voice;
  }

  #send(response: ResponseRecord, voice: Voice, bytes: Uint8Array): void {
    if (bytes.byteLength === 0) return;
    const { item, part, path, address } = voice;
    const ms = durationMs(path.to, bytes.byteLength);
    const rateHz = sampleRateHz(path.to);
    const { stream } = response;
    let [samples, aloud] = [path.samples, bytes];
    if (this.#loudness.reduces) {
      const follows = () => this.#playout.follows(stream, this.#context.now);
      const place = part.audioMs > 0 ? "goes on" : follows() ? "follows" : "alone";
      samples = this.#loudness.reduce(response.id, stream, samples, rateHz, place);
      if (samples !== path.samples) aloud = encode(path.to, samples);
    }
    part.audioMs += ms;
    const entry = this.#conversation.find(item.id);
    if (entry) {
      entry.audioMs += ms;
      if (entry.audioParts) entry.audioParts = longer(entry.audioParts, voice.index, ms);
      this.#conversation.audio.append(item.id, path.to, bytes, false);
    }
    const soundsAt = this.#playout.nextSoundsAt(stream, this.#context.now);
    this.#onAudio(stream, samples, rateHz, soundsAt);
    this.#playout.sent(item.id, stream, ms, this.#context.now, !response.own);
    const { audioMessageBytes } = this.#context.limits;
    if (bytes.byteLength <= audioMessageBytes) {
      this.#port.audio(address, bytes, ms, aloud);
      return;
    }
    for (let at = 0; at < bytes.byteLength; at += audioMessageBytes) {
      const piece = bytes.subarray(at, at + audioMessageBytes);
      const loud = aloud === bytes ? piece : aloud.subarray(at, at + audioMessageBytes);
      this.#port.audio(address, piece, durationMs(path.to, piece.byteLength), loud);
    }
  }

  /** What was still inside the resamplers of an item. */
  #flush(response: ResponseRecord, item: OutputItem, whole = true, key: number | null = null): void {
    for (const [index, part] of item.parts.entries()) {
      if (key !== null && part.key !== key) continue;
      const name = `${item.id}/${index}`;
      const path = this.#paths.get(name);
      if (!path) continue;
      const address = audioAddress(response, item, index);
      if (whole) this.#send(response, { item, part, index, address, path }, path.flush());
      this.#paths.delete(name);
    }
    if (this.#voice?.item === item) this.#voice = null;
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
    this.#flush(response, item, true, key);
    for (const part of item.parts) if (part.key === key) this.#partDone(response, item, part);
  }

  /** Ends the item and says so, once. */
  itemDone(response: ResponseRecord, item: OutputItem, status: "completed" | "incomplete"): void {
    if (item.done) return;
    this.#flush(response, item, status === "completed");
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
    return [...this.#paths].map(([name, path]) => [name, path.snapshot()]);
  }

  restore(snapshot: WriterSnapshot): void {
    this.#voice = null;
    this.#paths = new Map(snapshot.map(([name, path]) => [name, OutputPath.restore(path, this.#kernels)]));
  }
}

function longer(parts: NonNullable<Entry["audioParts"]>, index: number, ms: number) {
  return parts.map((part) => (part.index === index ? { ...part, ms: part.ms + ms } : part));
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

export type WriterSnapshot = readonly (readonly [string, OutputPathSnapshot])[];
