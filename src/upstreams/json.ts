/** Reading members of a provider's JSON without trusting their types. */
import { isJsonObject, type Json, type JsonObject } from "../protocol/json.ts";

/** Longest identifier, code or reason taken from a provider: bounds what the adapter's maps can hold. */
const MAX_NAME_CHARS = 256;

export function objectAt(object: JsonObject | null, key: string): JsonObject | null {
  const value = object?.[key];
  return isJsonObject(value) ? value : null;
}

export function objectsAt(object: JsonObject | null, key: string): readonly JsonObject[] {
  const value = object?.[key];
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

export function textAt(object: JsonObject | null, key: string): string | null {
  const value = object?.[key];
  return typeof value === "string" ? value : null;
}

/** An identifier or code word: a string of 1 to 256 characters, else null. */
export function nameAt(object: JsonObject | null, key: string): string | null {
  const value = textAt(object, key);
  return value !== null && value.length > 0 && value.length <= MAX_NAME_CHARS ? value : null;
}

/** A whole number from 0, else null. */
export function indexAt(object: JsonObject | null, key: string): number | null {
  const value = object?.[key];
  return typeof value === "number" && Number.isInteger(value) && value >= 0 ? value : null;
}

/** `over` laid on `under`: objects merge, everything else replaces. */
export function mergeDeep(under: JsonObject, over: JsonObject): JsonObject {
  const merged: Record<string, Json> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    if (key === "__proto__") continue;
    const old = merged[key];
    merged[key] = isJsonObject(old) && isJsonObject(value) ? mergeDeep(old, value) : value;
  }
  return merged;
}

/** Puts `value` in, and the oldest entry out when there are more than `limit`. */
export function remember<K, V>(map: Map<K, V>, key: K, value: V, limit: number): void {
  map.set(key, value);
  if (map.size <= limit) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}
