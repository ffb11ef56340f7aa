/** What was used, in the shape of the Realtime dialect. */
import { indexAt } from "../json.ts";
import type { JsonObject } from "../upstream.ts";

/** Of a model that reads and writes text; `total_tokens` of its `usage`, where it has that. */
export function textTokens(
  usage: JsonObject | null,
  input: number,
  output: number,
  cached: number,
): JsonObject {
  return {
    total_tokens: indexAt(usage, "total_tokens") ?? input + output,
    input_tokens: input,
    output_tokens: output,
    input_token_details: { text_tokens: input, cached_tokens: cached },
    output_token_details: { text_tokens: output },
  };
}
