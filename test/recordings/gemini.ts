/**
 * Turns a recorded socket of Gemini Live into a provider: what its client said in Google's words is said to the relay in
 * OpenAI's, and what the provider said is what the relay hears from upstream. What is compared needs no names: the audio, the
 * words of both sides, the calls and what it cost.
 */
import { isJsonObject, type Json, type JsonObject } from "../../src/protocol/json.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import { Call } from "../support/call.ts";
import { base64, joined, member, type PlainFacts, toldOf } from "./plain-facts.ts";
import { textOf } from "./names.ts";
import type { Step } from "./recording.ts";

export interface PlayedGemini {
  readonly said: PlainFacts;
  readonly told: PlainFacts;
  readonly events: readonly JsonObject[];
  readonly sent: readonly JsonObject[];
}

const PEER = "up0.1";

const list = (value: Json | undefined): readonly JsonObject[] =>
  Array.isArray(value) ? value.filter(isJsonObject) : [];
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

function saidOf(events: readonly JsonObject[]): PlainFacts {
  const contents = events.map((event) => member(event, "serverContent")).filter((one) => one !== null);
  const words = (name: string) =>
    contents
      .map((one) => textOf(member(one, name)?.["text"] ?? ""))
      .join("")
      .replaceAll(/\s+/g, "");
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
