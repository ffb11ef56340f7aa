/** The flat session of a vLLM-Omni client, as the session's own. */
import { ClientError } from "../../protocol/client-error.ts";
import { isJsonObject, type Json, type JsonObject } from "../../protocol/json.ts";

/** Where it stands in the session's own shape. What is not here has its name there, too. */
const PLACED = new Set([
  "model",
  "modalities",
  "input_audio_format",
  "output_audio_format",
  "sample_rate_hz",
  "audio",
  "turn_detection",
  "voice",
  // Of the model's server alone.
  "session_id",
  "ref_audio",
  "temperature",
  "overlap_policy",
  "playback_commit_policy",
  "idle_timeout_s",
  "extra_body",
]);

/** @throws ClientError naming the field. */
export function toSession(given: JsonObject): JsonObject {
  const { modalities, turn_detection, voice } = given;
  const inputFormat = formatOf(given, "input");
  const outputFormat = formatOf(given, "output");
  const input = {
    ...(inputFormat && { format: inputFormat }),
    // Null is what its client says unless it is told otherwise: the model, or the client's commit, ends a turn.
    ...(turn_detection !== undefined && { turn_detection }),
  };
  const output = {
    ...(outputFormat && { format: outputFormat }),
    ...((voice ?? null) !== null && { voice }),
  };
  return {
    ...Object.fromEntries(Object.entries(given).filter(([name]) => !PLACED.has(name))),
    ...(Array.isArray(modalities) && {
      output_modalities: [modalities.includes("audio") ? "audio" : "text"],
    }),
    audio: { input, output },
  };
}

/** `auto_response` of `extra_body`; null: it says nothing of it. */
export function answersCommits({ extra_body }: JsonObject): boolean | null {
  const answers = isJsonObject(extra_body) ? extra_body["auto_response"] : null;
  return typeof answers === "boolean" ? answers : null;
}

/** The encoding is a field of its own, and so is the rate, whose place differs. @throws ClientError */
function formatOf(given: JsonObject, side: "input" | "output"): Json {
  const param = `${side}_audio_format`;
  const encoding = given[param] ?? null;
  const rate = rateOf(given, side);
  if (encoding === null && rate === null) return null;
  if (encoding !== null && encoding !== "pcm16")
    throw new ClientError("invalid_value", `Invalid 'session.${param}': expected pcm16.`, `session.${param}`);
  return { type: "audio/pcm", rate: rate ?? (side === "input" ? 16_000 : 24_000) };
}

function rateOf({ audio, sample_rate_hz }: JsonObject, side: "input" | "output"): Json {
  const own = isJsonObject(audio) ? audio[side] : null;
  const rate = isJsonObject(own) ? (own["sample_rate_hz"] ?? null) : null;
  return rate ?? (side === "input" ? (sample_rate_hz ?? null) : null);
}
