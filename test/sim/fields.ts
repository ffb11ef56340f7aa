import { isJsonObject, type Json, type JsonObject } from "../../src/protocol/json.ts";

/** The members of a value that should be an object; none when it is not. */
export function fields(value: unknown): JsonObject {
  return isJsonObject(value as Json | undefined) ? (value as JsonObject) : {};
}

/** A member that should be a name, as text. */
export function text(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}
