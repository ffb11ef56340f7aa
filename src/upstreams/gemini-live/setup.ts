/** The session's configuration in Gemini's words: the first message, and what of it can change in mid-call. */
import type { Json } from "../../protocol/json.ts";
import { ownVoice } from "../common/foreign-voices.ts";
import { mergeDeep, objectAt, textAt } from "../json.ts";
import type { JsonObject, UpstreamConfig } from "../upstream.ts";
import type { Resumption } from "./resumption.ts";
import { parametersOf, roomForAll } from "./schema.ts";
import type { GeminiSettings } from "./settings.ts";

export function setupMessage(
  settings: GeminiSettings,
  config: UpstreamConfig,
  resumption: Resumption,
): JsonObject {
  const detects = settings.turns === "server";
  const setup: JsonObject = {
    model: settings.model,
    generationConfig: generation(config),
    ...(config.instructions === "" ? {} : { systemInstruction: instruction(config.instructions) }),
    ...(declarations(config).length > 0 ? { tools: tools(config) } : {}),
    realtimeInputConfig: {
      automaticActivityDetection: { disabled: !detects },
      // The floor decides who is heard; what it lets through is an interruption.
      activityHandling: "START_OF_ACTIVITY_INTERRUPTS",
    },
    // Without it a call of audio ends after 15 minutes (Google's guide to sessions).
    contextWindowCompression: { slidingWindow: {} },
    sessionResumption: resumption.setup,
    // A session that goes on has its history.
    ...(settings.seeds && !resumption.resumed
      ? { historyConfig: { initialHistoryInClientContent: true } }
      : {}),
    ...(config.transcription === null ? {} : { inputAudioTranscription: {} }),
    ...(config.modality === "audio" ? { outputAudioTranscription: {} } : {}),
  };
  return { setup: mergeDeep(setup, settings.setup) };
}

/** What changed, as far as it can change on this connection, and the fields that cannot. */
export function changes(
  settings: GeminiSettings,
  before: UpstreamConfig,
  after: UpstreamConfig,
): { readonly update: JsonObject | null; readonly refused: readonly string[] } {
  const differs = (field: keyof UpstreamConfig) =>
    JSON.stringify(before[field]) !== JSON.stringify(after[field]);
  const update: Record<string, Json> = {};
  const refused = (["voice", "modality", "maxOutputTokens"] as const).filter(differs) as string[];
  if ((before.transcription === null) !== (after.transcription === null)) refused.push("transcription");
  if (differs("instructions")) {
    if (settings.updates) update["systemInstruction"] = instruction(after.instructions);
    else refused.push("instructions");
  }
  if (JSON.stringify(tools(before)) !== JSON.stringify(tools(after))) {
    if (settings.updates) update["tools"] = { tools: tools(after) };
    else refused.push("tools");
  }
  return { update: Object.keys(update).length > 0 ? { contextUpdate: update } : null, refused };
}

function generation(config: UpstreamConfig): JsonObject {
  const { maxOutputTokens } = config;
  const voiceName = ownVoice(config.voice);
  return {
    responseModalities: [config.modality === "text" ? "TEXT" : "AUDIO"],
    ...(maxOutputTokens === "inf" ? {} : { maxOutputTokens }),
    ...(voiceName === null ? {} : { speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName } } } }),
  };
}

const instruction = (text: string): JsonObject => ({ role: "user", parts: [{ text }] });

function tools(config: UpstreamConfig): readonly JsonObject[] {
  const functionDeclarations = declarations(config);
  return functionDeclarations.length > 0 ? [{ functionDeclarations }] : [];
}

/** Live sessions have no choice of tools: where none may be called, none is told. */
function declarations(config: UpstreamConfig): readonly JsonObject[] {
  if (config.toolChoice === "none") return [];
  const room = roomForAll();
  return config.tools.flatMap((tool) => {
    const name = textAt(tool, "name");
    if (textAt(tool, "type") !== "function" || name === null) return [];
    const parameters = parametersOf(objectAt(tool, "parameters"), room);
    const description = textAt(tool, "description") ?? "";
    return [{ name, description, ...(parameters === null ? {} : { parameters }) }];
  });
}
