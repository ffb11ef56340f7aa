/** Items that a client creates: checked here, so that an upstream never has to refuse them. */
import { ClientError } from "../../protocol/client-error.ts";
import { isJsonObject, type Json, type JsonObject } from "../../protocol/json.ts";
import type { Item } from "../../upstreams/upstream.ts";

/** Content parts each role may bring. Assistant audio cannot be created (OpenAI Realtime GA). */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  system: ["input_text"],
  user: ["input_text", "input_audio", "input_image"],
  assistant: ["output_text"],
};
/** The member that each part must have, as a string. */
const MEMBER: Readonly<Record<string, string>> = {
  input_text: "text",
  output_text: "text",
  input_audio: "audio",
  input_image: "image_url",
};
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  function_call: ["name", "arguments", "call_id"],
  function_call_output: ["call_id", "output"],
};

/**
 * @returns the item with id, object and status set, as far as its kind has them.
 * @throws ClientError naming the field.
 */
export function checkItem(item: JsonObject, id: string, sizeLimit: number): Item {
  const type = item["type"];
  if (typeof type !== "string") {
    throw new ClientError(
      "missing_required_parameter",
      "Missing required parameter: 'item.type'.",
      "item.type",
    );
  }
  if (type === "message") checkMessage(item);
  else {
    for (const field of REQUIRED[type] ?? []) requireString(item[field], `item.${field}`);
    if (!REQUIRED[type] && !type.startsWith("mcp_")) {
      throw new ClientError("invalid_value", `Invalid 'item.type': '${type.slice(0, 64)}'.`, "item.type");
    }
  }
  if (JSON.stringify(item).length > sizeLimit) {
    throw new ClientError("item_too_large", `The item is larger than ${sizeLimit} characters.`, "item");
  }
  // Items of MCP have neither in the provider's types, and are sent to it as they are.
  if (type.startsWith("mcp_")) return { ...item, id, type };
  return { ...item, id, type, object: "realtime.item", status: "completed" };
}

function checkMessage(item: JsonObject): void {
  const role = item["role"];
  const allowed = typeof role === "string" ? PARTS[role] : undefined;
  if (!allowed) {
    throw new ClientError(
      "invalid_value",
      "Invalid 'item.role': expected 'system', 'user' or 'assistant'.",
      "item.role",
    );
  }
  const content = item["content"];
  if (!Array.isArray(content)) {
    throw new ClientError("invalid_type", "Invalid 'item.content': expected an array.", "item.content");
  }
  content.forEach((part: Json, index: number) => checkPart(part, `item.content[${index}]`, allowed));
}

function checkPart(part: Json, path: string, allowed: readonly string[]): void {
  const type = isJsonObject(part) ? part["type"] : undefined;
  if (!isJsonObject(part) || typeof type !== "string" || !allowed.includes(type)) {
    const expected = allowed.map((name) => `'${name}'`).join(", ");
    throw new ClientError("invalid_value", `Invalid '${path}.type': expected ${expected}.`, `${path}.type`);
  }
  const member = MEMBER[type];
  if (member === undefined) return;
  requireString(part[member], `${path}.${member}`);
  if (member === "audio" && !isBase64(part[member])) {
    throw new ClientError(
      "invalid_value",
      `Invalid '${path}.audio': expected base64 (RFC 4648 §4).`,
      `${path}.audio`,
    );
  }
}

function isBase64(value: Json | undefined): boolean {
  try {
    return typeof value === "string" && Uint8Array.fromBase64(value) !== null;
  } catch {
    return false;
  }
}

function requireString(value: Json | undefined, path: string): void {
  if (value === undefined) {
    throw new ClientError("missing_required_parameter", `Missing required parameter: '${path}'.`, path);
  }
  if (typeof value !== "string") {
    throw new ClientError("invalid_type", `Invalid '${path}': expected a string.`, path);
  }
}
