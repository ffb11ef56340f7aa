/** Items: what the agent said is `text` and `audio` in the beta, `output_text` and `output_audio` in the session. */
import { isJsonObject, type Json, type JsonObject } from "../../protocol/json.ts";

/** An item that a client creates. */
export function toItem(item: JsonObject): JsonObject {
  return item["role"] === "assistant"
    ? withParts(item, { text: "output_text", audio: "output_audio" })
    : item;
}

/** An item that a client is told. */
export function fromItem(item: JsonObject): JsonObject {
  return item["role"] === "assistant"
    ? withParts(item, { output_text: "text", output_audio: "audio" })
    : item;
}

function withParts(item: JsonObject, names: Readonly<Record<string, string>>): JsonObject {
  const content = item["content"];
  if (!Array.isArray(content)) return item;
  return {
    ...item,
    content: content.map((part: Json) => {
      const type = isJsonObject(part) ? part["type"] : undefined;
      const name = typeof type === "string" && Object.hasOwn(names, type) ? names[type] : undefined;
      return isJsonObject(part) && name !== undefined ? { ...part, type: name } : part;
    }),
  };
}
