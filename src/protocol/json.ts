/** JSON as values of known shape: what comes out of `JSON.parse` before a schema has looked at it. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject;
export type JsonObject = { readonly [key: string]: Json };

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value at a path of `value`'s own members: names that every object inherits (`valueOf`) are not there. */
export function ownAt(value: Json | undefined, path: readonly string[]): Json | undefined {
  let found = value;
  for (const key of path) found = isJsonObject(found) && Object.hasOwn(found, key) ? found[key] : undefined;
  return found;
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

/** What of a JSON text is more than is taken. */
export type JsonExcess = "levels" | "members";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Looks over JSON text before it is parsed: a parse of ten thousand levels or a million members is the work that is not to
 * be done. Text that is no JSON passes or not; the parser says what it is.
 * @returns what there is more of than `most`, and stops there; else how many members and elements there are, the first of
 * each object and list not counted.
 */
export function excessOf(
  text: string,
  most: { readonly levels: number; readonly members: number },
): JsonExcess | number {
  let levels = 0;
  let members = 0;
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = endOfString(text, at);
        break;
      case 0x7b: // {
      case 0x5b: // [
        if ((levels += 1) > most.levels) return "levels";
        break;
      case 0x7d: // }
      case 0x5d: // ]
        levels -= 1;
        break;
      case 0x2c: // ,
        if ((members += 1) >= most.members) return "members";
        break;
    }
  }
  return members;
}

/** The closing quote of the string that opens at `from`; the end of the text where there is none. */
export function endOfString(text: string, from: number): number {
  let end = text.indexOf('"', from + 1);
  while (end >= 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end < 0 ? text.length : end;
}

function isEscaped(text: string, at: number): boolean {
  let before = at - 1;
  while (text.charCodeAt(before) === BACKSLASH) before -= 1;
  return (at - 1 - before) % 2 === 1;
}

/** Whether `value` has no more than `depth` levels of objects and lists. Stops at the first that is deeper. */
export function isNestedWithin(value: Json, depth: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return depth > 0 && Object.values(value).every((inner: Json) => isNestedWithin(inner, depth - 1));
}

/** About the characters of `value` as JSON, without writing it. */
export function jsonSize(value: Json | undefined): number {
  if (typeof value === "string") return value.length + 2;
  if (typeof value !== "object" || value === null) return 6;
  let size = 2;
  if (Array.isArray(value)) for (const each of value as readonly Json[]) size += jsonSize(each) + 1;
  else for (const [key, each] of Object.entries(value)) size += key.length + 4 + jsonSize(each);
  return size;
}
