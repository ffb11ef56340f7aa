/** What a session costs: it is paid by the second, and the model behind by its tokens. */
import { textTokens } from "../common/usage.ts";
import { indexAt, objectAt } from "../json.ts";
import type { JsonObject } from "../upstream.ts";

/** The seconds so far, of `session.usage.updated` and `session.closed`; null: none are stated. */
export function secondsOf(event: JsonObject): number | null {
  const seconds = objectAt(event, "usage")?.["seconds"];
  return typeof seconds === "number" && Number.isFinite(seconds) && seconds >= 0 ? seconds : null;
}

/** Of `response.completed` in the words of the Realtime dialect; null: nothing is stated. */
export function tokensUsed(response: JsonObject | null): JsonObject | null {
  const usage = objectAt(response, "usage");
  if (usage === null) return null;
  const [input, output] = [indexAt(usage, "input_tokens") ?? 0, indexAt(usage, "output_tokens") ?? 0];
  const cached = indexAt(objectAt(usage, "input_tokens_details"), "cached_tokens") ?? 0;
  return textTokens(usage, input, output, cached);
}
