/** The session in the words of `session.update`: the whole of it opens one, and a part of it changes what can change. */
import { mergeDeep, nameAt } from "../json.ts";
import type { Json, JsonObject, UpstreamConfig } from "../upstream.ts";
import { isJsonObject } from "../../protocol/json.ts";
import type { DuplexSettings } from "./settings.ts";

export const OUTPUT_RATE_HZ = 24_000;

export function openMessage(settings: DuplexSettings, config: UpstreamConfig): JsonObject {
  const { model, input } = settings;
  const session: JsonObject = {
    model,
    modalities: modalities(config),
    input_audio_format: "pcm16",
    output_audio_format: "pcm16",
    // The rate of the caller's audio is read here, that of the model's below.
    sample_rate_hz: input.rate,
    audio: { input: { sample_rate_hz: input.rate }, output: { sample_rate_hz: OUTPUT_RATE_HZ } },
    turn_detection: null,
    playback_commit_policy: "ack_only",
    extra_body: { auto_response: true, native_duplex: true },
    ...Object.fromEntries(said(config)),
  };
  return { type: "session.update", session: mergeDeep(session, settings.session) };
}

/** Members of the session that a configuration has, with the names that the session here knows them by. */
const MEMBERS: readonly (readonly [field: keyof UpstreamConfig, member: string])[] = [
  ["instructions", "instructions"],
  ["voice", "voice"],
  ["tools", "tools"],
  ["toolChoice", "tool_choice"],
  ["maxOutputTokens", "max_response_output_tokens"],
];

const UNSAID: Readonly<Record<string, string>> = {
  instructions: '""',
  voice: "null",
  tools: "[]",
  toolChoice: '"auto"',
  maxOutputTokens: '"inf"',
};

function said(config: UpstreamConfig): readonly (readonly [string, Json])[] {
  return MEMBERS.flatMap(([field, member]) =>
    JSON.stringify(valueOf(config, field)) === UNSAID[field] ? [] : [[member, valueOf(config, field)]],
  );
}

/** What changed, and under which of the session's names; null: nothing that it is told. */
export function changeMessage(
  before: UpstreamConfig,
  config: UpstreamConfig,
): { readonly session: JsonObject; readonly fields: readonly string[] } | null {
  const changed = MEMBERS.filter(
    ([field]) => JSON.stringify(valueOf(before, field)) !== JSON.stringify(valueOf(config, field)),
  );
  if (changed.length === 0) return null;
  const session = Object.fromEntries(changed.map(([field, member]) => [member, valueOf(config, field)]));
  return { session, fields: changed.map(([field]) => field) };
}

function valueOf(config: UpstreamConfig, field: keyof UpstreamConfig): Json {
  if (field !== "voice") return config[field];
  return isJsonObject(config.voice) ? nameAt(config.voice, "id") : config.voice;
}

function modalities({ modality }: UpstreamConfig): readonly string[] {
  return modality === "text" ? ["text"] : ["audio", "text"];
}
