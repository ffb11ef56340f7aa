/** What a question is about, as the strategy of a plan wants to know it. */
import { isJsonObject } from "../../protocol/json.ts";
import type { Entry } from "../memory/entry.ts";
import type { Question } from "../state/strategy.ts";

/** @param nameOf an upstream's name by its index. */
export function questionOf(
  entries: readonly Entry[],
  nameOf: (index: number) => string | undefined,
): Question {
  const at = entries.findLastIndex(({ origin }) => origin !== null);
  const last = entries[at];
  const since = entries.slice(at + 1);
  const words = since.filter(({ item }) => item["role"] === "user").flatMap(({ item }) => wordsOf(item));
  const goesOn = since.some(({ item }) => item.type === "function_call_output");
  return {
    last: (last && nameOf(last.origin ?? 0)) ?? null,
    goesOn: goesOn && words.length === 0,
    words: words.join(" "),
  };
}

function wordsOf({ content }: Entry["item"]): readonly string[] {
  if (!Array.isArray(content)) return [];
  const parts = content.filter((part) => isJsonObject(part));
  return parts.flatMap((part) => {
    const words = part["text"] ?? part["transcript"];
    return typeof words === "string" && words !== "" ? [words] : [];
  });
}
