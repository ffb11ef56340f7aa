/**
 * Writes a response to the client in OpenAI's order of events, and into the conversation. Knows nothing of upstreams
 * or of who may speak.
 */
import { durationMs, sampleRateHz, type AudioFormat, type ProviderFormat } from "../../audio/format.ts";
import type { AudioKernels } from "../../audio/kernels.ts";
import type { AudioAddress, ClientPort, ServerEvent } from "../client/client-port.ts";
import type { Context } from "../context.ts";
import type { Conversation } from "../memory/conversation.ts";
import { OutputPath, type OutputPathSnapshot } from "./output-path.ts";
import type { Unsaid } from "./lane.ts";
import type { Playout } from "./playout.ts";
import {
  audioAddress,
  toEventPart,
  toItem,
  toRealtimeResponse,
  type OutputItem,
  type ResponseRecord,
} from "./response.ts";

/** Samples on their way to the listener, and when they will sound. */
export type OnAudio = (stream: number, samples: Int16Array, rateHz: number, atMs: number) => void;

export class ResponseWriter {
  readonly #context: Context;
  readonly #port: ClientPort;
  readonly #conversation: Conversation;
  readonly #playout: Playout;
  readonly #kernels: AudioKernels;
  readonly #onAudio: OnAudio;
  #paths = new Map<string, OutputPath>();
  /** Of the item that got audio last: the next audio is nearly always its too. */
  #addressed: { readonly item: OutputItem; readonly address: AudioAddress } | null = null;

  constructor(
    context: Context,
    port: ClientPort,
    conversation: Conversation,
    playout: Playout,
    kernels: AudioKernels,
    onAudio: OnAudio,
  ) {
    this.#context = context;
    this.#port = port;
    this.#conversation = conversation;
    this.#playout = playout;
    this.#kernels = kernels;
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

  #part(response: ResponseRecord, item: OutputItem, part: "audio" | "text"): void {
    if (item.part !== null) return;
    item.part = part;
    this.#store(response, item);
    this.#content(response, item, { type: "response.content_part.added", part: toEventPart(item) });
  }

  /** Audio in the upstream's format, to the client in its own. */
  audio(
    response: ResponseRecord,
    item: OutputItem,
    from: ProviderFormat,
    to: AudioFormat,
    bytes: Uint8Array,
  ): void {
    this.#part(response, item, "audio");
    let path = this.#paths.get(item.id);
    if (!path) {
      path = new OutputPath(from, to, this.#kernels);
      this.#paths.set(item.id, path);
    }
    this.#sendAudio(response, item, path, path.push(bytes, from));
  }

  #sendAudio(response: ResponseRecord, item: OutputItem, path: OutputPath, bytes: Uint8Array): void {
    if (bytes.byteLength === 0) return;
    const ms = durationMs(path.to, bytes.byteLength);
    const entry = this.#conversation.find(item.id);
    if (entry) {
      entry.audioMs += ms;
      this.#conversation.audio.append(item.id, path.to, bytes, false);
    }
    const soundsAt = this.#playout.nextSoundsAt(response.stream, this.#context.now);
    this.#onAudio(response.stream, path.samples, sampleRateHz(path.to), soundsAt);
    this.#playout.sent(item.id, response.stream, ms, this.#context.now);
    this.#port.audio(this.#audioAddress(response, item), bytes, ms);
  }

  #audioAddress(response: ResponseRecord, item: OutputItem): AudioAddress {
    if (this.#addressed?.item !== item) this.#addressed = { item, address: audioAddress(response, item) };
    return this.#addressed.address;
  }

  /** Transcript of audio, or text output. */
  text(response: ResponseRecord, item: OutputItem, part: "audio" | "text", delta: string): void {
    this.#part(response, item, part);
    item.text += delta;
    this.#store(response, item);
    const type =
      item.part === "audio" ? "response.output_audio_transcript.delta" : "response.output_text.delta";
    this.#content(response, item, { type, delta });
  }

  arguments(response: ResponseRecord, item: OutputItem, delta: string): void {
    item.arguments += delta;
    this.#store(response, item);
    this.#port.emit({
      type: "response.function_call_arguments.delta",
      ...this.#address(response, item),
      call_id: item.callId,
      delta,
    });
  }

  /** Ends the item and says so, once. */
  itemDone(response: ResponseRecord, item: OutputItem, status: "completed" | "incomplete"): void {
    if (item.done) return;
    const path = this.#paths.get(item.id);
    if (path && status === "completed") this.#sendAudio(response, item, path, path.flush());
    this.#paths.delete(item.id);
    item.done = true;
    item.status = status;
    if (item.kind === "function_call") this.#argumentsDone(response, item);
    else if (item.part !== null) this.#partDone(response, item);
    this.#store(response, item);
    const entry = this.#conversation.find(item.id);
    const shown = toItem(item);
    if (entry && !response.outOfBand) {
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

  #argumentsDone(response: ResponseRecord, item: OutputItem): void {
    this.#port.emit({
      type: "response.function_call_arguments.done",
      ...this.#address(response, item),
      call_id: item.callId,
      name: item.name,
      arguments: item.arguments || "{}",
    });
  }

  #partDone(response: ResponseRecord, item: OutputItem): void {
    if (item.part === "audio") {
      this.#content(response, item, { type: "response.output_audio.done" });
      this.#content(response, item, {
        type: "response.output_audio_transcript.done",
        transcript: item.text,
      });
    } else {
      this.#content(response, item, { type: "response.output_text.done", text: item.text });
    }
    this.#content(response, item, { type: "response.content_part.done", part: toEventPart(item) });
  }

  /** So much of its items was said by the upstream and never sent, by the upstream's keys. */
  cut(response: ResponseRecord, unsaid: ReadonlyMap<string, Unsaid>): void {
    for (const { key, id } of response.items) {
      const { ms, words } = unsaid.get(key) ?? { ms: 0, words: "" };
      const entry = ms > 0 || words !== "" ? this.#conversation.find(id) : undefined;
      if (!entry) continue;
      entry.unsentMs = ms;
      entry.unsentText = words;
    }
  }

  done(response: ResponseRecord): void {
    this.#port.emit({
      type: "response.done",
      response: toRealtimeResponse(response, this.#port.extended),
    });
  }

  #address(response: ResponseRecord, item: OutputItem) {
    return { response_id: response.id, item_id: item.id, output_index: item.outputIndex };
  }

  #content(response: ResponseRecord, item: OutputItem, event: ServerEvent): void {
    const { type, ...members } = event;
    this.#port.emit({ type, ...this.#address(response, item), content_index: 0, ...members });
  }

  #store(response: ResponseRecord, item: OutputItem): void {
    if (response.outOfBand) return;
    const entry = this.#conversation.find(item.id);
    if (entry) this.#conversation.grew(entry, toItem(item));
  }

  snapshot(): WriterSnapshot {
    return [...this.#paths].map(([id, path]) => [id, path.snapshot()]);
  }

  restore(snapshot: WriterSnapshot): void {
    this.#paths = new Map(snapshot.map(([id, path]) => [id, OutputPath.restore(path, this.#kernels)]));
  }
}

export type WriterSnapshot = readonly (readonly [string, OutputPathSnapshot])[];
