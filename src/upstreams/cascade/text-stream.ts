/**
 * One request to the text model while its answer comes: server-sent events of chat completion chunks, or of Workers AI's own
 * (`{ response, tool_calls, usage }`), or what came instead.
 */
import { isJsonObject, isNestedWithin, type Json, parseJsonObject } from "../../protocol/json.ts";
import { protocolFault, saidFault, type StageFault, statusFault } from "../channels/http-fault.ts";
import { SseReader } from "../channels/sse.ts";
import { indexAt, nameAt, objectAt, objectsAt, textAt } from "../json.ts";
import { ITEM_LIMITS } from "../openai-compatible/output-item.ts";
import type { Redactor } from "../redact.ts";
import type { JsonObject, ResponseHead } from "../upstream.ts";
import { utf8Text } from "../utf8.ts";

export const TEXT_STAGE = "The text model";
const MAX_EVENT_BYTES = 256 * 1024;
/** Of a response that is none of the dialect; the rest is not read. */
const MAX_ERROR_CHARS = 16_384;
const MAX_NESTING = 64;
const MAX_CALLS = 32;
/** Of `extra_content`, as JSON. */
const MAX_EXTRA_CHARS = 64 * 1024;

export type ToolCall = {
  readonly id: string;
  readonly name: string;
  readonly args: string;
  /** `extra_content`: what the endpoint wants back with it (Gemini's signatures of thoughts). */
  readonly extra?: JsonObject;
};

/** What a response means so far, and what is wrong with it. */
type Mode = "head" | "events" | "error";

export type TextState = {
  readonly mode: Mode;
  readonly status: number;
  readonly error: string;
  readonly waiting: string;
  readonly calls: readonly (readonly [number, ToolCall])[];
  readonly whole: boolean;
  readonly finish: string | null;
  readonly usage: JsonObject | null;
  readonly said: boolean;
};

export class TextStream {
  readonly #redactor: Redactor;
  readonly #events = new SseReader(MAX_EVENT_BYTES);
  readonly #calls = new Map<number, ToolCall>();
  #mode: Mode = "head";
  #status = 0;
  /** The body of a response that is no stream of events. */
  #error = "";
  /** `[DONE]` came. */
  #whole = false;
  /** Anything of an answer came: another try would say it twice. */
  #said = false;
  /** Why it stopped writing, in its own word. */
  finish: string | null = null;
  usage: JsonObject | null = null;

  constructor(redactor: Redactor) {
    this.#redactor = redactor;
  }

  get said(): boolean {
    return this.#said;
  }

  /** Calls that are whole, in their order. A call without a name or with arguments that are too long is none. */
  get calls(): readonly ToolCall[] {
    const all = [...this.#calls].sort(([a], [b]) => a - b).map(([, call]) => call);
    return all.filter(({ name, args }) => name !== "" && args.length <= ITEM_LIMITS.argumentsOfOne);
  }

  opened({ status, type }: ResponseHead): void {
    this.#status = status;
    this.#mode = status === 200 && type === "text/event-stream" ? "events" : "error";
  }

  /** @returns the words that it adds; a fault: nothing more of it is to be read. */
  data(bytes: Uint8Array): string | StageFault {
    if (this.#mode === "events") return this.#read(this.#events.feed(bytes));
    if (this.#mode === "error" && this.#error.length < MAX_ERROR_CHARS)
      this.#error += utf8Text(bytes).slice(0, MAX_ERROR_CHARS);
    return this.#error.length < MAX_ERROR_CHARS ? "" : this.#none();
  }

  /** The response is whole. @returns the last words, or what is wrong with it. */
  end(): string | StageFault {
    if (this.#mode !== "events") return this.#none();
    const rest = this.#read(this.#events.end());
    if (typeof rest !== "string" || this.#whole || this.finish !== null) return rest;
    // It stopped in the middle, politely.
    return { fault: { code: "upstream_closed", message: `${TEXT_STAGE} broke off.` }, again: true };
  }

  /** The answer is whole: what else comes does not matter. */
  get whole(): boolean {
    return this.#whole;
  }

  #none(): StageFault {
    if (this.#status !== 200) return statusFault(TEXT_STAGE, this.#status, this.#error, this.#redactor);
    const told = parseJsonObject(this.#error);
    if (told !== null && (told["error"] !== undefined || told["errors"] !== undefined))
      return saidFault(TEXT_STAGE, this.#error, this.#redactor);
    return { fault: protocolFault(TEXT_STAGE, "answered with no stream of events"), again: false };
  }

  #read(events: readonly string[] | null): string | StageFault {
    if (events === null)
      return { fault: protocolFault(TEXT_STAGE, "sent an event without end"), again: false };
    let words = "";
    for (const data of events) {
      if (data === "[DONE]") this.#whole = true;
      if (this.#whole) break;
      const chunk = parseJsonObject(data);
      if (chunk === null || !isNestedWithin(chunk, MAX_NESTING))
        return { fault: protocolFault(TEXT_STAGE, "sent an event that is no JSON object"), again: false };
      if ((chunk["error"] ?? null) !== null || objectsAt(chunk, "errors").length > 0)
        return saidFault(TEXT_STAGE, data, this.#redactor);
      words += this.#chunk(chunk);
    }
    if (words !== "") this.#said = true;
    return words;
  }

  #chunk(chunk: JsonObject): string {
    this.usage = objectAt(chunk, "usage") ?? this.usage;
    const [choice = null] = objectsAt(chunk, "choices");
    this.finish = nameAt(choice, "finish_reason") ?? nameAt(chunk, "finish_reason") ?? this.finish;
    const delta = objectAt(choice, "delta");
    for (const call of objectsAt(choice === null ? chunk : delta, "tool_calls")) this.#call(call);
    if (choice === null) return wordsOf(chunk["response"]);
    // A refusal is what the model says instead.
    return (textAt(delta, "content") ?? "") + (textAt(delta, "refusal") ?? "");
  }

  #call(delta: JsonObject): void {
    // Workers AI's own calls are whole and have neither a number nor a member for the function.
    const told = objectAt(delta, "function") ?? delta;
    const name = nameAt(told, "name") ?? "";
    const id = nameAt(delta, "id") ?? "";
    const index = indexAt(delta, "index") ?? (told === delta && name !== "" ? this.#calls.size : 0);
    if (index >= MAX_CALLS || (this.#isAnother(index, id, name) && !this.#setAside(index))) return;
    const before = this.#calls.get(index) ?? { id: "", name: "", args: "" };
    // One that is too long stays so: it is not told, and no tool runs for half of it.
    const room = ITEM_LIMITS.argumentsOfOne + 1 - before.args.length;
    const extra = extraOf(delta) ?? before.extra;
    this.#said = true;
    this.#calls.set(index, {
      ...(extra === undefined ? {} : { extra }),
      id: before.id || id,
      name: before.name || name,
      args: before.args + argumentsOf(told["arguments"]).slice(0, room),
    });
  }

  /** Gemini's endpoint numbers all calls of an answer 0, or none; other servers give each piece of a call an id of its own. */
  #isAnother(index: number, id: string, name: string): boolean {
    const open = this.#calls.get(index);
    return open !== undefined && open.id !== "" && id !== "" && id !== open.id && name !== "";
  }

  /** A call that is whole makes room for another of its number. @returns whether there is any. */
  #setAside(index: number): boolean {
    const open = this.#calls.get(index);
    if (open === undefined || this.#calls.size >= MAX_CALLS) return false;
    const before = [...this.#calls.keys()].filter((key) => key > index - 1 && key < index).length;
    this.#calls.delete(index);
    this.#calls.set(index - 1 + (before + 1) / (MAX_CALLS + 1), open);
    return true;
  }

  snapshot(): TextState {
    return {
      mode: this.#mode,
      status: this.#status,
      error: this.#redactor.unfinished(this.#error),
      waiting: this.#events.snapshot(this.#redactor),
      calls: [...this.#calls],
      whole: this.#whole,
      finish: this.finish,
      usage: this.usage,
      said: this.#said,
    };
  }

  restore(state: TextState): void {
    this.#mode = state.mode;
    this.#status = state.status;
    this.#error = state.error;
    this.#events.restore(state.waiting);
    for (const [index, call] of state.calls) this.#calls.set(index, call);
    this.#whole = state.whole;
    this.finish = state.finish;
    this.usage = state.usage;
    this.#said = state.said;
  }
}

/** Workers AI tells a piece that is a number as one. */
function wordsOf(response: Json | undefined): string {
  if (typeof response === "number") return String(response);
  return typeof response === "string" ? response : "";
}

function extraOf(delta: JsonObject): JsonObject | undefined {
  const extra = objectAt(delta, "extra_content");
  return extra === null || JSON.stringify(extra).length > MAX_EXTRA_CHARS ? undefined : extra;
}

function argumentsOf(told: Json | undefined): string {
  if (typeof told === "string") return told;
  return isJsonObject(told) ? JSON.stringify(told) : "";
}
