/**
 * What a stream of server events says, without names and times: the caller's turns, the items and answers in their order.
 * Two streams that say the same have equal facts, whatever they call things and however they cut audio and words.
 */
import { isJsonObject, type Json, type JsonObject } from "../../src/protocol/json.ts";
import { gaType, textOf } from "./names.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export type PartFacts = {
  readonly type: string;
  readonly words: string;
  readonly audio: string;
};

export type ItemFacts = {
  readonly type: string;
  readonly status: Json;
  readonly role: Json;
  readonly name: Json;
  readonly callId: Json;
  readonly arguments: Json;
  readonly parts: readonly PartFacts[];
};

export type AnswerFacts = {
  readonly status: Json;
  readonly reason: Json;
  readonly usage: Json;
  readonly items: readonly ItemFacts[];
  /** In which order its audio, words and arguments came, runs taken together. */
  readonly course: readonly string[];
};

export type TurnFacts = {
  /** Events of the audio buffer, in order. */
  readonly buffer: readonly string[];
  /** Its words as they grew; null: they came whole. */
  readonly grown: string | null;
  /** Its words in the end. A provider that tells them again and again means the last. */
  readonly words: string | null;
  readonly failed: string | null;
};

export type Facts = {
  readonly answers: readonly AnswerFacts[];
  readonly turns: readonly TurnFacts[];
  /** Items in the order in which they were added: type and role. */
  readonly conversation: readonly string[];
  readonly errors: readonly string[];
  /** Types of events that the relay has no part in, with how many of each. */
  readonly others: Readonly<Record<string, number>>;
};

interface Deltas {
  readonly audio: Uint8Array[];
  words: string;
}

class Answer {
  status: Json = null;
  reason: Json = null;
  usage: Json = null;
  readonly items = new Map<string, { whole: JsonObject; parts: Map<number, Deltas> }>();
  readonly course: string[] = [];

  item(id: string) {
    const known = this.items.get(id);
    if (known) return known;
    const made = { whole: {} as JsonObject, parts: new Map<number, Deltas>() };
    this.items.set(id, made);
    return made;
  }

  delta(event: JsonObject, kind: string): void {
    const item = this.item(textOf(event["item_id"]));
    const index = Number(event["content_index"] ?? 0);
    const part = item.parts.get(index) ?? { audio: [], words: "" };
    item.parts.set(index, part);
    if (kind === "audio") part.audio.push(Uint8Array.fromBase64(textOf(event["delta"])));
    else part.words += textOf(event["delta"]);
    if (this.course.at(-1) !== kind) this.course.push(kind);
  }

  facts(): AnswerFacts {
    return {
      status: this.status,
      reason: this.reason,
      usage: this.usage,
      items: [...this.items.values()].map(({ whole, parts }) => itemFacts(whole, parts)),
      course: this.course,
    };
  }
}

function itemFacts(whole: JsonObject, parts: Map<number, Deltas>): ItemFacts {
  const content = Array.isArray(whole["content"]) ? whole["content"].filter(isJsonObject) : [];
  const call = whole["type"] === "function_call";
  return {
    type: textOf(whole["type"]),
    status: whole["status"] ?? null,
    role: call ? null : (whole["role"] ?? null),
    name: whole["name"] ?? null,
    callId: whole["call_id"] ?? null,
    arguments: whole["arguments"] ?? null,
    parts: Array.from(
      { length: Math.max(content.length, ...[...parts.keys()].map((index) => index + 1)) },
      (_, index) => partFacts(content[index], parts.get(index)),
    ),
  };
}

/** Of the finished item where it says it (xAI's does not), and of the deltas. */
function partFacts(part: JsonObject | undefined, deltas: Deltas | undefined): PartFacts {
  const audio = joined(deltas?.audio ?? []);
  const words = part?.["transcript"] ?? part?.["text"] ?? deltas?.words ?? "";
  const type = part ? textOf(part["type"]).replace("output_", "") : audio.length > 0 ? "audio" : "text";
  // Whoever shortened the audio may have cut it in the middle of a sample.
  return { type, words: textOf(words), audio: audio.subarray(0, audio.length & ~1).toHex() };
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

const COURSE: Readonly<Record<string, string>> = {
  "response.output_audio.delta": "audio",
  "response.output_audio_transcript.delta": "words",
  "response.output_text.delta": "text",
  "response.function_call_arguments.delta": "arguments",
};

/** Events whose content is in the facts of something else. */
const KNOWN =
  /^(?:session\.|ping$|conversation\.created$|rate_limits|conversation\.item\.(?:done|added)$|input_audio_buffer\.|response\.(?:created|done|output_item|content_part|output_audio|output_text|output_audio_transcript|function_call_arguments)|output_audio_buffer)/;

export function factsOf(events: readonly JsonObject[]): Facts {
  const answers = new Map<string, Answer>();
  const turns = new Map<string, Mutable<TurnFacts> & { buffer: string[] }>();
  /** An item that is added again, as xAI's turns are when their words grow, is the same item. */
  const added = new Map<string, string>();
  const ended = new Set<TurnFacts>();
  const errors: string[] = [];
  const others: Record<string, number> = {};
  const answer = (id: Json | undefined) => {
    const known = answers.get(textOf(id));
    if (known) return known;
    const made = new Answer();
    answers.set(textOf(id), made);
    return made;
  };
  const turn = (id: Json | undefined) => {
    const known = turns.get(textOf(id)) ?? { buffer: [], grown: null, words: null, failed: null };
    turns.set(textOf(id), known);
    return known;
  };
  for (const event of events) {
    const type = gaType(event);
    const course = COURSE[type];
    const response = isJsonObject(event["response"]) ? event["response"] : {};
    const item = isJsonObject(event["item"]) ? event["item"] : {};
    if (course !== undefined) answer(event["response_id"]).delta(event, course);
    else if (type === "response.created") answer(response["id"]);
    else if (type === "response.output_item.done")
      answer(event["response_id"]).item(textOf(item["id"])).whole = item;
    else if (type === "response.output_item.added")
      answer(event["response_id"]).item(textOf(item["id"])).whole = item;
    else if (type === "response.done") end(answer(response["id"]), response, event);
    else if (type === "conversation.item.added") added.set(textOf(item["id"]), nameOf(item));
    else if (type.startsWith("input_audio_buffer.")) turn(event["item_id"]).buffer.push(type.slice(19));
    else if (type.includes("input_audio_transcription."))
      transcription(turn(event["item_id"]), type, event, ended);
    else if (type === "error") errors.push(JSON.stringify(event["error"]));
    else if (!KNOWN.test(type)) others[type] = (others[type] ?? 0) + 1;
  }
  return {
    answers: [...answers.values()].map((each) => each.facts()),
    turns: [...turns.values()],
    conversation: [...added.values()],
    errors,
    others,
  };
}

function end(answer: Answer, response: JsonObject, event: JsonObject): void {
  answer.status = response["status"] ?? null;
  const details = isJsonObject(response["status_details"]) ? response["status_details"] : {};
  answer.reason = details["reason"] ?? null;
  const inside = response["usage"];
  // xAI states it beside the response.
  answer.usage = isJsonObject(inside) && Object.keys(inside).length > 0 ? inside : (event["usage"] ?? null);
}

function nameOf(item: JsonObject): string {
  return item["type"] === "message" ? `${textOf(item["role"])} message` : textOf(item["type"]);
}

/** How a transcript was cut says nothing. */
function transcription(
  turn: Mutable<TurnFacts>,
  type: string,
  event: JsonObject,
  ended: Set<TurnFacts>,
): void {
  const kind = type.slice(type.lastIndexOf(".") + 1);
  if (kind === "delta") turn.grown = (turn.grown ?? "") + textOf(event["delta"]);
  else if (kind === "completed") {
    // xAI may say what it had understood so far after it said the whole.
    if (event["status"] !== "in_progress") ended.add(turn);
    else if (ended.has(turn)) return;
    turn.words = textOf(event["transcript"]);
  } else if (kind === "failed")
    turn.failed = textOf(isJsonObject(event["error"]) ? event["error"]["message"] : null);
}
