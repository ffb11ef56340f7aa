/** An item of the conversation, as the call tells it. */
import type { CallEventMap } from "./events.ts";
import { arrayAt, isJsonObject, stringAt, type JsonObject } from "./json.ts";

/** Null: it has no name. */
export function itemOf(item: JsonObject | null): CallEventMap["item"] | null {
  const id = stringAt(item, "id");
  if (id === null) return null;
  const texts = arrayAt(item, "content").map((part) =>
    isJsonObject(part) ? (stringAt(part, "text") ?? stringAt(part, "transcript")) : null,
  );
  const text = texts.filter((part) => part !== null).join("\n");
  return {
    id,
    type: stringAt(item, "type") ?? "",
    role: stringAt(item, "role"),
    text: text === "" ? null : text,
    name: stringAt(item, "name"),
  };
}
