/**
 * What the adapters of agents send satisfies the types of the providers' own packages, so does what the scripted servers of the
 * tests say, and every message that those types have is handled or named here as one that the relay has no part in.
 */
import { describe, expect, test } from "vitest";

import { HEARD as DEEPGRAM_HEARD } from "../../src/upstreams/deepgram-agent/events.ts";
import { HEARD as ELEVENLABS_HEARD } from "../../src/upstreams/elevenlabs-agents/events.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import type { Item, UpstreamConfig } from "../../src/upstreams/upstream.ts";
import { chunk, CONFIG, Connection } from "../upstreams/connection.ts";
import { ScriptedDeepgramAgent } from "../upstreams/scripted-deepgram-agent.ts";
import { ScriptedElevenLabs } from "../upstreams/scripted-elevenlabs.ts";
import { judged } from "./compile.ts";
import { listening, unheard } from "./listening.ts";

const COMPILING_MS = 60_000;
const TOOL = { type: "function", name: "book", description: "Books.", parameters: { type: "object" } };
const RESPOND = { params: {}, outOfBand: false } as const;
const SESSION: UpstreamConfig = {
  ...CONFIG,
  instructions: "Be kind.",
  tools: [TOOL],
  voice: "aura-2-zeus-en",
  speed: 1.1,
  transcription: { model: "any" },
};

const text = (role: string, words: string): Item => ({
  id: `item_${words}`,
  type: "message",
  role,
  content: [{ type: role === "assistant" ? "output_text" : "input_text", text: words }],
});

/** Everything that a session may tell an agent. */
function lead(connection: Connection, call: () => readonly (string | Uint8Array)[]): void {
  connection.send({ type: "audio", chunk: chunk(new Uint8Array(64)) });
  connection.send({ type: "commit", itemId: "turn_1" });
  connection.send({ type: "item", item: text("user", "Hello."), previousItemId: null });
  connection.send({ type: "respond", responseId: "R1", options: RESPOND });
  connection.hear(call());
  const output: Item = { id: "o", type: "function_call_output", call_id: "call_1", output: "{}" };
  connection.send({ type: "item", item: output, previousItemId: null });
  connection.send({ type: "respond", responseId: "R2", options: RESPOND });
  connection.send({ type: "cancel", responseId: "R2" });
  connection.send({ type: "item", item: text("user", "And?"), previousItemId: null });
  connection.send({ type: "item", item: text("assistant", "Well."), previousItemId: null });
  connection.send({ type: "item", item: text("user", "Yes?"), previousItemId: null });
  connection.send({ type: "configure", config: { ...SESSION, instructions: "Be brief.", voice: null } });
  connection.send({ type: "keepalive" });
}

describe("ElevenLabs' types of an agent's conversation", () => {
  /** For who shows or watches a conversation, or told elsewhere: words come again as audio is played, tools are the agent's own. */
  const LEFT = [
    "agent_response_correction",
    "agent_reasoning_response_part",
    "rich_content",
    "agent_tool_request",
    "agent_tool_response_full_payload",
    "mcp_tool_call",
    "mcp_connection_status",
    "context_usage",
    "asr_initiation_metadata",
    "guardrail_triggered",
    "internal_turn_probability",
    "internal_tentative_agent_response",
    "agent_typing",
    "external_agent_connected",
    "external_agent_disconnected",
  ];
  const IMPORTS = 'import type * as Theirs from "@elevenlabs/types";';
  const SENT = [
    "UserAudio",
    "Pong",
    "UserMessage",
    "UserActivity",
    "ClientToolResult",
    "ContextualUpdate",
    "ConversationInitiation",
  ];
  const SAID = [
    "ConversationMetadata",
    "Ping",
    "Audio",
    "AgentResponse",
    "UserTranscript",
    "TentativeUserTranscript",
    "Interruption",
    "ClientToolCallMessage",
    "ErrorMessage",
  ];
  const union = (names: readonly string[]) => names.map((name) => `Theirs.${name}`).join(" | ");

  test(
    "[U169] what is sent and what is heard satisfies them, and every event is handled or left on purpose",
    () => {
      const server = new ScriptedElevenLabs({ allows: ["agent.prompt.prompt", "tts.voice_id", "tts.speed"] });
      const { wrapped, said, keep } = listening(server);
      const settings = { overrides: ["instructions", "voice", "speed"], initiation: { user_id: "u" } };
      const upstream = createUpstream({ adapter: "elevenlabs-agents", model: "agent_1", settings });
      const connection = new Connection(upstream, wrapped, SESSION);
      lead(connection, () =>
        keep([
          server.ping(1),
          server.tentative("Hel"),
          server.transcript("Hello."),
          server.words("Hi."),
          ...server.audio(new Uint8Array(4), [4]),
          server.aligned(new Uint8Array(4), "Hi."),
          server.interruption(),
          server.toolCall("book", "call_1", { seats: 2 }),
          server.error("llm_timeout"),
        ]),
      );
      expect(server.refused).toEqual([]);
      expect(new Set(server.received.map(({ type }) => type ?? "audio")).size).toBe(SENT.length);
      expect(new Set(said.map(({ type }) => type)).size).toBe(SAID.length);
      const names =
        'Theirs.ConversationConfigOverrideConversationClientEventsItem | Theirs.ErrorMessage["type"]';
      const none = unheard(names, [...ELEVENLABS_HEARD, ...LEFT]);
      expect(judged(IMPORTS, `(${union(SENT)})`, server.received, none)).toEqual([]);
      expect(judged(IMPORTS, `(${union(SAID)})`, said)).toEqual([]);
    },
    COMPILING_MS,
  );
});

describe("Deepgram's types of a voice agent", () => {
  /** They confirm, measure, or tell once more. */
  const LEFT = [
    "Welcome",
    "AgentThinking",
    "AgentStartedSpeaking",
    "LatencyReport",
    "History",
    "FunctionCallResponse",
    "PromptUpdated",
    "ThinkUpdated",
    "SpeakUpdated",
    "ListenUpdated",
  ];
  const IMPORTS = `import type { V1Socket } from "@deepgram/sdk/agent/v1";
type Sends = "sendSettings" | "sendUpdateThink" | "sendUpdateSpeak" | "sendInjectUserMessage" | "sendFunctionCallResponse" | "sendKeepAlive" | "sendForceEndTurn";
type Sent = { [Send in Sends]: Parameters<V1Socket[Send]>[0] }[Sends];
type Said = Exclude<V1Socket.Response, string>;`;

  test(
    "[U169] what is sent and what is heard satisfies them, and every event is handled or left on purpose",
    () => {
      const server = new ScriptedDeepgramAgent();
      const { wrapped, said, keep } = listening(server);
      const upstream = createUpstream({ adapter: "deepgram-agent" });
      const connection = new Connection(upstream, wrapped, SESSION);
      lead(connection, () =>
        keep([
          server.user("Hello."),
          server.agent("Hi."),
          ...server.audio(new Uint8Array(4), [4]),
          server.done(),
          server.call("book", "call_1", "{}"),
        ]),
      );
      connection.send({ type: "respond", responseId: "R3", options: RESPOND });
      keep([server.userStarted(), server.cancelled("book", "call_9"), server.warning("PROMPT_TOO_LONG")]);
      expect(server.refused).toEqual([]);
      expect(new Set(server.received.map(({ type }) => type)).size).toBe(7);
      const none = unheard('Said["type"]', [...DEEPGRAM_HEARD, ...LEFT]);
      expect(judged(IMPORTS, "Sent", server.received, none)).toEqual([]);
      expect(judged(IMPORTS, "Said", said)).toEqual([]);
    },
    COMPILING_MS,
  );
});
