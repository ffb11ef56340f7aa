/** A provider's `error` events: whose they are, and whether the connection is still of use. */
import type { DecoderParts, Sink } from "./openai-context.ts";
import { nameAt, objectAt, textAt } from "./json.ts";
import { isFatal, isNoActiveResponse, isRefusedCreate } from "./openai-words.ts";
import type { JsonObject, UpstreamFault } from "./upstream.ts";

/** What an error event says. */
interface Complaint {
  readonly code: string | null;
  readonly words: string | null;
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
  handle(event: JsonObject, ready: boolean): boolean {
    const complaint = this.#read(event);
    const { code, words, eventId, fault } = complaint;
    if (isNoActiveResponse(code, words) || this.#refusedResponse(complaint)) return false;
    this.#refusedItem(complaint);
    const greeting = !ready && this.#isGreeting(complaint);
    const again = greeting ? this.#parts.encoder.greetAgain() : null;
    if (code === "session_expired") this.#sink.emit({ type: "expiring", inMs: 0 });
    this.#sink.emit({ type: "error", error: fault, fatal: isFatal(code) || (greeting && again === null) });
    if (again !== null) this.#sink.emit({ type: "reply", data: again });
    return eventId === null;
  }

  #read(event: JsonObject): Complaint {
    const detail = objectAt(event, "error");
    const code = textAt(detail, "code") ?? textAt(detail, "type");
    // vLLM's error is a string.
    const words = textAt(detail, "message") ?? textAt(event, "error") ?? textAt(event, "message");
    return {
      code,
      words,
      param: textAt(detail, "param") ?? "",
      eventId: nameAt(detail, "event_id"),
      fault: this.#parts.redactor.fault(code, words, "upstream_error"),
    };
  }

  /** A refused `response.create` is a response that failed, unless it was only too early. */
  #refusedResponse({ code, words, eventId, fault }: Complaint): boolean {
    const { responses, encoder } = this.#parts;
    const about = eventId !== null || isRefusedCreate(code, words);
    const ask = about ? responses.refused(eventId) : null;
    if (ask === null) return false;
    const tooEarly = code === "conversation_already_has_active_response" && responses.active !== null;
    if (tooEarly && !ask.again) {
      ask.again = true;
      responses.holdFirst(ask);
    } else encoder.unanswered(ask, fault);
    return true;
  }

  #refusedItem({ code, eventId, fault }: Complaint): void {
    const { names, encoder } = this.#parts;
    if (eventId === null && code !== "input_audio_buffer_commit_empty") return;
    const itemId = names.refused(eventId);
    if (itemId === null || !encoder.transcribes) return;
    this.#sink.emit({ type: "input.transcript.failed", itemId, error: fault });
  }

  #isGreeting({ eventId, param }: Complaint): boolean {
    return eventId === null ? param.startsWith("session") : eventId === this.#parts.encoder.greetingId;
  }
}
