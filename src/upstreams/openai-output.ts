/** The model's side in a provider's events: responses, their items, words and tool calls. */
import type { DecoderParts, Handler, Sink } from "./openai-context.ts";
import { nameAt, objectAt, objectsAt, textAt } from "./json.ts";
import { type Ask, type OpenResponse, type OutputItem, RESPONSE_LIMITS } from "./openai-responses.ts";
import { doneStatus, foreignMetadata, RESPONSE_METADATA } from "./openai-words.ts";
import type { JsonObject, UpstreamEvent } from "./upstream.ts";

const MAX_ARGUMENTS_CHARS = 256 * 1024;

export class OutputEvents {
  readonly #parts: DecoderParts;
  readonly #sink: Sink;

  constructor(parts: DecoderParts, sink: Sink) {
    this.#parts = parts;
    this.#sink = sink;
  }

  table(): [string, Handler][] {
    const said: Handler = (event) => this.#said(event, "transcript", textAt(event, "delta"), false);
    const allSaid: Handler = (event) => this.#said(event, "transcript", textAt(event, "transcript"), true);
    const text: Handler = (event) => this.#said(event, "text", textAt(event, "delta"), false);
    const allText: Handler = (event) => this.#said(event, "text", textAt(event, "text"), true);
    return [
      ["response.created", (event) => this.#created(event)],
      ["response.output_item.added", (event) => this.#itemAdded(event)],
      ["response.output_item.done", (event) => this.#itemDone(event)],
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
    ];
  }

  #created(event: JsonObject): void {
    const response = objectAt(event, "response");
    const id = nameAt(response, "id");
    if (id === null) return this.#sink.malformed("has no response.id");
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
    this.#sink.emit({ type: "response.started", response: id, answers: ask?.responseId ?? null });
    if (ask?.cancelled && settings.quirks.cancel)
      this.#sink.emit({ type: "reply", data: encoder.cancelEvent(id) });
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
      if (responses.only === null) this.#sink.malformed("has no response_id");
      return responses.only;
    }
    if (responses.isClosed(id)) return null;
    return responses.get(id) ?? this.#begin(id, null);
  }

  /** The message item that a delta belongs to, begun if new; null: it belongs to nothing that is open. */
  messageOf(event: JsonObject): OutputItem | null {
    const response = this.#responseOf(event);
    if (response === null) return null;
    const id = nameAt(event, "item_id") ?? this.#messageGoingOn(response) ?? `${response.id}/0`;
    return this.#openItem(response, id, null);
  }

  /** What is said without a name belongs to what is being said. */
  #messageGoingOn(response: OpenResponse): string | null {
    return response.items.findLast((item) => item.open && item.kind === "message")?.id ?? null;
  }

  /** The open item of that name, begun if new: a function call if `call` is one, else a message. */
  #openItem(response: OpenResponse, id: string, call: JsonObject | null): OutputItem | null {
    const { responses, names } = this.#parts;
    const known = responses.item(id);
    if (known !== null) return known.open && known.response === response.id ? known : null;
    if (response.items.length >= RESPONSE_LIMITS.itemsOfOne) return null;
    const started = { type: "item.started", response: response.id, item: id } as const;
    if (call === null) {
      names.bind(id, id);
      this.#sink.emit({ ...started, kind: "message" });
      return responses.addItem(response, id, "message");
    }
    const name = nameAt(call, "name");
    const callId = nameAt(call, "call_id");
    if (name === null || callId === null) return null;
    names.bind(id, id);
    this.#sink.emit({ ...started, kind: "function_call", name, callId });
    return responses.addItem(response, id, "function_call");
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
    const status = whole?.["status"] === "incomplete" ? "incomplete" : "completed";
    const done = { type: "item.done", response: item.response, item: item.id, status } as const;
    const isCall = item.kind === "function_call" && given !== null;
    this.#sink.emit(isCall && given.length <= MAX_ARGUMENTS_CHARS ? { ...done, arguments: given } : done);
  }

  /** Words that came only with the finished item. */
  #tellContent(item: OutputItem, whole: JsonObject | null): void {
    for (const part of objectsAt(whole, "content")) {
      this.#tell(item, "transcript", textAt(part, "transcript"), true);
      this.#tell(item, "text", textAt(part, "text"), true);
    }
  }

  #said(event: JsonObject, kind: "transcript" | "text", words: string | null, whole: boolean): void {
    if (words === null) return;
    const item = this.messageOf(event);
    if (item !== null) this.#tell(item, kind, words, whole);
  }

  #tell(item: OutputItem, kind: "transcript" | "text", words: string | null, whole: boolean): void {
    const before = kind === "transcript" ? item.saidTranscript : item.saidText;
    if (words === null || words === "" || (whole && before)) return;
    if (kind === "transcript") item.saidTranscript = true;
    else item.saidText = true;
    this.#sink.emit({ type: kind, response: item.response, item: item.id, delta: words });
  }

  #argumentsDelta(event: JsonObject): void {
    const item = this.#parts.responses.item(nameAt(event, "item_id") ?? "");
    const delta = textAt(event, "delta");
    // A call that was never announced is told whole, when its `done` says what it calls.
    if (item === null || !item.open || item.kind !== "function_call" || delta === null || delta === "")
      return;
    this.#sink.emit({ type: "arguments", response: item.response, item: item.id, delta });
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
    if (id === null) return this.#sink.malformed("has no response.id");
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
    if (bySpeech && this.#parts.settings.turns === "server") this.#sink.emit({ type: "interrupted" });
    this.#sink.emit({ type: "response.done", response: response.id, ...end });
  }
}
