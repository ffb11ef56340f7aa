/** Reading untrusted JSON without casts: a missing or wrongly typed field reads as null. */
import { isJsonObject, type Json, type JsonObject } from "../protocol/json.ts";

export { isJsonObject, parseJsonObject, type Json, type JsonObject } from "../protocol/json.ts";

export function objectAt(object: JsonObject | null, key: string): JsonObject | null {
  const value = object?.[key];
  return isJsonObject(value) ? value : null;
}

export function arrayAt(object: JsonObject | null, key: string): readonly Json[] {
  const value = object?.[key];
  return Array.isArray(value) ? value : [];
}

export function stringAt(object: JsonObject | null, key: string): string | null {
  const value = object?.[key];
  return typeof value === "string" ? value : null;
}

export function numberAt(object: JsonObject | null, key: string): number | null {
  const value = object?.[key];
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}
