/** Items as they are told in words. */
import { isJsonObject, type Json, type JsonObject } from "../../protocol/json.ts";
import type { Item } from "../../upstreams/upstream.ts";
import { cutAt, wordsHeard, type Entry } from "../memory/entry.ts";

/** Audio parts become their transcripts; null when nothing of it has words. */
export function asText(entry: Entry): Item | null {
  const { item } = entry;
  if (cutAt(entry) !== null) return heardOnly(entry);
  const content = item["content"];
  if (item.type !== "message") return item;
  if (!Array.isArray(content)) return null;
  const parts = content
    .map((part: Json) => (isJsonObject(part) ? partAsText(part) : null))
    .filter((part) => part !== null);
  return parts.length > 0 ? { ...item, content: parts } : null;
}

/** Of an answer that was cut, what the listener heard, and what could be read beside it. */
export function heardOnly(entry: Entry): Item | null {
  const content = entry.item["content"];
  const heard = wordsHeard(entry);
  const words = heard === "" ? [] : [{ type: "output_text", text: heard }];
  const shown: readonly Json[] = Array.isArray(content) ? content : [];
  const at = shown.findIndex(isSpoken);
  const parts = shown.flatMap((part, index) => (index === at ? words : isSpoken(part) ? [] : [part]));
  if (at < 0) parts.push(...words);
  return parts.length > 0 ? { ...entry.item, content: parts } : null;
}

function isSpoken(part: Json): boolean {
  return isJsonObject(part) && part["type"] === "output_audio";
}

/** Characters of what of it can be told in words; null: nothing. Of anything but messages: zero. */
export function lengthOf(item: Item): number | null {
  const content = item["content"];
  if (item.type !== "message") return 0;
  if (!Array.isArray(content)) return null;
  const lengths = content.flatMap((part: Json) => {
    const words = isJsonObject(part) ? partAsText(part) : null;
    return words === null ? [] : [typeof words["text"] === "string" ? words["text"].length : 0];
  });
  return lengths.length > 0 ? lengths.reduce((sum, length) => sum + length, 0) : null;
}

function partAsText(part: JsonObject): JsonObject | null {
  if (part["type"] !== "input_audio" && part["type"] !== "output_audio") return part;
  const transcript = part["transcript"];
  if (typeof transcript !== "string" || transcript === "") return null;
  return { type: part["type"] === "input_audio" ? "input_text" : "output_text", text: transcript };
}
