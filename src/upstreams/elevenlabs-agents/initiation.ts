/** The session's configuration in the words of a conversation's first message, and what of it the agent does not take. */
import type { Json } from "../../protocol/json.ts";
import { ownVoice } from "../common/foreign-voices.ts";
import { mergeDeep } from "../json.ts";
import type { JsonObject, UpstreamConfig } from "../upstream.ts";
import type { AgentSettings, Override } from "./settings.ts";

export function initiation(
  { overrides, initiation: more }: AgentSettings,
  config: UpstreamConfig,
): JsonObject {
  const { instructions, speed, modality } = config;
  const voice = ownVoice(config.voice);
  const tts: Record<string, Json> = {};
  if (overrides.has("voice") && voice !== null) tts["voice_id"] = voice;
  if (overrides.has("speed") && speed !== 1) tts["speed"] = speed;
  const override: Record<string, Json> = {};
  if (overrides.has("instructions") && instructions !== "")
    override["agent"] = { prompt: { prompt: instructions } };
  if (Object.keys(tts).length > 0) override["tts"] = tts;
  if (overrides.has("text") && modality === "text") override["conversation"] = { text_only: true };
  const first: JsonObject = {
    type: "conversation_initiation_client_data",
    ...(Object.keys(override).length > 0 ? { conversation_config_override: override } : {}),
  };
  return mergeDeep(first, more);
}

/** Members of the configuration that say something and that this agent cannot be told at its first message. */
export function untaken({ overrides }: AgentSettings, config: UpstreamConfig): readonly string[] {
  const asked: readonly (readonly [string, boolean, Override | null])[] = [
    ["instructions", config.instructions !== "", "instructions"],
    ["voice", ownVoice(config.voice) !== null, "voice"],
    ["speed", config.speed !== 1, "speed"],
    ["modality", config.modality === "text", "text"],
    // They are the agent's own; a client tool of the same name is called.
    ["tools", config.tools.length > 0, null],
    ["toolChoice", config.toolChoice !== "auto", null],
    ["maxOutputTokens", config.maxOutputTokens !== "inf", null],
  ];
  return asked.flatMap(([field, says, by]) => (says && (by === null || !overrides.has(by)) ? [field] : []));
}

/** Members that a changed configuration changes: nothing of an agent changes in mid-call. */
export function changed(before: UpstreamConfig, after: UpstreamConfig): readonly string[] {
  const fields = [
    "instructions",
    "voice",
    "speed",
    "modality",
    "tools",
    "toolChoice",
    "maxOutputTokens",
  ] as const;
  return fields.filter((field) => JSON.stringify(before[field]) !== JSON.stringify(after[field]));
}
