/**
 * The upstream of these calls: a voice model in OpenAI's dialect whose answers are scripted. It keeps its
 * conversation as that API does, so that what the model remembers can be compared with what was heard. Time is an
 * argument; nothing here knows sockets.
 */
import { isJsonObject, parseJsonObject, type Json, type JsonObject } from "../../src/protocol/json.ts";
import { textAt } from "../../src/upstreams/json.ts";
import type { AnswerScript, CallScript } from "./script.ts";
import { AGENT_DB, clip, joined, PER_MS, spoken, type Samples } from "./sounds.ts";

export interface HistoryItem {
  readonly id: string;
  readonly role: "user" | "assistant";
  /** Of a user item: what was appended. */
  readonly audio: Uint8Array;
  /** Of the model's: which of its answers. */
  readonly answer: number | null;
  truncatedMs: number | null;
}

export interface Answer {
  readonly index: number;
  readonly id: string;
  readonly item: string;
  readonly script: AnswerScript;
  /** In samples. */
  readonly length: number;
  readonly askedAt: number;
  sent: number;
  status: "in_progress" | "completed" | "cancelled";
}

/** 100 ms of audio per message, as providers send it. */
const CHUNK = 100 * PER_MS;
const STORY =
  "Well, let me tell you about the harbour. Every morning at six the boats come in, one after the other, and the gulls " +
  "are already waiting on the wall. The men call out their numbers, somebody writes them down, and the ice is carried " +
  "over from the old mill. By eight it is all sold. What nobody could sell goes to the kitchen behind the church, " +
  "where Mary makes soup from it, and you may have a bowl if you wash it afterwards. On Sundays they sing.";
const TELLER = { voice: "slt", pitch: 1, stretch: 1 } as const;

let story: Samples | null = null;

/**
 * Samples `[from, to)` of what the `index`-th answer of a call sounds like: the story from some place on, with a faint
 * noise that no other answer has, so that any run of its samples tells whose it is and where in it they belong.
 */
export function answerAudio(
  seed: number,
  index: number,
  from: number,
  to: number,
  teller: Samples | null = null,
): Samples {
  const told = teller ?? (story ??= joined(spoken(STORY, TELLER, AGENT_DB), new Int16Array(400 * PER_MS)));
  const key = scrambled(seed * 31 + index);
  const audio = new Int16Array(Math.max(0, to - from));
  for (let at = 0; at < audio.length; at += 1) {
    const position = from + at;
    const mark = (scrambled(key ^ position) % 15) - 7;
    audio[at] = clip((told[(key + position) % told.length] ?? 0) + mark);
  }
  return audio;
}

/** An integer hash of 32 bits (Murmur3's finaliser): the watermark of any position without those before it. */
function scrambled(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

export class ScriptedVoice {
  readonly #send: (message: string) => void;
  /** Answers so far, in the order in which they were asked for. */
  readonly answers: Answer[] = [];
  history: HistoryItem[] = [];
  /** What the relay did that OpenAI would refuse. */
  readonly faults: string[] = [];
  #script: CallScript | null;
  readonly #find: (id: string) => CallScript | null;
  #session: JsonObject = { object: "realtime.session", type: "realtime", id: "sess_scripted" };
  #pieces: Uint8Array[] = [];
  #events = 0;
  #named = 0;

  /** `find`: the script by the id that the session's instructions name. */
  constructor(send: (message: string) => void, find: (id: string) => CallScript | null) {
    this.#send = send;
    this.#find = find;
    this.#script = null;
    this.#emit({ type: "session.created", session: this.#session });
  }

  get script(): CallScript | null {
    return this.#script;
  }

  #emit(event: JsonObject): void {
    this.#events += 1;
    this.#send(JSON.stringify({ event_id: `event_${this.#events}`, ...event }));
  }

  receive(text: string, now: number): void {
    const event = parseJsonObject(text) ?? {};
    const type = textAt(event, "type") ?? "";
    switch (type) {
      case "session.update":
        this.#update(event["session"]);
        break;
      case "input_audio_buffer.append":
        this.#pieces.push(Uint8Array.fromBase64(textAt(event, "audio") ?? ""));
        break;
      case "input_audio_buffer.clear":
        this.#pieces = [];
        this.#emit({ type: "input_audio_buffer.cleared" });
        break;
      case "input_audio_buffer.commit":
        this.#commit();
        break;
      case "response.create":
        this.#respond(event, now);
        break;
      case "response.cancel":
        this.#cancel(event);
        break;
      case "conversation.item.truncate":
        this.#truncate(event);
        break;
      case "conversation.item.delete":
        this.#delete(event);
        break;
      default:
        this.#refuse(`unexpected ${type}`);
    }
  }

  /** The answer's samples `[from, to)`. */
  audioOf(answer: Answer, from: number, to: number): Samples {
    const { seed = 0, teller = null } = this.#script ?? {};
    return answerAudio(seed, answer.index, from, Math.min(to, answer.length), teller);
  }

  #refuse(what: string): void {
    this.faults.push(what);
    this.#emit({
      type: "error",
      error: { type: "invalid_request_error", code: "invalid_value", message: what },
    });
  }

  #update(session: Json | undefined): void {
    if (!isJsonObject(session)) return;
    this.#session = { ...this.#session, ...session };
    const instructions = textAt(this.#session, "instructions") ?? "";
    this.#script ??= this.#find(instructions);
    this.#emit({ type: "session.updated", session: this.#session });
  }

  #commit(): void {
    const audio = Buffer.concat(this.#pieces);
    this.#pieces = [];
    if (audio.length < 100 * PER_MS * 2) return this.#refuse(`commit of ${audio.length / PER_MS / 2} ms`);
    this.#named += 1;
    const id = `item_user_${this.#named}`;
    const previous = this.history.at(-1)?.id ?? null;
    this.history.push({ id, role: "user", audio, answer: null, truncatedMs: null });
    this.#emit({ type: "input_audio_buffer.committed", previous_item_id: previous, item_id: id });
    const content = [{ type: "input_audio", transcript: null }];
    const item = { id, object: "realtime.item", type: "message", status: "completed", role: "user", content };
    this.#emit({ type: "conversation.item.added", previous_item_id: previous, item });
    this.#emit({ type: "conversation.item.done", previous_item_id: previous, item });
  }

  #respond(event: JsonObject, now: number): void {
    if (this.answers.some((answer) => answer.status === "in_progress"))
      return this.#refuse("a response is active");
    const script = this.#script;
    const index = this.answers.length;
    const plan = script?.answers[Math.min(index, script.answers.length - 1)];
    if (!script || !plan) return this.#refuse("no script");
    const length = Math.round(plan.lengthMs * PER_MS);
    const id = `resp_${index}`;
    const item = `item_answer_${index}`;
    this.answers.push({
      index,
      id,
      item,
      script: plan,
      length,
      askedAt: now,
      sent: 0,
      status: "in_progress",
    });
    const given = isJsonObject(event["response"]) ? event["response"] : {};
    const response = {
      id,
      object: "realtime.response",
      status: "in_progress",
      output: [],
      metadata: given["metadata"] ?? null,
    };
    this.#emit({ type: "response.created", response });
  }

  /** When `tick` has something to do; null: nothing is planned. */
  get deadline(): number | null {
    const answer = this.answers.at(-1);
    if (answer?.status !== "in_progress") return null;
    return answer.askedAt + answer.script.firstAudioMs + answer.sent / PER_MS / answer.script.pace;
  }

  /** Says what is due. */
  tick(now: number): void {
    for (let due = this.deadline; due !== null && due <= now; due = this.deadline) {
      const answer = this.answers.at(-1);
      if (answer) this.#go(answer);
    }
  }

  #go(answer: Answer): void {
    const place = { response_id: answer.id, output_index: 0 };
    const within = { ...place, item_id: answer.item, content_index: 0 };
    if (answer.sent === 0) this.#begin(answer, place, within);
    const chunk = this.audioOf(answer, answer.sent, answer.sent + CHUNK);
    answer.sent += chunk.length;
    const delta = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength).toBase64();
    this.#emit({ type: "response.output_audio.delta", ...within, delta });
    this.#emit({ type: "response.output_audio_transcript.delta", ...within, delta: "word " });
    if (answer.sent === answer.length) this.#end(answer, "completed");
  }

  #begin(answer: Answer, place: JsonObject, within: JsonObject): void {
    const previous = this.history.at(-1)?.id ?? null;
    const item = { id: answer.item, object: "realtime.item", type: "message", role: "assistant" };
    const begun = { ...item, status: "in_progress", content: [] };
    const audio = new Uint8Array(0);
    this.history.push({ id: answer.item, role: "assistant", audio, answer: answer.index, truncatedMs: null });
    this.#emit({ type: "response.output_item.added", ...place, item: begun });
    this.#emit({ type: "conversation.item.added", previous_item_id: previous, item: begun });
    const part = { type: "audio", transcript: "" };
    this.#emit({ type: "response.content_part.added", ...within, part });
  }

  #end(answer: Answer, status: "completed" | "cancelled"): void {
    answer.status = status;
    const id = answer.item;
    const place = { response_id: answer.id, output_index: 0 };
    const state = status === "completed" ? "completed" : "incomplete";
    const item = {
      id,
      object: "realtime.item",
      type: "message",
      role: "assistant",
      status: state,
      content: [],
    };
    if (answer.sent > 0) this.#emit({ type: "response.output_item.done", ...place, item });
    const reason = status === "completed" ? null : { type: "cancelled", reason: "client_cancelled" };
    const response = {
      id: answer.id,
      object: "realtime.response",
      status,
      status_details: reason,
      output: [],
    };
    this.#emit({ type: "response.done", response: { ...response, metadata: null, usage: null } });
  }

  #cancel(event: JsonObject): void {
    const answer = this.answers.find((one) => one.id === event["response_id"]) ?? this.answers.at(-1);
    // Cancelling what has just ended is a race that OpenAI answers with an error and that harms nobody.
    if (answer?.status === "in_progress") this.#end(answer, "cancelled");
  }

  #truncate(event: JsonObject): void {
    const item = this.history.find((one) => one.id === event["item_id"]);
    const answer = item?.answer === null || !item ? undefined : this.answers[item.answer];
    const endMs = Number(event["audio_end_ms"]);
    if (!item || !answer) return this.#refuse(`truncation of the unknown ${textAt(event, "item_id")}`);
    if (endMs > answer.sent / PER_MS)
      return this.#refuse(`truncation at ${endMs} of ${answer.sent / PER_MS} ms`);
    item.truncatedMs = endMs;
    const place = { item_id: item.id, content_index: 0, audio_end_ms: endMs };
    this.#emit({ type: "conversation.item.truncated", ...place });
  }

  #delete(event: JsonObject): void {
    const id = textAt(event, "item_id") ?? "";
    if (!this.history.some((one) => one.id === id)) return this.#refuse(`deletion of the unknown ${id}`);
    this.history = this.history.filter((one) => one.id !== id);
    this.#emit({ type: "conversation.item.deleted", item_id: id });
  }
}
