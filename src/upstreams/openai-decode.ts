/** Server events of the OpenAI Realtime dialect, GA and beta names alike, to upstream events. */
import { type AudioFormat, bytesPerSample, type PcmRateHz } from "../audio/format.ts";
import { parseJsonObject } from "../protocol/json.ts";
import { PieceDecoder } from "./audio-carry.ts";
import { objectAt, objectsAt, textAt } from "./json.ts";
import type { DecoderParts, Handler, Sink } from "./openai-context.ts";
import { ErrorEvents } from "./openai-errors.ts";
import { InputEvents } from "./openai-input.ts";
import { OutputEvents } from "./openai-output.ts";
import type { OutputItem } from "./openai-responses.ts";
import { emptySpans, scanAudioDelta } from "./openai-scan.ts";
import { readFormat } from "./openai-words.ts";
import type { JsonObject, UpstreamEvent, WireMessage } from "./upstream.ts";

/** One message: OpenAI itself takes at most 15 MiB of audio in one (openai-realtime.md §1). */
const MAX_MESSAGE_CHARS = 16 * 1024 * 1024;

export type DecoderState = {
  readonly output:
    | { readonly type: "audio/pcm"; readonly rate: PcmRateHz }
    | { readonly type: "audio/pcmu" | "audio/pcma" };
  readonly ready: boolean;
  readonly growing: readonly (readonly [itemId: string, transcript: string])[];
};

export class Decoder {
  readonly #parts: DecoderParts;
  readonly #pieces = new PieceDecoder();
  readonly #spans = emptySpans();
  readonly #outputs: OutputEvents;
  readonly #input: InputEvents;
  readonly #errors: ErrorEvents;
  readonly #handlers: ReadonlyMap<string, Handler>;
  #output: AudioFormat;
  #ready = false;
  #events: UpstreamEvent[] = [];
  /** The item the last delta was for: the next one nearly always is too. */
  #current: OutputItem | null = null;

  constructor(parts: DecoderParts) {
    this.#parts = parts;
    this.#output = parts.settings.output;
    const sink: Sink = {
      emit: (event) => this.#events.push(event),
      malformed: (what) => this.#malformed(what),
    };
    this.#outputs = new OutputEvents(parts, sink);
    this.#input = new InputEvents(parts, sink);
    this.#errors = new ErrorEvents(parts, sink);
    this.#handlers = new Map([...this.#table(), ...this.#outputs.table(), ...this.#input.table()]);
  }

  get output(): AudioFormat {
    return this.#output;
  }

  snapshot(): DecoderState {
    return { output: { ...this.#output }, ready: this.#ready, growing: this.#input.snapshot() };
  }

  restore(state: DecoderState): void {
    this.#output = state.output;
    this.#ready = state.ready;
    this.#input.restore(state.growing);
  }

  decode(data: WireMessage): readonly UpstreamEvent[] {
    this.#events = [...this.#parts.encoder.takeOwed()];
    if (typeof data !== "string" || data.length > MAX_MESSAGE_CHARS) {
      this.#malformed(typeof data === "string" ? "is too long" : "is binary");
    } else if (!this.#audioFast(data)) this.#parsed(data);
    return this.#events;
  }

  /** The hot path: an audio delta of an item that is known and open. False: not that, parse it. */
  #audioFast(text: string): boolean {
    const spans = this.#spans;
    if (!scanAudioDelta(text, spans)) return false;
    let item = this.#current;
    if (item === null || !isSpan(text, spans.itemStart, spans.itemEnd, item.id)) {
      item = this.#parts.responses.item(text.slice(spans.itemStart, spans.itemEnd));
      if (item === null) return false;
      this.#current = item;
    }
    if (!item.open || !isSpan(text, spans.responseStart, spans.responseEnd, item.response)) return false;
    return this.#audio(item, text.slice(spans.deltaStart, spans.deltaEnd));
  }

  #parsed(text: string): void {
    const event = parseJsonObject(text);
    const type = textAt(event, "type");
    if (event === null || type === null) return this.#malformed("is not a JSON object with a type");
    // Unknown types are the future, not an error.
    this.#handlers.get(type)?.(event);
    this.#events.push(...this.#parts.encoder.takeOwed());
    this.#release(false);
  }

  #release(despite: boolean): void {
    for (const data of this.#parts.encoder.release(this.#output, despite))
      this.#events.push({ type: "reply", data });
  }

  #malformed(what: string): void {
    this.#events.push({
      type: "error",
      error: { code: "upstream_protocol_error", message: `A message of the provider ${what}.` },
      fatal: false,
    });
  }

  #table(): [string, Handler][] {
    const audio: Handler = (event) => this.#audioSlow(event);
    const session: Handler = (event) => this.#session(event);
    return [
      ["session.created", session],
      ["session.updated", session],
      ["transcription_session.created", session],
      ["transcription_session.updated", session],
      ["response.output_audio.delta", audio],
      ["response.audio.delta", audio],
      ["rate_limits.updated", (event) => this.#rateLimits(event)],
      ["error", (event) => this.#error(event)],
    ];
  }

  #session(event: JsonObject): void {
    const session = objectAt(event, "session");
    if (this.#ready) return;
    const answered = textAt(event, "type")?.endsWith(".updated") ?? false;
    if (!answered && this.#parts.settings.quirks.readyOn === "session.updated") return;
    // A format in the provider's own handshake wins over what was asked for.
    if (answered) this.#output = readFormat(session) ?? this.#output;
    this.#ready = true;
    this.#parts.encoder.greeted();
    this.#events.push({ type: "ready" });
  }

  #audioSlow(event: JsonObject): void {
    // vLLM-Omni has the audio in `audio` in some versions.
    const base64 = textAt(event, "delta") ?? textAt(event, "audio");
    // What says nothing begins nothing.
    if (base64 === null) return this.#malformed("has no audio");
    const item = this.#outputs.messageOf(event);
    if (item !== null && !this.#audio(item, base64)) this.#malformed("has audio that is not base64");
  }

  #audio(item: OutputItem, base64: string): boolean {
    const bytes = this.#pieces.decode(base64, bytesPerSample(this.#output), item.carry);
    if (bytes === null) return false;
    item.audioBytes += bytes.length;
    if (bytes.length > 0) this.#events.push({ type: "audio", response: item.response, item: item.id, bytes });
    return true;
  }

  #error(event: JsonObject): void {
    if (this.#errors.handle(event, this.#ready)) this.#release(true);
  }

  #rateLimits(event: JsonObject): void {
    this.#events.push({ type: "rate_limits", rateLimits: objectsAt(event, "rate_limits") });
  }
}

function isSpan(text: string, start: number, end: number, name: string): boolean {
  return end - start === name.length && text.startsWith(name, start);
}
