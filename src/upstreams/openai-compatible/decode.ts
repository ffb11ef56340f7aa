/** Server events of the OpenAI Realtime dialect, GA and beta names alike, to upstream events. */
import { bytesPerSample } from "../../audio/format.ts";
import { isNestedWithin, parseJsonObject } from "../../protocol/json.ts";
import { PieceDecoder } from "../common/audio-carry.ts";
import { objectsAt, textAt } from "../json.ts";
import type { DecoderParts, Handler, Sink } from "./context.ts";
import { ErrorEvents } from "./errors.ts";
import { type Formats, Handshake, type HandshakeState } from "./handshake.ts";
import { InputEvents, type InputState } from "./input.ts";
import { OtherEvents, type PlacedState } from "./others.ts";
import { OutputEvents } from "./output.ts";
import { type OutputItem, type Part, partOf } from "./output-item.ts";
import { emptySpans, scanAudioDelta } from "./scan.ts";
import { withoutOurs } from "./verbatim.ts";
import type { JsonObject, UpstreamEvent, UpstreamFault, WireMessage } from "../upstream.ts";

/** One message: OpenAI itself takes at most 15 MiB of audio in one (openai-realtime.md §1). */
const MAX_MESSAGE_CHARS = 16 * 1024 * 1024;
/** What is kept of an event, or told to a client, is written out again by recursion: depth must not exhaust the stack. */
const MAX_NESTING = 64;

export type DecoderState = {
  readonly handshake: HandshakeState;
  readonly input: InputState;
  readonly placed: PlacedState;
};

export class Decoder {
  readonly #parts: DecoderParts;
  readonly #pieces = new PieceDecoder();
  readonly #spans = emptySpans();
  readonly #handshake: Handshake;
  readonly #outputs: OutputEvents;
  readonly #others: OtherEvents;
  readonly #input: InputEvents;
  readonly #errors: ErrorEvents;
  readonly #handlers: ReadonlyMap<string, Handler>;
  #events: UpstreamEvent[] = [];
  /** The item and part that the last delta was for: the next one nearly always is too. */
  #current: OutputItem | null = null;
  #part: Part | null = null;

  constructor(parts: DecoderParts) {
    this.#parts = parts;
    const sink: Sink = {
      emit: (event) => this.#events.push(withoutOurs(event, parts.redactor)),
      malformed: (what) => this.#malformed(what),
      giveUp: (error) => this.#giveUp(error),
    };
    this.#handshake = new Handshake(parts, sink);
    this.#others = new OtherEvents(parts, sink);
    this.#outputs = new OutputEvents(parts, sink, this.#others);
    this.#input = new InputEvents(parts, sink, this.#others);
    this.#errors = new ErrorEvents(parts, sink);
    this.#handlers = new Map([
      ...this.#table(),
      ...this.#handshake.table(),
      ...this.#outputs.table(),
      ...this.#input.table(),
    ]);
  }

  get formats(): Formats {
    return this.#handshake.formats;
  }

  snapshot(): DecoderState {
    return {
      handshake: this.#handshake.snapshot(),
      input: this.#input.snapshot(),
      placed: this.#others.snapshot(),
    };
  }

  restore(state: DecoderState): void {
    this.#handshake.restore(state.handshake);
    this.#input.restore(state.input);
    this.#others.restore(state.placed);
  }

  decode(data: WireMessage): readonly UpstreamEvent[] {
    this.#events = [...this.#parts.encoder.owed.take()];
    if (typeof data !== "string" || data.length > MAX_MESSAGE_CHARS) {
      this.#malformed(typeof data === "string" ? "is too long" : "is binary");
    } else if (!this.#audioFast(data)) this.#parsed(data);
    return this.#events;
  }

  /** Another number whenever a transcript grows that may not be over, 0: none does. */
  get held(): number {
    return this.#input.held;
  }

  /** Of what grows nothing more was said for a while: it is over. */
  settle(): readonly UpstreamEvent[] {
    this.#events = [];
    this.#input.answerEnds();
    return this.#events;
  }

  /** The hot path: an audio delta of an item that is known and open. False: not that, parse it. */
  #audioFast(text: string): boolean {
    const spans = this.#spans;
    if (!scanAudioDelta(text, spans)) return false;
    let item = this.#current;
    if (item === null || item.id === null || !isSpan(text, spans.itemStart, spans.itemEnd, item.id)) {
      item = this.#parts.responses.item(text.slice(spans.itemStart, spans.itemEnd));
      if (item === null) return false;
      this.#current = item;
      this.#part = null;
    }
    if (!item.open || item.kind !== "message") return false;
    if (!isSpan(text, spans.responseStart, spans.responseEnd, item.responseId)) return false;
    let part = this.#part;
    if (part === null || part.index !== spans.part) {
      part = partOf(item, spans.part);
      if (part === null) return false;
      this.#part = part;
    }
    return this.#audio(item, part, text.slice(spans.deltaStart, spans.deltaEnd));
  }

  #parsed(text: string): void {
    const event = parseJsonObject(text);
    const type = textAt(event, "type");
    if (event === null || type === null) return this.#malformed("is not a JSON object with a type");
    if (!isNestedWithin(event, MAX_NESTING)) return this.#malformed("is nested too deeply");
    if (!this.#others.takes(event, type)) {
      const handle = this.#handlers.get(type);
      if (handle === undefined) this.#others.unknown(event, type);
      else handle(event);
    }
    this.#follow();
    this.#events.push(...this.#parts.encoder.owed.take());
    this.#release(false);
  }

  /** What the events of this message mean for what waits. */
  #follow(): void {
    const { encoder, names } = this.#parts;
    const began = this.#events.some(({ type }) => type === "response.started");
    const ended = this.#events.some(({ type }) => type === "response.done");
    if (began) this.#input.answerBegins();
    if (ended) this.#input.answerEnds();
    this.#input.speaksOn();
    encoder.updates.acknowledged(names.acknowledged);
    this.#handshake.settle();
  }

  #release(despite: boolean): void {
    for (const data of this.#parts.encoder.release(this.formats.output, despite))
      this.#events.push({ type: "reply", data });
  }

  #malformed(what: string): void {
    this.#events.push({
      type: "error",
      error: { code: "upstream_protocol_error", message: `A message of the provider ${what}.` },
      fatal: false,
    });
  }

  #giveUp(error: UpstreamFault): void {
    this.#handshake.over();
    if (error.code === "session_expired") this.#events.push({ type: "expiring", inMs: 0 });
    this.#events.push({ type: "error", error, fatal: true });
  }

  #table(): [string, Handler][] {
    const audio: Handler = (event) => this.#audioSlow(event);
    return [
      ["response.output_audio.delta", audio],
      ["response.audio.delta", audio],
      ["rate_limits.updated", (event) => this.#rateLimits(event)],
      ["error", (event) => this.#error(event)],
    ];
  }

  #audioSlow(event: JsonObject): void {
    // vLLM-Omni has the audio in `audio` in some versions.
    const base64 = textAt(event, "delta") ?? textAt(event, "audio");
    // What says nothing begins nothing.
    if (base64 === null) return this.#malformed("has no audio");
    const item = this.#outputs.messageOf(event);
    const part = item === null ? null : this.#outputs.partOf(item, event);
    if (item !== null && part !== null && !this.#audio(item, part, base64))
      this.#malformed("has audio that is not base64");
  }

  #audio(item: OutputItem, part: Part, base64: string): boolean {
    const bytes = this.#pieces.decode(base64, bytesPerSample(this.formats.output), part);
    if (bytes === null) return false;
    part.audioBytes += bytes.length;
    if (bytes.length === 0) return true;
    const { response, key } = item;
    this.#events.push(
      part.index === 0
        ? { type: "audio", response, item: key, bytes }
        : { type: "audio", response, item: key, part: part.index, bytes },
    );
    return true;
  }

  #error(event: JsonObject): void {
    if (this.#errors.handle(event)) this.#release(true);
  }

  #rateLimits(event: JsonObject): void {
    this.#events.push({ type: "rate_limits", rateLimits: objectsAt(event, "rate_limits") });
  }
}

function isSpan(text: string, start: number, end: number, name: string): boolean {
  return end - start === name.length && text.startsWith(name, start);
}
