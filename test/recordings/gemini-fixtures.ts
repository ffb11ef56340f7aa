/**
 * Sockets of Gemini Live as it really behaves, told in our own words: the order of messages and the fields that they have
 * are those of recorded sockets (gemini-2.5-flash-native-audio, 2025-09); what is said is ours.
 */
import type { JsonObject } from "../../src/protocol/json.ts";
import type { Step } from "./recording.ts";

export interface GeminiFixture {
  readonly name: string;
  readonly steps: readonly Step[];
  /** Members of the messages that Google's own client sent, in order. */
  readonly asked: readonly string[];
}

const client = (event: JsonObject): Step => ({ from: "client", event });
const provider = (event: JsonObject): Step => ({ from: "provider", event });
const content = (serverContent: JsonObject, more: JsonObject = {}): Step =>
  provider({ serverContent, ...more });

const setup = (more: JsonObject = {}): Step[] => [
  client({
    setup: {
      model: "models/gemini-2.5-flash-native-audio-preview-09-2025",
      generationConfig: { responseModalities: ["AUDIO"] },
      systemInstruction: { parts: [{ text: "Be brief." }], role: "user" },
      inputAudioTranscription: {},
      outputAudioTranscription: {},
      ...more,
    },
  }),
  provider({ setupComplete: {} }),
];

/** 33 bytes each, so that a sample is cut in two. */
const audio = (seed: number): Step => {
  const data = Uint8Array.from({ length: 33 }, (_, at) => (seed * 37 + at * 11) & 0xff).toBase64();
  return content({ modelTurn: { parts: [{ inlineData: { mimeType: "audio/pcm;rate=24000", data } }] } });
};
const said = (text: string): Step => content({ outputTranscription: { text } });
const thought = content({ modelTurn: { parts: [{ text: "**Greeting**", thought: true }] } });

const end = (promptTokenCount: number): Step[] => [
  content({ generationComplete: true }),
  content(
    { turnComplete: true },
    {
      usageMetadata: {
        promptTokenCount,
        responseTokenCount: 26,
        totalTokenCount: promptTokenCount + 26,
        promptTokensDetails: [{ modality: "TEXT", tokenCount: promptTokenCount }],
        responseTokensDetails: [{ modality: "AUDIO", tokenCount: 26 }],
        thoughtsTokenCount: 24,
      },
    },
  ),
];

const written = (text: string): Step =>
  client({ client_content: { turns: [{ role: "user", parts: [{ text }] }], turnComplete: true } });

export const GEMINI: readonly GeminiFixture[] = [
  {
    name: "a written turn, answered by sound",
    steps: [
      ...setup(),
      written("Greet me."),
      thought,
      said("Hello"),
      said(" there."),
      audio(1),
      audio(2),
      ...end(1131),
    ],
    asked: ["setup", "clientContent"],
  },
  {
    name: "a call of a tool, and another turn after its answer",
    steps: [
      ...setup({
        tools: [{ functionDeclarations: [{ name: "note", parameters: { type: "OBJECT", properties: {} } }] }],
      }),
      written("Note five."),
      provider({
        toolCall: { functionCalls: [{ name: "note", args: { value: 5 }, id: "function-call-1381" }] },
      }),
      client({
        tool_response: {
          functionResponses: [{ id: "function-call-1381", name: "note", response: { output: "done" } }],
        },
      }),
      said("I have noted"),
      audio(3),
      said(" five."),
      audio(4),
      ...end(1185),
      written("Thanks."),
      said("Welcome."),
      audio(5),
      ...end(1251),
    ],
    asked: ["setup", "clientContent", "toolResponse", "clientContent"],
  },
  {
    name: "a spoken turn, detected by the provider",
    steps: [
      ...setup(),
      ...[0, 1, 2].map(() =>
        client({ realtime_input: { audio: { data: "A".repeat(1280), mimeType: "audio/pcm;rate=16000" } } }),
      ),
      ...[" Good", " day,", " I am", " Ann."].map((text) => content({ inputTranscription: { text } })),
      thought,
      said("Hello, Ann."),
      audio(6),
      audio(7),
      ...end(1197),
    ],
    asked: ["setup", "realtimeInput", "realtimeInput", "realtimeInput"],
  },
];
