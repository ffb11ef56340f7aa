/** What the model says: answers of OpenAI's events, with one message each or one call, and the model's decisions. */
import { bytesPerSample, isRateHz, type ProviderFormat } from "../../audio/format.ts";
import { parseJsonObject } from "../../protocol/json.ts";
import { PieceDecoder } from "../common/audio-carry.ts";
import { nameAt, objectAt, textAt } from "../json.ts";
import { ITEM_LIMITS } from "../openai-compatible/output-item.ts";
import { doneStatus } from "../openai-compatible/words.ts";
import type { Redactor } from "../redact.ts";
import type { JsonObject, UpstreamEvent } from "../upstream.ts";
import { Answers, type AnswersState, type Ending } from "./answers.ts";
import { Items, type ItemsState } from "./items.ts";
import { OUTPUT_RATE_HZ } from "./start.ts";

export type OutputState = {
  readonly rate: number;
  readonly answers: AnswersState;
  readonly items: ItemsState;
};

const LISTENS: Ending = { status: "incomplete", reason: "model_listens", error: null };
/** The provider's words of why an answer was cut off, in OpenAI's. */
const REASONS: ReadonlyMap<string, string> = new Map([
  ["barge_in", "turn_detected"],
  ["new_response", "turn_detected"],
  ["server_vad", "turn_detected"],
]);

export class Output {
  readonly answers = new Answers();
  readonly items = new Items();
  readonly #redactor: Redactor;
  readonly #decoder = new PieceDecoder();
  #format: ProviderFormat = { type: "audio/pcm", rate: OUTPUT_RATE_HZ };
  /** Answers are written: words are text, and nothing is heard. */
  textOnly = false;

  constructor(redactor: Redactor) {
    this.#redactor = redactor;
  }

  get format(): ProviderFormat {
    return this.#format;
  }

  begun(event: JsonObject, out: UpstreamEvent[]): void {
    const response = responseOf(event);
    if (response !== null) this.answers.begin(response, out);
  }

  /** At every unit in which the model does not speak; an ask that came to nothing ends so. */
  listens(event: JsonObject, out: UpstreamEvent[]): void {
    if (nameAt(event, "response_id") === null) this.answers.declined(LISTENS, out);
  }

  itemAdded(event: JsonObject, out: UpstreamEvent[]): void {
    const [response, item] = [responseOf(event), objectAt(event, "item")];
    const key = nameAt(item, "id");
    if (response === null || key === null) return;
    if (textAt(item, "type") === "message") this.answers.message(response, key, out);
    const [name, callId] = [nameAt(item, "name"), nameAt(item, "call_id")];
    if (textAt(item, "type") !== "function_call" || name === null || callId === null) return;
    if (this.answers.call(response, key, name, callId, out)) this.items.called(callId, key);
  }

  audio(event: JsonObject, out: UpstreamEvent[]): void {
    const [response, item] = [responseOf(event), nameAt(event, "item_id")];
    const part = response === null || item === null ? null : this.answers.message(response, item, out);
    if (response === null || item === null || part === null || this.textOnly) return;
    const rate = event["sample_rate_hz"];
    if (isRateHz(rate)) this.#format = { type: "audio/pcm", rate };
    const format = textAt(event, "format");
    const bytes =
      format === null || format === "pcm16"
        ? this.#decoder.decode(textAt(event, "delta") ?? "", bytesPerSample(this.#format), part)
        : null;
    if (bytes === null) {
      const error = {
        code: "upstream_protocol_error",
        message: "Audio of the provider is no PCM in base64.",
      };
      out.push({ type: "error", error, fatal: false });
    } else if (bytes.length > 0) {
      this.items.sounded(item, bytes.length, this.#format);
      out.push({ type: "audio", response, item, bytes });
    }
  }

  words(event: JsonObject, written: boolean, out: UpstreamEvent[]): void {
    const [response, item, delta] = [
      responseOf(event),
      nameAt(event, "item_id"),
      textAt(event, "delta") ?? "",
    ];
    if (response === null || item === null || delta === "") return;
    if (this.answers.message(response, item, out) === null) return;
    out.push({ type: this.textOnly || written ? "text" : "transcript", response, item, delta });
  }

  /** The whole of a call's arguments: its deltas are not told, for what is not whole is not run. */
  called(event: JsonObject, out: UpstreamEvent[]): void {
    const [response, item, args] = [responseOf(event), nameAt(event, "item_id"), textAt(event, "arguments")];
    if (response === null || item === null || args === null) return;
    const whole = args.length <= ITEM_LIMITS.argumentsOfOne && parseJsonObject(args) !== null;
    this.answers.itemDone(response, item, whole, args, out);
  }

  itemDone(event: JsonObject, out: UpstreamEvent[]): void {
    const [response, item] = [responseOf(event), objectAt(event, "item")];
    const key = nameAt(item, "id");
    if (response === null || key === null || textAt(item, "type") === "function_call") return;
    this.answers.itemDone(response, key, textAt(item, "status") === "completed", null, out);
  }

  done(event: JsonObject, out: UpstreamEvent[]): void {
    const [response, detail] = [responseOf(event), objectAt(event, "response")];
    if (response === null) return;
    const { status, reason } = doneStatus(detail);
    const error =
      status === "failed"
        ? this.#redactor.fault(reason, "The model failed to answer.", "upstream_error")
        : null;
    const why = status === "completed" || status === "failed" ? null : (REASONS.get(reason ?? "") ?? reason);
    this.answers.end(response, { status, reason: why, error }, out);
  }

  snapshot(): OutputState {
    const rate = this.#format.type === "audio/pcm" ? this.#format.rate : OUTPUT_RATE_HZ;
    return { rate, answers: this.answers.snapshot(), items: this.items.snapshot() };
  }

  restore(state: OutputState): void {
    this.#format = { type: "audio/pcm", rate: state.rate };
    this.answers.restore(state.answers);
    this.items.restore(state.items);
  }
}

/** It is named beside the event's other members, and in its object. */
function responseOf(event: JsonObject): string | null {
  return nameAt(event, "response_id") ?? nameAt(objectAt(event, "response"), "id");
}
