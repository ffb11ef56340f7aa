/** A provider's `error` events: which command each is about, and whether the connection is still of use. */
import type { DecoderParts, Sink } from "./context.ts";
import type { Ask } from "./asks.ts";
import { nameAt, objectAt, textAt } from "../json.ts";
import type { Sent } from "./ledger.ts";
import { clientParam } from "./session.ts";
import {
  isAlreadyActive,
  isFatal,
  isGone,
  isNoActiveResponse,
  isRefusedCommit,
  isRefusedCreate,
  isServerFault,
} from "./words.ts";
import type { JsonObject, UpstreamFault } from "../upstream.ts";

/** What an error event says. */
interface Complaint {
  readonly code: string | null;
  readonly type: string | null;
  readonly words: string | null;
  /** The field, in the provider's words. */
  readonly param: string;
  /** The client event that it is about, where the provider says so. */
  readonly eventId: string | null;
  readonly fault: UpstreamFault;
}

export class ErrorEvents {
  readonly #parts: DecoderParts;
  readonly #sink: Sink;

  constructor(parts: DecoderParts, sink: Sink) {
    this.#parts = parts;
    this.#sink = sink;
  }

  /** True when it may be the running response that failed, and its end may never be told. */
  handle(event: JsonObject): boolean {
    const complaint = this.#read(event);
    const { code, words, eventId, fault } = complaint;
    const sent = eventId === null ? null : this.#parts.encoder.ledger.take(eventId);
    if (isNoActiveResponse(code, words)) {
      this.#parts.responses.asks.lose(sent?.id ?? null);
      return false;
    }
    const found =
      this.#configuration(complaint) || this.#response(complaint, sent) || this.#command(complaint, sent);
    if (isFatal(code)) this.#sink.giveUp(fault);
    else if (!found) this.#sink.emit({ type: "error", error: fault, fatal: false });
    return eventId === null && !found;
  }

  #read(event: JsonObject): Complaint {
    const { redactor, settings } = this.#parts;
    const detail = objectAt(event, "error");
    const type = textAt(detail, "type");
    const code = textAt(detail, "code") ?? type;
    // vLLM's error is a string.
    const words = textAt(detail, "message") ?? textAt(event, "error") ?? textAt(event, "message");
    const param = textAt(detail, "param") ?? "";
    const more = { type, param: clientParam(param, settings.quirks.sessionShape) };
    const fault = redactor.fault(code, words, "upstream_error", more);
    return { code, type, words, param, eventId: nameAt(detail, "event_id"), fault };
  }

  /** A refused update: what it carried is judged field by field. */
  #configuration({ eventId, param, code, fault }: Complaint): boolean {
    if (eventId === null && !param.startsWith("session")) return false;
    const refusal = this.#parts.encoder.updates.refused(eventId);
    if (refusal === null) return false;
    if (isFatal(code)) return true;
    const { cause, news, again, fields, fatal } = refusal;
    if (fatal) {
      this.#sink.giveUp(fault);
      return true;
    }
    if (news) this.#sink.emit({ type: "refused", what: "configure", id: null, cause, error: fault });
    for (const update of again) this.#sink.emit({ type: "reply", data: JSON.stringify(update) });
    if (fields.length > 0) this.#sink.emit({ type: "unconfigured", fields });
    return true;
  }

  /** A refused `response.create` is a response that failed, unless it was only too early. */
  #response(complaint: Complaint, sent: Sent | null): boolean {
    const { code, words, fault } = complaint;
    const ask = this.#refusedAsk(complaint);
    if (ask === null) {
      // The answer to it has begun: the provider had begun one by itself, which was taken for it.
      return sent?.what === "respond" && isAlreadyActive(code, words);
    }
    if (isAlreadyActive(code, words) && this.#again(ask)) return true;
    const { encoder } = this.#parts;
    const { responseId: id, cause } = ask;
    if (!ask.cancelled) this.#sink.emit({ type: "refused", what: "respond", id, cause, error: fault });
    encoder.owed.add(ask, fault);
    for (const event of encoder.owed.take()) this.#sink.emit(event);
    return true;
  }

  /** The ask that an error is about, taken out. */
  #refusedAsk({ code, type, words, eventId }: Complaint): Ask | null {
    const { asks } = this.#parts.responses;
    if (eventId !== null || isRefusedCreate(code, words)) return asks.refused(eventId);
    return isServerFault(code, type) ? asks.newest() : null;
  }

  /** An ask that was too early is asked again, once. False: it was before, or is not wanted any more. */
  #again(ask: Ask): boolean {
    const { responses, settings, encoder } = this.#parts;
    if (ask.again || ask.cancelled) return false;
    ask.again = true;
    if (responses.active === null && settings.turns === "client") {
      // It answers by itself what we asked about: what it begins next is the answer.
      responses.asks.keep(ask);
      return true;
    }
    responses.asks.early(responses.active === null);
    encoder.waiting.addFirst({ type: "ask", ask });
    return true;
  }

  /** Any other command. */
  #command(complaint: Complaint, sent: Sent | null): boolean {
    const { names, encoder } = this.#parts;
    const eventId = complaint.eventId ?? this.#guess(complaint);
    if (eventId === null) return false;
    const command = sent ?? encoder.ledger.take(eventId);
    const itemId = names.refused(eventId);
    if (itemId !== null) encoder.withdrawn(itemId);
    if (command === null) return false;
    const { what, id, cause } = command;
    if (what === "delete" && isGone(complaint.code, complaint.words)) return true;
    const error = complaint.fault;
    if (what === "commit" && itemId !== null && encoder.transcribes)
      this.#sink.emit({ type: "input.transcript.failed", itemId, error });
    this.#sink.emit({ type: "refused", what, id, cause, error });
    return true;
  }

  /** What an error without an event id can only be about: the oldest of its kind. */
  #guess({ code, words, param }: Complaint): string | null {
    const { names } = this.#parts;
    if (param.startsWith("item")) return names.oldest("item");
    return isRefusedCommit(code, words) ? names.oldest("commit") : null;
  }
}
