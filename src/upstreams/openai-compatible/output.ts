/** The model's side in a provider's events: responses from begin to end. What they consist of: `content.ts`. */
import { ContentEvents } from "./content.ts";
import type { DecoderParts, Handler, Sink } from "./context.ts";
import { indexAt, nameAt, objectAt, objectsAt } from "../json.ts";
import type { Ask } from "./asks.ts";
import type { OtherEvents } from "./others.ts";
import type { OutputItem } from "./output-item.ts";
import { OutputItems } from "./output-items.ts";
import type { OpenResponse } from "./responses.ts";
import { doneStatus, foreignMetadata, isFatal, readFault, RESPONSE_METADATA } from "./words.ts";
import type { JsonObject, UpstreamEvent } from "../upstream.ts";

/** Of whose ends something is still to be counted. */
const MAX_ABANDONED = 64;

export class OutputEvents {
  readonly #parts: DecoderParts;
  readonly #sink: Sink;
  readonly #items: OutputItems;
  readonly #content: ContentEvents;
  /** Answers that another one took the place of before their provider had ended them. */
  readonly #abandoned = new Set<string>();

  constructor(parts: DecoderParts, sink: Sink, others: OtherEvents) {
    this.#parts = parts;
    this.#sink = sink;
    this.#items = new OutputItems(parts, sink);
    this.#content = new ContentEvents(parts, sink, this.#items, others, (event) => this.#responseOf(event));
  }

  table(): [string, Handler][] {
    return [
      ["response.created", (event) => this.#created(event)],
      ["response.output_item.added", (event) => this.#itemAdded(event)],
      ["response.output_item.done", (event) => this.#itemDone(event)],
      ["response.done", (event) => this.#done(event)],
      ...this.#content.table(),
    ];
  }

  messageOf(event: JsonObject): OutputItem | null {
    return this.#content.messageOf(event);
  }

  partOf(item: OutputItem, event: JsonObject): ReturnType<OutputItems["part"]> {
    return this.#items.part(item, event);
  }

  #created(event: JsonObject): void {
    const response = objectAt(event, "response");
    const id = nameAt(response, "id");
    if (id === null) return this.#sink.malformed("has no response.id");
    const { responses } = this.#parts;
    if (responses.get(id) !== null) return;
    // A name that was used before is another response's where one is owed, else the same said again.
    if (responses.isClosed(id) && !this.#isOwed(response)) return;
    this.#begin(id, response);
  }

  #isOwed(response: JsonObject | null): boolean {
    const { asks } = this.#parts.responses;
    if (this.#parts.settings.turns === "server") return true;
    const named = nameAt(objectAt(response, "metadata"), RESPONSE_METADATA);
    return named === null ? asks.busy : asks.pending(named) !== null;
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
    const begun = responses.get(id);
    if (begun === null) return null;
    this.#sink.emit({ type: "response.started", response: begun.key, answers: ask?.responseId ?? null });
    if (ask?.cancelled ?? (!outOfBand && this.#toCommit(response))) {
      begun.cancelled = true;
      if (settings.quirks.cancel) this.#sink.emit({ type: "reply", data: encoder.asks.cancel(begun, {}) });
    }
    return begun;
  }

  /** Nobody asked for it, and it begins: it can only be to a commit, of which the provider seemed to begin nothing. */
  #toCommit(response: JsonObject | null): boolean {
    const { quirks, turns } = this.#parts.settings;
    return quirks.answersCommits && turns === "client" && response?.["status"] === "in_progress";
  }

  #askOf(response: JsonObject | null): Ask | null {
    const { names, responses, settings } = this.#parts;
    const named = nameAt(objectAt(response, "metadata"), RESPONSE_METADATA);
    if (named !== null) return responses.asks.named(named);
    // A provider that answers by itself and repeats metadata begins this one unasked.
    const byItself = settings.turns === "server";
    if (byItself && settings.quirks.metadataEcho) return null;
    return responses.asks.oldest(names.acknowledged, byItself);
  }

  #abandon(response: OpenResponse): void {
    this.#abandoned.add(response.id);
    const [oldest] = this.#abandoned;
    if (this.#abandoned.size > MAX_ABANDONED && oldest !== undefined) this.#abandoned.delete(oldest);
    const end = {
      status: "cancelled",
      reason: "superseded",
      error: null,
      usage: null,
      metadata: null,
    } as const;
    this.#finish(response, end);
  }

  /** The response that an event belongs to; begun here if its `response.created` never came. */
  #responseOf(event: JsonObject): OpenResponse | null {
    const { responses } = this.#parts;
    const id = nameAt(event, "response_id");
    if (id !== null) {
      if (responses.isClosed(id)) return null;
      return responses.get(id) ?? this.#begin(id, null);
    }
    const item = responses.item(nameAt(event, "item_id") ?? "");
    if (item !== null) return responses.get(item.responseId);
    if (responses.only === null) this.#sink.malformed("has no response_id");
    return responses.only;
  }

  #itemAdded(event: JsonObject): void {
    const response = this.#responseOf(event);
    if (response !== null)
      this.#items.openWhole(response, objectAt(event, "item"), indexAt(event, "output_index"));
  }

  #itemDone(event: JsonObject): void {
    const response = this.#responseOf(event);
    if (response === null) return;
    const whole = objectAt(event, "item");
    const item = this.#items.openWhole(response, whole, indexAt(event, "output_index"));
    if (item !== null) this.#items.end(item, whole, { explicit: true, response: null });
  }

  #done(event: JsonObject): void {
    const { responses, redactor } = this.#parts;
    const whole = objectAt(event, "response");
    const id = nameAt(whole, "id") ?? nameAt(event, "response_id") ?? responses.only?.id ?? null;
    if (id === null) return this.#sink.malformed("has no response.id");
    if (responses.isClosed(id)) return this.#billed(id, usageOf(event, whole));
    const response = responses.get(id) ?? this.#begin(id, whole);
    if (response === null) return;
    const { status, reason } = doneStatus(whole);
    for (const [index, listed] of objectsAt(whole, "output").entries()) {
      const item = this.#items.openWhole(response, listed, index);
      if (item !== null) this.#items.end(item, listed, { explicit: false, response: status });
    }
    const detail = objectAt(objectAt(whole, "status_details"), "error");
    const error = status === "failed" ? readFault(detail, redactor, "upstream_error") : null;
    const usage = usageOf(event, whole);
    this.#finish(response, { status, reason, error, usage, metadata: foreignMetadata(whole) });
    if (error !== null && isFatal(error.code)) this.#sink.giveUp(error);
  }

  /** An answer that was over for everybody has ended at its provider too, and costs what it costs. */
  #billed(id: string, usage: JsonObject | null): void {
    if (this.#abandoned.delete(id) && usage !== null) this.#sink.emit({ type: "spent", usage });
  }

  #finish(
    response: OpenResponse,
    end: Omit<Extract<UpstreamEvent, { type: "response.done" }>, "type" | "response">,
  ): void {
    for (const item of response.items) this.#items.end(item, null, { explicit: false, response: end.status });
    this.#parts.responses.close(response);
    const bySpeech = end.status === "cancelled" && end.reason === "turn_detected";
    if (bySpeech && this.#parts.settings.turns === "server") this.#sink.emit({ type: "interrupted" });
    this.#sink.emit({ type: "response.done", response: response.key, ...end });
  }
}

/** xAI leaves the response's usage empty and gives it beside the response. */
function usageOf(event: JsonObject, whole: JsonObject | null): JsonObject | null {
  const given = [objectAt(whole, "usage"), objectAt(event, "usage")];
  return given.find((usage) => usage !== null && Object.keys(usage).length > 0) ?? null;
}
