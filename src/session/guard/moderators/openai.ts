/** OpenAI's moderation endpoint (`POST /v1/moderations`), or one that answers like it. */
import { isJsonObject, type Json } from "../../../protocol/json.ts";
import { categoryOf, NoVerdict, type RemoteModerator, type Verdict } from "./moderator.ts";
import type { OpenAiChoice } from "../../state/moderator-choice.ts";

export function openAiModerator({ url, headers, model, categories }: OpenAiChoice): RemoteModerator {
  return {
    ask: (text) => ({ type: "http", url, headers, body: { model, input: text } }),
    read: (answer) => {
      const results = isJsonObject(answer) ? answer["results"] : undefined;
      const result = Array.isArray(results) ? (results[0] as Json | undefined) : undefined;
      if (!isJsonObject(result) || typeof result["flagged"] !== "boolean")
        throw new NoVerdict("the answer has no result");
      return verdictOf(result, categories);
    },
  };
}

/** Of the categories that are flagged, the one with the highest score. */
function verdictOf(result: { readonly [key: string]: Json }, wanted: readonly string[] | undefined): Verdict {
  const { flagged, categories, category_scores: scores } = result;
  const named = isJsonObject(categories) ? Object.keys(categories) : [];
  const found = named
    .filter((name) => isJsonObject(categories) && categories[name] === true)
    .filter((name) => wanted === undefined || wanted.includes(name))
    .map((name) => ({ name, score: isJsonObject(scores) ? Number(scores[name] ?? 0) : 0 }))
    .sort((a, b) => b.score - a.score);
  const [first] = found;
  if (first) return categoryOf(first.name);
  return flagged === true && wanted === undefined ? categoryOf(undefined) : null;
}
