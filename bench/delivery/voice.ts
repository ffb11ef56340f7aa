/**
 * The provider of these calls: a voice model in OpenAI's dialect whose answers are scripted and whose every sample
 * tells which answer of which connection it belongs to. It keeps what it hears as that API does, so that both ends of
 * a call can be compared; and it can fall silent in the middle of anything. Time is an argument; nothing here knows
 * sockets.
 */
import { isJsonObject, parseJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import { textAt } from "../../src/upstreams/json.ts";
import { bytesOf, watermark } from "./watermark.ts";

export interface AnswerScript {
  /** From `response.create` to the first audio. */
  readonly firstAudioMs: number;
  readonly lengthMs: number;
  /** Times real time. */
  readonly pace: number;
  /** A call of the tool `look_up` in place of words. */
  readonly tool?: boolean;
}

/** What a provider is to say in one call, found by the name in the session's instructions. */
export interface VoiceScript {
  readonly seed: number;
  /** By the order in which a connection is asked; the last one repeats. */
  readonly answers: readonly AnswerScript[];
  /** It never says what it heard in words: the relay's next connection can only be told it by its sound. */
  readonly wordless?: boolean;
}

export interface Answer {
  readonly index: number;
  readonly id: string;
  readonly item: string;
  readonly script: AnswerScript;
  /** In samples; 0: a tool call. */
  readonly length: number;
  readonly askedAt: number;
  /** When its first sample, or its tool call, left. */
  firstAt: number | null;
  sent: number;
  status: "in_progress" | "completed" | "cancelled";
}

const PER_MS = 24;
/** 100 ms of audio per message, as providers send it. */
const CHUNK = 100 * PER_MS;

/** Samples of the answer that the `connection`-th connection of a call to the provider `who` gives as its `index`-th. */
export function answerAudio(
  seed: number,
  who: number,
  connection: number,
  index: number,
  to: number,
  from = 0,
): Int16Array {
  const key = Math.imul(seed, 1009) + who * 1_000_003 + connection * 10_007 + index * 101 + 17;
  return watermark(key, from, Math.max(0, to - from));
}

export class MarkedVoice {
  readonly #send: (message: string) => void;
  readonly #find: (name: string) => VoiceScript | null;
  /** Which provider this is, for its watermark. */
  readonly who: number;
  /** Which of the call's connections to it, from 0 on; set when the call is known. */
  connection = 0;
  /** Answers in the order in which they were asked for. */
  readonly answers: Answer[] = [];
  /** Committed turns, as they were heard. */
  readonly turns: Uint8Array[] = [];
  /** What it was told of the caller, in order: turns by their sound, and what stands in place of others, their words. */
  readonly heard: (Uint8Array | string)[] = [];
  /** Items that were told as text: ids and words. */
  readonly told: { readonly id: string; readonly text: string }[] = [];
  /** What the relay did that OpenAI would refuse. */
  readonly faults: string[] = [];
  /** Takes everything and says nothing any more. */
  mute = false;
  #script: VoiceScript | null = null;
  #session: JsonObject = { object: "realtime.session", type: "realtime", id: "sess_marked" };
  #pieces: Uint8Array[] = [];
  readonly #items = new Set<string>();
  /** Ids of tool calls that this connection made or was told of. */
  readonly #calls = new Set<string>();
  #events = 0;

  /** `find`: the script by the name in the session's instructions. */
  constructor(who: number, send: (message: string) => void, find: (name: string) => VoiceScript | null) {
    this.who = who;
    this.#send = send;
    this.#find = find;
    this.#emit({ type: "session.created", session: this.#session });
  }

  /** The answer's samples, all that it has or will have. */
  audioOf(answer: Answer): Int16Array {
    return answerAudio(this.#script?.seed ?? 0, this.who, this.connection, answer.index, answer.length);
  }

  #emit(event: JsonObject): void {
    if (this.mute) return;
    this.#events += 1;
    this.#send(JSON.stringify({ event_id: `event_${this.#events}`, ...event }));
  }

  receive(text: string, now: number): void {
    const event = parseJsonObject(text) ?? {};
    switch (textAt(event, "type")) {
      case "session.update":
        this.#update(event);
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
      case "conversation.item.create":
        this.#tell(event);
        break;
      case "conversation.item.truncate":
        this.#truncate(event);
        break;
      case "conversation.item.delete":
        this.#delete(textAt(event, "item_id") ?? "");
        break;
      case null:
      default:
        this.#refuse(`unexpected ${textAt(event, "type")}`);
    }
  }

  #refuse(what: string): void {
    this.faults.push(what);
    this.#emit({
      type: "error",
      error: { type: "invalid_request_error", code: "invalid_value", message: what },
    });
  }

  #update(event: JsonObject): void {
    if (isJsonObject(event["session"])) this.#session = { ...this.#session, ...event["session"] };
    const name = textAt(this.#session, "instructions") ?? "";
    if (this.#script === null && name !== "") this.#script = this.#find(name);
    this.#emit({ type: "session.updated", session: this.#session });
  }

  #commit(): void {
    const audio = Buffer.concat(this.#pieces);
    this.#pieces = [];
    if (audio.length < 100 * PER_MS * 2) return this.#refuse(`commit of ${audio.length / PER_MS / 2} ms`);
    this.turns.push(audio);
    this.heard.push(audio);
    const id = `item_user_${this.turns.length}`;
    this.#items.add(id);
    this.#emit({ type: "input_audio_buffer.committed", previous_item_id: null, item_id: id });
    const content = [{ type: "input_audio", transcript: null }];
    const item = { id, object: "realtime.item", type: "message", status: "completed", role: "user", content };
    this.#emit({ type: "conversation.item.added", previous_item_id: null, item });
    this.#emit({ type: "conversation.item.done", previous_item_id: null, item });
  }

  #tell(event: JsonObject): void {
    const item = isJsonObject(event["item"]) ? event["item"] : {};
    const id = textAt(item, "id") ?? `item_told_${this.told.length}`;
    if (this.#items.has(id)) return this.#refuse(`the item ${id} twice`);
    this.#items.add(id);
    const call = textAt(item, "call_id") ?? "";
    if (item["type"] === "function_call") this.#calls.add(call);
    else if (item["type"] === "function_call_output" && !this.#calls.has(call))
      return this.#refuse(`the result of the unknown call ${call}`);
    this.told.push({ id, text: JSON.stringify(item) });
    if (item["role"] === "user") this.heard.push(wordsIn(item));
    const shown = { ...item, id, object: "realtime.item", status: "completed" };
    this.#emit({ type: "conversation.item.added", previous_item_id: null, item: shown });
    this.#emit({ type: "conversation.item.done", previous_item_id: null, item: shown });
  }

  /** A session of many turns forgets its oldest. */
  #delete(id: string): void {
    if (!this.#items.delete(id)) return this.#refuse(`deletion of the unknown ${id}`);
    this.#emit({ type: "conversation.item.deleted", item_id: id });
  }

  #respond(event: JsonObject, now: number): void {
    if (this.answers.at(-1)?.status === "in_progress") return this.#refuse("a response is active");
    const index = this.answers.length;
    const plan = this.#planned(index);
    if (plan === undefined) return this.#refuse("no script");
    const id = `resp_${this.who}_${this.connection}_${index}`;
    const length = plan.tool === true ? 0 : Math.round(plan.lengthMs * PER_MS);
    const item = `item_${id}`;
    this.answers.push({
      index,
      id,
      item,
      script: plan,
      length,
      askedAt: now,
      firstAt: null,
      sent: 0,
      status: "in_progress",
    });
    const given = isJsonObject(event["response"]) ? event["response"] : {};
    this.#emit({
      type: "response.created",
      response: this.#shown(id, "in_progress", given["metadata"] ?? null),
    });
  }

  /** What it says to the `index`-th question; words, once it knows a tool's result. */
  #planned(index: number): AnswerScript | undefined {
    const answers = this.#script?.answers ?? [];
    const plan = answers[Math.min(index, answers.length - 1)];
    const known = this.told.some(({ text }) => text.includes("function_call_output"));
    return plan?.tool === true && known ? answers.find(({ tool }) => tool !== true) : plan;
  }

  #shown(id: string, status: string, metadata: JsonObject[string]): JsonObject {
    return { id, object: "realtime.response", status, output: [], metadata, usage: null };
  }

  /** When `tick` has something to do; null: nothing is planned. */
  get deadline(): number | null {
    const answer = this.answers.at(-1);
    if (answer?.status !== "in_progress" || this.mute) return null;
    return answer.askedAt + answer.script.firstAudioMs + answer.sent / PER_MS / answer.script.pace;
  }

  /** Says what is due. */
  tick(now: number): void {
    for (let due = this.deadline; due !== null && due <= now; due = this.deadline) {
      const answer = this.answers.at(-1);
      if (answer) this.#go(answer, now);
    }
  }

  #go(answer: Answer, now: number): void {
    const place = { response_id: answer.id, output_index: 0 };
    const within = { ...place, item_id: answer.item, content_index: 0 };
    if (answer.firstAt === null) {
      answer.firstAt = now;
      this.#begin(answer, place, within);
    }
    if (answer.length === 0) return this.#callTool(answer, within);
    const to = Math.min(answer.length, answer.sent + CHUNK);
    const { connection, who } = this;
    const chunk = answerAudio(this.#script?.seed ?? 0, who, connection, answer.index, to, answer.sent);
    answer.sent = to;
    this.#emit({ type: "response.output_audio.delta", ...within, delta: bytesOf(chunk).toBase64() });
    this.#emit({ type: "response.output_audio_transcript.delta", ...within, delta: "word " });
    if (answer.sent === answer.length) this.#end(answer, "completed");
  }

  #begin(answer: Answer, place: JsonObject, within: JsonObject): void {
    this.#items.add(answer.item);
    const said = { type: "message", role: "assistant", content: [] };
    const called = { type: "function_call", name: "look_up", call_id: `call_${answer.id}`, arguments: "" };
    const item = {
      id: answer.item,
      object: "realtime.item",
      status: "in_progress",
      ...(answer.length === 0 ? called : said),
    };
    this.#emit({ type: "response.output_item.added", ...place, item });
    this.#emit({ type: "conversation.item.added", previous_item_id: null, item });
    if (answer.length === 0) return;
    this.#emit({ type: "response.content_part.added", ...within, part: { type: "audio", transcript: "" } });
  }

  #callTool(answer: Answer, within: JsonObject): void {
    this.#calls.add(`call_${answer.id}`);
    const call = { call_id: `call_${answer.id}`, name: "look_up", arguments: `{"of":"${answer.id}"}` };
    this.#emit({ type: "response.function_call_arguments.done", ...within, ...call });
    this.#end(answer, "completed");
  }

  #end(answer: Answer, status: "completed" | "cancelled"): void {
    answer.status = status;
    const place = { response_id: answer.id, output_index: 0 };
    const state = status === "completed" ? "completed" : "incomplete";
    const common = { id: answer.item, object: "realtime.item", status: state };
    const called = {
      type: "function_call",
      name: "look_up",
      call_id: `call_${answer.id}`,
      arguments: `{"of":"${answer.id}"}`,
    };
    const item =
      answer.length === 0
        ? { ...common, ...called }
        : { ...common, type: "message", role: "assistant", content: [] };
    if (answer.firstAt !== null) this.#emit({ type: "response.output_item.done", ...place, item });
    if (status === "completed") this.#transcribe();
    this.#emit({ type: "response.done", response: this.#shown(answer.id, status, null) });
  }

  /** Of its n-th turn, from 1. */
  readonly wordsOf = (n: number): string =>
    `Turn ${n} of connection ${this.connection} of provider ${this.who}.`;

  /** The words of the turn come with its answer's end: from then on it need not be heard again. */
  #transcribe(): void {
    if (this.turns.length === 0 || this.#script?.wordless === true) return;
    const item_id = `item_user_${this.turns.length}`;
    const transcript = this.wordsOf(this.turns.length);
    this.#emit({
      type: "conversation.item.input_audio_transcription.completed",
      item_id,
      content_index: 0,
      transcript,
    });
  }

  #cancel(event: JsonObject): void {
    const answer = this.answers.find((one) => one.id === event["response_id"]) ?? this.answers.at(-1);
    // Cancelling what has just ended is a race that OpenAI answers with an error and that harms nobody.
    if (answer?.status === "in_progress") this.#end(answer, "cancelled");
  }

  #truncate(event: JsonObject): void {
    const id = textAt(event, "item_id") ?? "";
    if (!this.answers.some(({ item }) => item === id)) return this.#refuse(`truncation of the unknown ${id}`);
    this.#emit({
      type: "conversation.item.truncated",
      item_id: id,
      content_index: 0,
      audio_end_ms: Number(event["audio_end_ms"]),
    });
  }
}

function wordsIn(item: JsonObject): string {
  const content = Array.isArray(item["content"]) ? item["content"] : [];
  return content.map((part) => (isJsonObject(part) ? (textAt(part, "text") ?? "") : "")).join("");
}
