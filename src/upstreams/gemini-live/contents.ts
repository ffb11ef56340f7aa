/** Items of the conversation as Gemini's contents: turns of `user` and `model` with parts. */
import { parseJsonObject } from "../../protocol/json.ts";
import { objectsAt, textAt } from "../json.ts";
import type { Item, JsonObject } from "../upstream.ts";

/** Null: nothing of it can be told. */
export function contentOf(item: Item): JsonObject | null {
  switch (item.type) {
    case "message": {
      const parts = objectsAt(item, "content").flatMap(partOf);
      const role = textAt(item, "role") === "assistant" ? "model" : "user";
      return parts.length > 0 ? { role, parts } : null;
    }
    case "function_call": {
      const args = parseJsonObject(textAt(item, "arguments") ?? "") ?? {};
      return { role: "model", parts: [{ functionCall: { ...callOf(item), args } }] };
    }
    case "function_call_output":
      return { role: "user", parts: [{ functionResponse: { ...callOf(item), response: outputOf(item) } }] };
    default:
      return null;
  }
}

/** What a tool returned: an object as it is, anything else under `output`. */
export function outputOf(item: Item): JsonObject {
  const output = textAt(item, "output") ?? "";
  return parseJsonObject(output) ?? { output };
}

function callOf(item: Item): JsonObject {
  return { ...idOf(textAt(item, "call_id")), name: textAt(item, "name") ?? "function" };
}

/** Names that are the relay's begin so: Google gave the call none (Vertex AI, models before Gemini 3), and takes none back. */
export const UNNAMED = "unnamed_";

/** The member by which Google knows a call, where it gave it a name. */
export function idOf(callId: string | null): JsonObject {
  return callId === null || callId.startsWith(UNNAMED) ? {} : { id: callId };
}

function partOf(part: JsonObject): readonly JsonObject[] {
  const text = textAt(part, "text") ?? textAt(part, "transcript");
  if (text !== null) return text === "" ? [] : [{ text }];
  const image = textAt(part, "image_url");
  const [, mimeType, data] = /^data:([\w.+/-]+);base64,([\w+/=-]+)$/.exec(image ?? "") ?? [];
  return mimeType === undefined || data === undefined ? [] : [{ inlineData: { mimeType, data } }];
}

/** `"9.5s"` in milliseconds, or null. */
export function durationMs(value: string | null): number | null {
  const seconds = /^(\d+(?:\.\d+)?)s$/.exec(value ?? "")?.[1];
  return seconds === undefined ? null : Math.round(Number(seconds) * 1000);
}
