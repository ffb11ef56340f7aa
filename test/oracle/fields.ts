/** Members of JSON that came from outside. */
import { isJsonObject, type Json, type JsonObject } from "../../src/protocol/json.ts";

/** Empty for what is no object. */
export function objectOf(value: Json | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

/** Empty for what is no text. */
export function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

/** Null for what is no JSON object. */
export function parsed(text: string): JsonObject | null {
  try {
    const value = JSON.parse(text) as Json;
    return isJsonObject(value) ? value : null;
  } catch {
    return null;
  }
}

export function without(object: JsonObject, ...keys: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)));
}

/** A copy with `visit` done at every object within, from the inside out. */
export function deep(value: JsonObject, visit: (object: JsonObject) => JsonObject): JsonObject {
  const inner = Object.entries(value).map(([key, member]): [string, Json] => [key, deepIn(member, visit)]);
  return visit(Object.fromEntries(inner));
}

function deepIn(value: Json, visit: (object: JsonObject) => JsonObject): Json {
  if (isJsonObject(value)) return deep(value, visit);
  return Array.isArray(value) ? value.map((inner) => deepIn(inner, visit)) : value;
}
