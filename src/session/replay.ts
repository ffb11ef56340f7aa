/** The conversation as text, for an upstream that has to be told what was said before it came. */
import { isJsonObject, type Json, type JsonObject } from "../protocol/json.ts";
import type { Command, Item } from "../upstreams/upstream.ts";
import type { Entry } from "./conversation.ts";

/** Audio parts become their transcripts; what has no words is left out. */
export function replayCommands(entries: readonly Entry[]): readonly Command[] {
  const commands: Command[] = [];
  for (const entry of entries) {
    const item = entry.growing ? null : asText(entry.item);
    if (item) commands.push({ type: "item", item, previousItemId: null });
  }
  return commands;
}

function asText(item: Item): Item | null {
  const content = item["content"];
  if (item.type !== "message") return item;
  if (!Array.isArray(content)) return null;
  const parts = content
    .map((part: Json) => (isJsonObject(part) ? partAsText(part) : null))
    .filter((part) => part !== null);
  return parts.length > 0 ? { ...item, content: parts } : null;
}

function partAsText(part: JsonObject): JsonObject | null {
  if (part["type"] !== "input_audio" && part["type"] !== "output_audio") return part;
  const transcript = part["transcript"];
  if (typeof transcript !== "string" || transcript === "") return null;
  return { type: part["type"] === "input_audio" ? "input_text" : "output_text", text: transcript };
}
