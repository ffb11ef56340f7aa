/** Llama Guard on Workers AI (`@cf/meta/llama-guard-3-8b`), or a model of its interface. */
import { isJsonObject, type Json } from "../../../protocol/json.ts";
import { categoryOf, NoVerdict, type RemoteModerator } from "./moderator.ts";
import type { WorkersAiChoice } from "../../state/moderator-choice.ts";

export function workersAiModerator({ binding, model }: WorkersAiChoice): RemoteModerator {
  return {
    ask: (text) => ({
      type: "service",
      binding,
      model,
      // The roles alternate and begin with the user's: words of either side are judged as they stand.
      input: { messages: [{ role: "user", content: text }], max_tokens: 32, temperature: 0 },
    }),
    read: (answer) => {
      const said = isJsonObject(answer) ? answer["response"] : undefined;
      if (isJsonObject(said) && typeof said["safe"] === "boolean")
        return said["safe"] ? null : categoryOf(firstOf(said["categories"]));
      const [verdict = "", categories = ""] = typeof said === "string" ? said.trim().split(/\s+/) : [];
      if (verdict.toLowerCase() === "safe") return null;
      if (verdict.toLowerCase() === "unsafe") return categoryOf(categories.split(",")[0]);
      throw new NoVerdict("the answer is neither safe nor unsafe");
    },
  };
}

function firstOf(list: Json | undefined): Json | undefined {
  return Array.isArray(list) ? (list[0] as Json | undefined) : undefined;
}
