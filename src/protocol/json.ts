/** JSON as values of known shape: what comes out of `JSON.parse` before a schema has looked at it. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject;
export type JsonObject = { readonly [key: string]: Json };

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** U+FEFF, which some encoders put in front of all they write (RFC 8259 §8.1: a parser may ignore it). */
const BYTE_ORDER_MARK = 0xfeff;

/** The object that `text` spells, or null when it is no JSON or no object. */
export function parseJsonObject(text: string): JsonObject | null {
  try {
    const value: Json = JSON.parse(text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text);
    return isJsonObject(value) ? value : null;
  } catch {
    return null;
  }
}

/** Whether `value` has no more than `depth` levels of objects and lists. Stops at the first that is deeper. */
export function isNestedWithin(value: Json, depth: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return depth > 0 && Object.values(value).every((inner: Json) => isNestedWithin(inner, depth - 1));
}
