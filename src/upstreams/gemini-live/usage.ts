/** What Gemini says a turn cost, in OpenAI's shape. */
import { objectsAt, textAt } from "../json.ts";
import type { JsonObject } from "../upstream.ts";

/** A whole number from 0 of an object's member, else 0. */
function countAt(object: JsonObject, key: string): number {
  const value = object[key];
  return typeof value === "number" && Number.isFinite(value) && value > 0 ? Math.floor(value) : 0;
}

function modality(details: readonly JsonObject[], name: string): number {
  const found = details.filter((detail) => textAt(detail, "modality") === name);
  return found.reduce((sum, detail) => sum + countAt(detail, "tokenCount"), 0);
}

/** `usageMetadata` in OpenAI's shape. Thoughts are text that was put out. */
export function usageOf(metadata: JsonObject): JsonObject {
  const asked = objectsAt(metadata, "promptTokensDetails");
  const said = objectsAt(metadata, "responseTokensDetails");
  const input = countAt(metadata, "promptTokenCount") + countAt(metadata, "toolUsePromptTokenCount");
  const output = countAt(metadata, "responseTokenCount") + countAt(metadata, "thoughtsTokenCount");
  const audio = modality(said, "AUDIO");
  return {
    total_tokens: input + output,
    input_tokens: input,
    output_tokens: output,
    input_token_details: {
      cached_tokens: countAt(metadata, "cachedContentTokenCount"),
      text_tokens: modality(asked, "TEXT"),
      audio_tokens: modality(asked, "AUDIO"),
      image_tokens: modality(asked, "IMAGE"),
    },
    output_token_details: { text_tokens: Math.max(0, output - audio), audio_tokens: audio },
  };
}
