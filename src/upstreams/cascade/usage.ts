/** What an answer cost, in the shape of the Realtime dialect: the text model's tokens, and the characters that were spoken. */
import { textTokens } from "../common/usage.ts";
import { indexAt, objectAt } from "../json.ts";
import type { JsonObject } from "../upstream.ts";

/** Null: nothing was told and nothing was spoken. */
export function usageOf(usage: JsonObject | null, speechCharacters: number): JsonObject | null {
  if (usage === null && speechCharacters === 0) return null;
  const input = indexAt(usage, "prompt_tokens") ?? 0;
  const output = indexAt(usage, "completion_tokens") ?? 0;
  const cached = indexAt(objectAt(usage, "prompt_tokens_details"), "cached_tokens") ?? 0;
  return { ...textTokens(usage, input, output, cached), speech_characters: speechCharacters };
}
