/**
 * Turns a recorded socket of Gemini Live into a provider: what its client said in Google's words is said to the relay in
 * OpenAI's, and what the provider said is what the relay hears from upstream. What is compared needs no names: the audio, the
 * words of both sides, the calls and what it cost.
 */
import { isJsonObject, type Json, type JsonObject } from "../../src/protocol/json.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import { Call } from "../support/call.ts";
import { textOf } from "./names.ts";
import type { Step } from "./recording.ts";

export type GeminiFacts = {
  readonly audio: string;
  /** What the model said, and what the caller. */
  readonly said: string;
  readonly heard: string;
  readonly calls: readonly string[];
  /** Tokens in and out. */
  readonly tokens: readonly number[];
};

export interface PlayedGemini {
  readonly said: GeminiFacts;
  readonly told: GeminiFacts;
  readonly events: readonly JsonObject[];
  readonly sent: readonly JsonObject[];
}

const PEER = "up0.1";

/** Python's client writes `client_content`, the others `clientContent`. */
function member(event: JsonObject, name: string): JsonObject | null {
  const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const value = event[name] ?? event[snake];
  return isJsonObject(value) ? value : null;
}

const list = (value: Json | undefined): readonly JsonObject[] =>
  Array.isArray(value) ? value.filter(isJsonObject) : [];
const base64 = (text: string): Uint8Array =>
  Uint8Array.fromBase64(text.replaceAll("-", "+").replaceAll("_", "/"), { lastChunkHandling: "loose" });

export const isGemini = (steps: readonly Step[]): boolean =>
  steps.some(({ from, event }) => from === "client" && member(event, "setup") !== null);

export function playGemini(recorded: readonly Step[]): PlayedGemini {
  const closed = recorded.findIndex(({ from }) => from === "close");
  const steps = closed < 0 ? recorded : recorded.slice(0, closed);
  const clients = steps.filter(({ from }) => from === "client").map(({ event }) => event);
  const inputs = clients.map((event) => member(event, "realtimeInput"));
  const detects = inputs.some((input) => input !== null) && !inputs.some((input) => input?.["activityEnd"]);
  const setup = clients.map((event) => member(event, "setup")).find((event) => event !== null) ?? {};
  const options = {
    adapter: "gemini-live",
    url: "https://provider.test/live",
    model: textOf(setup["model"]),
    settings: { turns: detects ? "server" : "client" },
  };
  const call = new Call({
    upstreams: [{ name: "recorded", options }],
    createUpstream,
    planSession: sessionOf(setup),
    connect: false,
  });
  call.connect("realtime");
  call.input({ type: "open", peer: PEER });
  for (const { from, event } of steps) {
    if (from === "client") speak(call, event);
    else call.input({ type: "message", peer: PEER, data: new TextEncoder().encode(JSON.stringify(event)) });
    call.advance(20);
  }
  call.advance(5000);
  const events = call.events as unknown as readonly JsonObject[];
  const sent = call.commands(PEER) as unknown as readonly JsonObject[];
  const said = steps.filter(({ from }) => from === "provider").map(({ event }) => event);
  return { said: saidOf(said), told: toldOf(events), events, sent };
}

function sessionOf(setup: JsonObject): JsonObject {
  const instructions = list(member(setup, "systemInstruction")?.["parts"]).map((part) =>
    textOf(part["text"]),
  );
  const tools = list(setup["tools"]).flatMap((tool) =>
    list(tool["functionDeclarations"] ?? tool["function_declarations"]).map((one) => ({
      type: "function",
      name: textOf(one["name"]),
      description: textOf(one["description"]),
      parameters: { type: "object", properties: {} },
    })),
  );
  return {
    instructions: instructions.join("\n"),
    tools,
    audio: { input: { transcription: { model: "any" } } },
  };
}

function speak(call: Call, event: JsonObject): void {
  const content = member(event, "clientContent");
  for (const turn of list(content?.["turns"])) {
    const isModel = turn["role"] === "model";
    const text = list(turn["parts"])
      .map((part) => textOf(part["text"]))
      .join("");
    const parts = [{ type: isModel ? "output_text" : "input_text", text }];
    const item = { type: "message", role: isModel ? "assistant" : "user", content: parts };
    call.client({ type: "conversation.item.create", item });
  }
  if ((content?.["turnComplete"] ?? content?.["turn_complete"]) === true)
    call.client({ type: "response.create" });
  const audio = member(member(event, "realtimeInput") ?? {}, "audio");
  if (audio !== null) {
    const bytes = base64(textOf(audio["data"]));
    const whole = bytes.subarray(0, bytes.length & ~1);
    call.client({ type: "input_audio_buffer.append", audio: whole.toBase64() });
  }
  const results = member(event, "toolResponse");
  if (results === null) return;
  for (const result of list(results["functionResponses"] ?? results["function_responses"])) {
    const item = {
      type: "function_call_output",
      call_id: textOf(result["id"]),
      output: JSON.stringify(result["response"]),
    };
    call.client({ type: "conversation.item.create", item });
  }
  call.client({ type: "response.create" });
}

function joined(pieces: readonly Uint8Array[]): string {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes.subarray(0, at & ~1).toBase64();
}

function saidOf(events: readonly JsonObject[]): GeminiFacts {
  const contents = events.map((event) => member(event, "serverContent")).filter((one) => one !== null);
  const words = (name: string) =>
    contents
      .map((one) => textOf(member(one, name)?.["text"] ?? ""))
      .join("")
      .trim();
  const parts = contents.flatMap((one) => list(member(one, "modelTurn")?.["parts"]));
  const blobs = parts.map((part) => member(part, "inlineData")).filter((one) => one !== null);
  const calls = events.flatMap((event) => list(member(event, "toolCall")?.["functionCalls"]));
  const usage = events.map((event) => member(event, "usageMetadata")).filter((one) => one !== null);
  const count = (name: string) => usage.reduce((sum, one) => sum + Number(one[name] ?? 0), 0);
  return {
    audio: joined(blobs.map((blob) => base64(textOf(blob["data"])))),
    said: words("outputTranscription"),
    heard: words("inputTranscription"),
    calls: calls.map(
      (call) => `${textOf(call["id"])} ${textOf(call["name"])} ${JSON.stringify(call["args"])}`,
    ),
    tokens: [
      count("promptTokenCount") + count("toolUsePromptTokenCount"),
      count("responseTokenCount") + count("thoughtsTokenCount"),
    ],
  };
}

function toldOf(events: readonly JsonObject[]): GeminiFacts {
  const of = (type: string) => events.filter((event) => event["type"] === type);
  const words = (type: string, key: string) =>
    of(type)
      .map((event) => textOf(event[key] ?? ""))
      .join("")
      .trim();
  const usage = of("response.done").map((event) => member(member(event, "response") ?? {}, "usage"));
  const count = (name: string) => usage.reduce((sum, one) => sum + Number(one?.[name] ?? 0), 0);
  return {
    audio: joined(of("response.output_audio.delta").map((event) => base64(textOf(event["delta"])))),
    said: words("response.output_audio_transcript.delta", "delta"),
    heard: words("conversation.item.input_audio_transcription.completed", "transcript"),
    calls: of("response.function_call_arguments.done").map(
      (event) => `${textOf(event["call_id"])} ${textOf(event["name"])} ${textOf(event["arguments"])}`,
    ),
    tokens: [count("input_tokens"), count("output_tokens")],
  };
}
