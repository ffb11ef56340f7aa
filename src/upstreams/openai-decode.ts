/** Server events of the OpenAI Realtime dialect, GA and beta names alike, to upstream events. */
import { type AudioFormat, bytesPerSample, type PcmRateHz } from "../audio/format.ts";
import { PieceDecoder } from "./audio-carry.ts";
import { parseJsonObject } from "../protocol/json.ts";
import { nameAt, objectAt, objectsAt, textAt } from "./json.ts";
import { type Encoder, foreignMetadata, RESPONSE_METADATA } from "./openai-encode.ts";
import { InputTranscripts } from "./openai-input.ts";
import type { ItemNames } from "./openai-names.ts";
import type { Ask, OpenResponse, OutputItem, Responses } from "./openai-responses.ts";
import { emptySpans, scanAudioDelta } from "./openai-scan.ts";
import type { OpenAiSettings } from "./openai-settings.ts";
import { doneStatus, isFatal, isNoActiveResponse, isRefusedCreate, readFormat } from "./openai-words.ts";
import type { Redactor } from "./redact.ts";
import type { JsonObject, UpstreamEvent, WireMessage } from "./upstream.ts";

/** One message: OpenAI itself takes at most 15 MiB of audio in one (openai-realtime.md §1). */
const MAX_MESSAGE_CHARS = 16 * 1024 * 1024;
const MAX_ARGUMENTS_CHARS = 256 * 1024;

type Handler = (event: JsonObject) => void;

export interface DecoderParts {
  readonly settings: OpenAiSettings;
  readonly names: ItemNames;
  readonly responses: Responses;
  readonly encoder: Encoder;
  readonly redactor: Redactor;
}

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
  readonly #input: InputTranscripts;
  readonly #handlers: ReadonlyMap<string, Handler>;
  #output: AudioFormat;
  #ready = false;
  #events: UpstreamEvent[] = [];
  /** The item the last delta was for: the next one nearly always is too. */
  #current: OutputItem | null = null;

  constructor(parts: DecoderParts) {
    this.#parts = parts;
    this.#output = parts.settings.output;
    this.#input = new InputTranscripts(parts, (event) => this.#events.push(event));
    this.#handlers = new Map<string, Handler>([...this.#table(), ...this.#input.table()]);
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
    const said: Handler = (event) => this.#said(event, "transcript", textAt(event, "delta"), false);
    const allSaid: Handler = (event) => this.#said(event, "transcript", textAt(event, "transcript"), true);
    const text: Handler = (event) => this.#said(event, "text", textAt(event, "delta"), false);
    const allText: Handler = (event) => this.#said(event, "text", textAt(event, "text"), true);
    const session: Handler = (event) => this.#session(event);
    return [
      ["session.created", session],
      ["session.updated", session],
      ["transcription_session.created", session],
      ["transcription_session.updated", session],
      ["response.created", (event) => this.#created(event)],
      ["response.output_item.added", (event) => this.#itemAdded(event)],
      ["response.output_item.done", (event) => this.#itemDone(event)],
      ["response.output_audio.delta", audio],
      ["response.audio.delta", audio],
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
      ["response.done", (event) => this.#done(event)],
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

  #created(event: JsonObject): void {
    const response = objectAt(event, "response");
    const id = nameAt(response, "id");
    if (id === null) return this.#malformed("has no response.id");
    if (this.#parts.responses.get(id) === null && !this.#parts.responses.isClosed(id))
      this.#begin(id, response);
  }

  #begin(id: string, response: JsonObject | null): OpenResponse | null {
    const { responses, encoder, settings } = this.#parts;
    const ask = this.#askOf(response);
    const outOfBand = ask?.options.outOfBand ?? response?.["conversation_id"] === null;
    const before = responses.active;
    if (settings.quirks.abandonsResponses && !outOfBand && before !== null) this.#abandon(before);
    const displaced = responses.open(id, ask?.responseId ?? null, outOfBand);
    if (displaced !== null) this.#abandon(displaced);
    if (!outOfBand) encoder.modelSpeaks();
    this.#events.push({ type: "response.started", response: id, answers: ask?.responseId ?? null });
    if (ask?.cancelled && settings.quirks.cancel)
      this.#events.push({ type: "reply", data: encoder.cancelEvent(id) });
    return responses.get(id);
  }

  #askOf(response: JsonObject | null): Ask | null {
    const { responses, settings } = this.#parts;
    const named = nameAt(objectAt(response, "metadata"), RESPONSE_METADATA);
    if (named !== null) return responses.answered(named);
    // A provider that answers by itself and repeats metadata begins this one unasked.
    const byItself = settings.turns === "server" && settings.quirks.metadataEcho;
    return byItself ? null : responses.answered(null);
  }

  #abandon(response: OpenResponse): void {
    this.#finish(response, {
      status: "cancelled",
      reason: "superseded",
      error: null,
      usage: null,
      metadata: null,
    });
  }

  /** The response that an event belongs to; begun here if its `response.created` never came. */
  #responseOf(event: JsonObject): OpenResponse | null {
    const { responses } = this.#parts;
    const id = nameAt(event, "response_id");
    if (id === null) {
      if (responses.only === null) this.#malformed("has no response_id");
      return responses.only;
    }
    if (responses.isClosed(id)) return null;
    return responses.get(id) ?? this.#begin(id, null);
  }

  #messageOf(event: JsonObject): OutputItem | null {
    const response = this.#responseOf(event);
    if (response === null) return null;
    return this.#openItem(response, nameAt(event, "item_id") ?? `${response.id}/0`, null);
  }

  #addItem(response: OpenResponse, id: string, kind: OutputItem["kind"]): OutputItem {
    this.#parts.names.bind(id, id);
    return this.#parts.responses.addItem(response, id, kind);
  }

  /** The open item of that name, begun if new: a function call if `call` is one, else a message. */
  #openItem(response: OpenResponse, id: string, call: JsonObject | null): OutputItem | null {
    const { responses } = this.#parts;
    const known = responses.item(id);
    if (known !== null) return known.open && known.response === response.id ? known : null;
    const started = { type: "item.started", response: response.id, item: id } as const;
    if (call === null) {
      this.#events.push({ ...started, kind: "message" });
      return this.#addItem(response, id, "message");
    }
    const name = nameAt(call, "name");
    const callId = nameAt(call, "call_id");
    if (name === null || callId === null) return null;
    this.#events.push({ ...started, kind: "function_call", name, callId });
    return this.#addItem(response, id, "function_call");
  }

  #itemOf(response: OpenResponse, item: JsonObject | null): OutputItem | null {
    const id = nameAt(item, "id");
    const type = textAt(item, "type");
    if (id === null) return null;
    if (type === "message") return this.#openItem(response, id, null);
    return type === "function_call" ? this.#openItem(response, id, item) : null;
  }

  #itemAdded(event: JsonObject): void {
    const response = this.#responseOf(event);
    if (response !== null) this.#itemOf(response, objectAt(event, "item"));
  }

  #itemDone(event: JsonObject): void {
    const response = this.#responseOf(event);
    const whole = objectAt(event, "item");
    if (response !== null) this.#endItem(this.#itemOf(response, whole), whole);
  }

  #endItem(item: OutputItem | null, whole: JsonObject | null): void {
    if (item === null || !item.open) return;
    this.#tellContent(item, whole);
    const given = textAt(whole, "arguments") ?? item.arguments;
    item.open = false;
    item.carry.odd = -1;
    item.arguments = null;
    const done = { type: "item.done", response: item.response, item: item.id } as const;
    const isCall = item.kind === "function_call" && given !== null;
    this.#events.push(isCall && given.length <= MAX_ARGUMENTS_CHARS ? { ...done, arguments: given } : done);
  }

  /** Words that came only with the finished item. */
  #tellContent(item: OutputItem, whole: JsonObject | null): void {
    for (const part of objectsAt(whole, "content")) {
      this.#tell(item, "transcript", textAt(part, "transcript"), true);
      this.#tell(item, "text", textAt(part, "text"), true);
    }
  }

  #audioSlow(event: JsonObject): void {
    const item = this.#messageOf(event);
    if (item === null) return;
    // vLLM-Omni has the audio in `audio` in some versions.
    const base64 = textAt(event, "delta") ?? textAt(event, "audio");
    if (base64 === null || !this.#audio(item, base64)) this.#malformed("has audio that is not base64");
  }

  #audio(item: OutputItem, base64: string): boolean {
    const bytes = this.#pieces.decode(base64, bytesPerSample(this.#output), item.carry);
    if (bytes === null) return false;
    item.audioBytes += bytes.length;
    if (bytes.length > 0) this.#events.push({ type: "audio", response: item.response, item: item.id, bytes });
    return true;
  }

  #said(event: JsonObject, kind: "transcript" | "text", words: string | null, whole: boolean): void {
    const item = this.#messageOf(event);
    if (item !== null) this.#tell(item, kind, words, whole);
  }

  #tell(item: OutputItem, kind: "transcript" | "text", words: string | null, whole: boolean): void {
    const before = kind === "transcript" ? item.saidTranscript : item.saidText;
    if (words === null || words === "" || (whole && before)) return;
    if (kind === "transcript") item.saidTranscript = true;
    else item.saidText = true;
    this.#events.push({ type: kind, response: item.response, item: item.id, delta: words });
  }

  #argumentsDelta(event: JsonObject): void {
    const item = this.#parts.responses.item(nameAt(event, "item_id") ?? "");
    const delta = textAt(event, "delta");
    // A call that was never announced is told whole, when its `done` says what it calls.
    if (item === null || !item.open || item.kind !== "function_call" || delta === null || delta === "")
      return;
    this.#events.push({ type: "arguments", response: item.response, item: item.id, delta });
  }

  #argumentsDone(event: JsonObject): void {
    const response = this.#responseOf(event);
    const id = nameAt(event, "item_id");
    const whole = textAt(event, "arguments");
    if (response === null || id === null || whole === null || whole.length > MAX_ARGUMENTS_CHARS) return;
    const item = this.#openItem(response, id, event);
    if (item !== null) item.arguments = whole;
  }

  #done(event: JsonObject): void {
    const { responses, redactor } = this.#parts;
    const whole = objectAt(event, "response");
    const id = nameAt(whole, "id") ?? responses.only?.id ?? null;
    if (id === null) return this.#malformed("has no response.id");
    if (responses.isClosed(id)) return;
    const response = responses.get(id) ?? this.#begin(id, whole);
    if (response === null) return;
    for (const item of objectsAt(whole, "output")) this.#endItem(this.#itemOf(response, item), item);
    const details = objectAt(whole, "status_details");
    const { status, reason } = doneStatus(whole);
    const fault = objectAt(details, "error");
    this.#finish(response, {
      status,
      reason,
      error:
        status === "failed"
          ? redactor.fault(
              textAt(fault, "code") ?? textAt(fault, "type"),
              textAt(fault, "message"),
              "upstream_error",
            )
          : null,
      usage: objectAt(whole, "usage"),
      metadata: foreignMetadata(whole),
    });
  }

  #finish(
    response: OpenResponse,
    end: Omit<Extract<UpstreamEvent, { type: "response.done" }>, "type" | "response">,
  ): void {
    for (const item of response.items) this.#endItem(item, null);
    this.#parts.responses.close(response);
    const bySpeech = end.status === "cancelled" && end.reason === "turn_detected";
    if (bySpeech && this.#parts.settings.turns === "server") this.#events.push({ type: "interrupted" });
    this.#events.push({ type: "response.done", response: response.id, ...end });
  }

  #rateLimits(event: JsonObject): void {
    this.#events.push({ type: "rate_limits", rateLimits: objectsAt(event, "rate_limits") });
  }

  #error(event: JsonObject): void {
    const { names, responses, encoder, redactor } = this.#parts;
    const detail = objectAt(event, "error");
    // vLLM's error is a string.
    const words = textAt(detail, "message") ?? textAt(event, "error") ?? textAt(event, "message");
    const code = textAt(detail, "code") ?? textAt(detail, "type");
    const eventId = nameAt(detail, "event_id");
    if (isNoActiveResponse(code, words)) return;
    const error = redactor.fault(code, words, "upstream_error");

    const ask =
      eventId !== null
        ? responses.refused(eventId)
        : isRefusedCreate(code, words)
          ? responses.refused(null)
          : null;
    if (ask !== null) {
      const tooEarly = code === "conversation_already_has_active_response" && responses.active !== null;
      if (!tooEarly || ask.again) return encoder.unanswered(ask, error);
      ask.again = true;
      return responses.holdFirst(ask);
    }
    const emptyCommit = eventId === null && code === "input_audio_buffer_commit_empty";
    const itemId = eventId !== null || emptyCommit ? names.refused(eventId) : null;
    if (itemId !== null && encoder.transcribes)
      this.#events.push({ type: "input.transcript.failed", itemId, error });

    const aboutGreeting =
      eventId === encoder.greetingId || (eventId === null && /session/.test(textAt(detail, "param") ?? ""));
    const again = !this.#ready && aboutGreeting ? encoder.greetAgain() : null;
    if (code === "session_expired") this.#events.push({ type: "expiring", inMs: 0 });
    this.#events.push({
      type: "error",
      error,
      fatal: isFatal(code) || (!this.#ready && aboutGreeting && again === null),
    });
    if (again !== null) this.#events.push({ type: "reply", data: again });
    // It may be the running response that failed, and its end may never be told: let the next one try.
    if (eventId === null) this.#release(true);
  }
}

function isSpan(text: string, start: number, end: number, name: string): boolean {
  return end - start === name.length && text.startsWith(name, start);
}
