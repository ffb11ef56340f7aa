/**
 * Flat fields of the 2024 beta dialect. The GA provider refuses each by name; kept as unknown keys they would be shown
 * as if they were in force, beside the settings that are. A client that says so speaks the beta (src/dialects/openai-beta).
 */
import { ClientError } from "./client-error.ts";
import type { JsonObject } from "./json.ts";

type Replacements = Readonly<Record<string, string | null>>;

/** What stands for each in GA; null: nothing. */
const SESSION_FIELDS: Replacements = {
  modalities: "output_modalities",
  voice: "audio.output.voice",
  speed: "audio.output.speed",
  input_audio_format: "audio.input.format",
  input_audio_transcription: "audio.input.transcription",
  input_audio_noise_reduction: "audio.input.noise_reduction",
  turn_detection: "audio.input.turn_detection",
  output_audio_format: "audio.output.format",
  max_response_output_tokens: "max_output_tokens",
  temperature: null,
};
const RESPONSE_FIELDS: Replacements = {
  modalities: "output_modalities",
  voice: "audio.output.voice",
  output_audio_format: "audio.output.format",
  max_response_output_tokens: "max_output_tokens",
  temperature: null,
};
const FIELDS = { session: SESSION_FIELDS, response: RESPONSE_FIELDS };

/** @throws ClientError for the first flat field that is set. One that is null says nothing. */
export function refuseBetaFields(object: JsonObject, where: keyof typeof FIELDS): void {
  for (const [field, replacement] of Object.entries(FIELDS[where])) {
    if ((object[field] ?? null) === null) continue;
    const param = `${where}.${field}`;
    const instead =
      replacement === null ? "the GA dialect has no such field" : `use '${where}.${replacement}'`;
    throw new ClientError(
      "unknown_parameter",
      `Unknown parameter: '${param}' is of the beta dialect (OpenAI-Beta: realtime=v1); ${instead}.`,
      param,
    );
  }
}

export function isBetaSessionField(key: string): boolean {
  return Object.hasOwn(SESSION_FIELDS, key);
}
