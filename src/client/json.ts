/** Reading untrusted JSON without casts: a missing or wrongly typed field reads as null. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** The JSON object in `text`, or null where it is anything else. */
export function parseObject(text: string): JsonObject | null {
  try {
    const value: Json = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function objectAt(object: JsonObject | null, key: string): JsonObject | null {
  const value = object?.[key];
  return isObject(value) ? value : null;
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
