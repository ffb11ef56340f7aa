/**
 * Turns a recorded socket of an agent of ElevenLabs into a provider: what its client wrote and spoke is said to the relay in
 * OpenAI's words, and what the agent said is what the relay hears from upstream. What is compared needs no names.
 */
import { isJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import { Call } from "../support/call.ts";
import { joined, type PlainFacts, toldOf } from "./plain-facts.ts";
import { textOf } from "./names.ts";
import type { Step } from "./recording.ts";

export interface PlayedAgent {
  readonly said: PlainFacts;
  readonly told: PlainFacts;
  readonly events: readonly JsonObject[];
  readonly sent: readonly JsonObject[];
}

const PEER = "up0.1";

export const isElevenLabs = (steps: readonly Step[]): boolean =>
  steps.some(({ event }) => event["type"] === "conversation_initiation_metadata");

export function playElevenLabs(recorded: readonly Step[]): PlayedAgent {
  const closed = recorded.findIndex(({ from }) => from === "close");
  const steps = closed < 0 ? recorded : recorded.slice(0, closed);
  const options = {
    adapter: "elevenlabs-agents",
    url: "https://provider.test/v1/convai/conversation?agent_id=recorded",
    settings: { overrides: ["instructions"] },
  };
  const planSession = { audio: { input: { transcription: { model: "any" } } } };
  const call = new Call({
    upstreams: [{ name: "recorded", options }],
    createUpstream,
    planSession,
    connect: false,
  });
  call.connect("realtime");
  call.input({ type: "open", peer: PEER });
  for (const { from, event } of steps) {
    if (from === "client") speak(call, event);
    else call.input({ type: "message", peer: PEER, data: JSON.stringify(atTheClientsRate(event)) });
    call.advance(20);
  }
  call.advance(5000);
  const events = call.events as unknown as readonly JsonObject[];
  const sent = call.commands(PEER) as unknown as readonly JsonObject[];
  const said = steps.filter(({ from }) => from === "provider").map(({ event }) => event);
  return { said: saidOf(said), told: toldOf(events), events, sent };
}

/** So that no sample is made anew: what an agent says at 16 kHz is played as if it were said at the client's 24 kHz. */
function atTheClientsRate(event: JsonObject): JsonObject {
  const metadata = event["conversation_initiation_metadata_event"];
  if (!isJsonObject(metadata)) return event;
  return {
    ...event,
    conversation_initiation_metadata_event: { ...metadata, agent_output_audio_format: "pcm_24000" },
  };
}

function speak(call: Call, event: JsonObject): void {
  const sound = event["user_audio_chunk"];
  if (typeof sound === "string") {
    // The relay's client speaks with 24 kHz; what is heard is not compared.
    const bytes = Uint8Array.fromBase64(sound);
    call.client({
      type: "input_audio_buffer.append",
      audio: bytes.subarray(0, bytes.length & ~1).toBase64(),
    });
  }
  const type = event["type"];
  if (type === "user_message") {
    const content = [{ type: "input_text", text: textOf(event["text"]) }];
    call.client({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
    call.client({ type: "response.create" });
  } else if (type === "client_tool_result") {
    const item = {
      type: "function_call_output",
      call_id: textOf(event["tool_call_id"]),
      output: textOf(event["result"]),
    };
    call.client({ type: "conversation.item.create", item });
    call.client({ type: "response.create" });
  }
}

function saidOf(events: readonly JsonObject[]): PlainFacts {
  const of = (type: string, member: string) =>
    events
      .filter((event) => event["type"] === type)
      .map((event) => event[member])
      .filter(isJsonObject);
  const text = (one: JsonObject, member: string) => textOf(one[member] ?? "").replaceAll(/\s+/g, "");
  return {
    audio: joined(
      of("audio", "audio_event").map((one) => Uint8Array.fromBase64(textOf(one["audio_base_64"]))),
    ),
    said: heardWords(events).replaceAll(/\s+/g, ""),
    heard: of("user_transcript", "user_transcription_event")
      .map((one) => text(one, "user_transcript"))
      .join(""),
    calls: of("client_tool_call", "client_tool_call").map(
      (one) =>
        `${textOf(one["tool_call_id"])} ${textOf(one["tool_name"])} ${JSON.stringify(one["parameters"])}`,
    ),
    tokens: [0, 0],
  };
}

/** Words that come after the caller has cut what they are of are of nothing that is still said. */
function heardWords(events: readonly JsonObject[]): string {
  let cutBefore = 0;
  let words = "";
  for (const event of events) {
    const interruption = event["interruption_event"];
    const response = event["agent_response_event"];
    if (isJsonObject(interruption)) cutBefore = Number(interruption["event_id"] ?? 0);
    if (isJsonObject(response) && Number(response["event_id"] ?? 0) >= cutBefore)
      words += textOf(response["agent_response"] ?? "");
  }
  return words;
}
