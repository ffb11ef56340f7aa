/**
 * The three stages of a cascade that do what they are told and refuse what providers would: a transcriber of Deepgram's words,
 * an endpoint of chat completions that checks the conversation it is given, and one of speech.
 */
import { isJsonObject, parseJsonObject, type Json, type JsonObject } from "../../../src/protocol/json.ts";
import { objectAt, objectsAt, textAt } from "../../../src/upstreams/json.ts";
import type { ChannelEffect, UpstreamOptions, WireMessage } from "../../../src/upstreams/upstream.ts";
import type { ScriptedServer } from "../connection.ts";
import { came, type Came } from "./over-channels.ts";

export const KEYS = {
  transcriber: "Token 0123456789abcdef0123456789abcdef01234567",
  text: "Bearer sk-text-0123456789abcdef0123456789",
  speech: "Bearer sk-speech-0123456789abcdef01234",
} as const;

export const CASCADE: UpstreamOptions = {
  adapter: "cascade",
  parts: {
    transcriber: { adapter: "deepgram-flux", headers: { Authorization: KEYS.transcriber } },
    text: {
      adapter: "chat-completions",
      url: "https://text.example/v1/chat/completions",
      model: "writer-1",
      headers: { Authorization: KEYS.text },
    },
    speech: {
      adapter: "openai-speech",
      url: "https://speech.example/v1/audio/speech",
      model: "speaker-1",
      headers: { Authorization: KEYS.speech },
    },
  },
};

export interface Request {
  readonly stage: "text" | "speech";
  readonly channel: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: JsonObject;
}

const SSE = { status: 200, type: "text/event-stream" } as const;
const PCM = { status: 200, type: "audio/pcm" } as const;

export const head = (stage: string, status: number, type: string): string =>
  came({ stage, head: { status, type } });
export const data = (stage: string, bytes: Uint8Array | string): string =>
  came({ stage, data: (typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes).toBase64() });
export const closed = (stage: string, code = 1000, reason = ""): string =>
  came({ stage, closed: [code, reason] } satisfies Came);
export const waited = (what: string): string => came({ waited: what });

/** Events of a chat completion's stream. */
export function chunk(delta: JsonObject, finish_reason: string | null = null): string {
  return `data: ${JSON.stringify({ object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason }] })}\n\n`;
}
export const USAGE =
  'data: {"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":5,"total_tokens":17}}\n\n';
export const DONE = "data: [DONE]\n\n";

/** A whole answer of the text model's, in these pieces. */
export function written(...pieces: readonly string[]): readonly string[] {
  return [
    head("text", SSE.status, SSE.type),
    ...pieces.map((content) => data("text", chunk({ content }))),
    data("text", chunk({}, "stop") + USAGE + DONE),
  ];
}

export function called(name: string, callId: string, args: string): readonly string[] {
  const at = Math.floor(args.length / 2);
  const call = (more: JsonObject): string => chunk({ tool_calls: [{ index: 0, ...more }] });
  return [
    head("text", SSE.status, SSE.type),
    data("text", call({ id: callId, type: "function", function: { name, arguments: "" } })),
    data("text", call({ function: { arguments: args.slice(0, at) } })),
    data("text", call({ function: { arguments: args.slice(at) } })),
    data("text", chunk({}, "tool_calls") + DONE),
  ];
}

/** A whole answer of the synthesiser's, in pieces of these sizes. */
export function spoken(sound: Uint8Array, sizes: readonly number[] = [sound.length]): readonly string[] {
  const out = [head("speech", PCM.status, PCM.type)];
  for (let at = 0, n = 0; at < sound.length; n += 1) {
    const size = sizes[n % sizes.length] ?? 1;
    out.push(data("speech", sound.subarray(at, at + size)));
    at += size;
  }
  return [...out, closed("speech")];
}

export class ScriptedStages implements ScriptedServer {
  /** What was asked of either endpoint, in order. */
  readonly requests: Request[] = [];
  /** What was sent to sockets beside its own. */
  readonly sent: string[] = [];
  /** Channels that were given up. */
  readonly given: string[] = [];
  /** By what is waited for, for how long. */
  readonly waits = new Map<string, number | null>();
  /** What a provider would have refused. */
  readonly refused: string[] = [];
  /** Samples of the caller, as they came. */
  heard: number[] = [];
  #turn = 0;

  opened(): readonly WireMessage[] {
    return ['{"type":"Connected","request_id":"r","sequence_id":0}'];
  }

  receive(message: WireMessage): readonly WireMessage[] {
    if (typeof message !== "string") {
      for (const byte of message) this.heard.push(byte);
      return [];
    }
    const effect = objectAt(parseJsonObject(message), "effect");
    if (effect !== null) this.#effect(effect as unknown as ChannelEffect);
    return [];
  }

  /** The transcriber's words of a turn, at its end. */
  words(text: string): readonly string[] {
    const at = { type: "TurnInfo", turn_index: this.#turn, transcript: text, words: [] };
    this.#turn += 1;
    return [JSON.stringify({ ...at, event: "Update" }), JSON.stringify({ ...at, event: "EndOfTurn" })];
  }

  /** Words of a turn that goes on. */
  update(text: string): string {
    return JSON.stringify({ type: "TurnInfo", event: "Update", turn_index: this.#turn, transcript: text });
  }

  last(stage: Request["stage"]): Request {
    const found = this.requests.findLast((request) => request.stage === stage);
    if (found === undefined) throw new Error(`nothing was asked of ${stage}`);
    return found;
  }

  #effect(effect: ChannelEffect): void {
    if (effect.type === "wait") this.waits.set(effect.what, effect.ms);
    else if (effect.type === "close") this.given.push(effect.channel);
    else if (effect.type === "open") {
      const stage = effect.channel.startsWith("text") ? "text" : "speech";
      const { url, headers, http, run } = effect.opening.request;
      const body = run?.inputs ?? parseJsonObject(String(http?.body)) ?? {};
      this.requests.push({ stage, channel: effect.channel, url, headers, body });
      if (stage === "text") this.#judgeChat(body);
      else if (http !== undefined) this.#judgeSpeech(body);
    } else {
      this.sent.push(String(effect.data));
    }
  }

  #judgeSpeech(body: JsonObject): void {
    if ((textAt(body, "input") ?? "").trim() === "") this.refused.push("speech: nothing to say");
    if (body["response_format"] !== "pcm") this.refused.push("speech: no PCM");
  }

  /** A call has to be followed by its results, and a result by its call, or the endpoint answers with 400. */
  #judgeChat(body: JsonObject): void {
    const open = new Set<string>();
    for (const message of objectsAt(body, "messages")) {
      const role = textAt(message, "role") ?? "";
      const answers = textAt(message, "tool_call_id") ?? "";
      if (role === "tool" && !open.delete(answers))
        this.refused.push(`chat: result ${answers} without its call`);
      if (role !== "tool" && open.size > 0)
        this.refused.push(`chat: calls ${[...open].join()} without results`);
      for (const call of objectsAt(message, "tool_calls")) open.add(textAt(call, "id") ?? "");
      const content: Json | undefined = message["content"];
      // A tool may have nothing to say.
      const blank = content === "" && role !== "tool";
      const empty = content === undefined || blank || (content === null && !message["tool_calls"]);
      if (empty || isJsonObject(content)) this.refused.push(`chat: a message of ${role} without content`);
    }
    if (open.size > 0) this.refused.push("chat: a call without its result at the end");
  }
}

/** So many milliseconds of 24 kHz PCM, each byte of which tells its place. */
export function sound(ms: number): Uint8Array {
  return Uint8Array.from({ length: ms * 48 }, (_, n) => n * 7);
}

/** The text model begins to answer; */
export function begins(): string {
  return head("text", 200, "text/event-stream");
}

/** it goes on. */
export function writes(content: string): string {
  return data("text", chunk({ content }));
}
