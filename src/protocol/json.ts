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
export type JsonExcess = "levels" | "members" | "escapes" | "outside";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Characters that are looked at one by one after an escape: others are seldom alone. */
const NEAR = 256;

/** How much of each is taken. */
export interface JsonMost {
  readonly levels: number;
  readonly members: number;
  /** Backslashes: each is looked at here and by the parser. */
  readonly escapes: number;
  /** Characters that are in no string: white space, digits, braces. */
  readonly outside: number;
}

/**
 * Looks over JSON text before it is parsed: a parse of ten thousand levels or a million members is the work that is not to
 * be done. Text that is no JSON passes or not; the parser says what it is.
 * @returns what there is more of than `most`, and stops there; else how many members and elements there are, the first of
 * each object and list not counted.
 */
export function excessOf(text: string, most: JsonMost): JsonExcess | number {
  let levels = 0;
  let members = 0;
  let outside = 0;
  const strings = new JsonStrings(text, most.escapes);
  for (let at = 0; at < text.length; at += 1) {
    if ((outside += 1) > most.outside) return "outside";
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = strings.end(at);
        if (strings.excess) return "escapes";
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

/** Strings in a text, each passed over in one search where it has no escapes, and in linear time where it has. */
export class JsonStrings {
  readonly #text: string;
  readonly #most: number;
  #escapes = 0;
  /** The next of each, at or after the place that was looked at last. */
  #quote = -1;
  #slash = -1;

  constructor(text: string, most: number) {
    this.#text = text;
    this.#most = most;
  }

  /** There are more escapes than are taken. */
  get excess(): boolean {
    return this.#escapes > this.#most;
  }

  /** The closing quote of the string that opens at `from`; the end of the text where there is none, or too many escapes. */
  end(from: number): number {
    const { length } = this.#text;
    let at = from + 1;
    while (at < length && !this.excess) {
      if (this.#quote < at) this.#quote = this.#next('"', at);
      if (this.#slash < at) this.#slash = this.#next("\\", at);
      if (this.#quote < this.#slash || this.#slash === length) return this.#quote;
      at = this.#near(this.#slash);
      if (this.#text.charCodeAt(at) === QUOTE) return at;
    }
    return length;
  }

  #next(what: string, at: number): number {
    const found = this.#text.indexOf(what, at);
    return found < 0 ? this.#text.length : found;
  }

  /** @returns the closing quote, where it is near; else where to go on. */
  #near(from: number): number {
    const stop = Math.min(this.#text.length, from + NEAR);
    let at = from;
    for (; at < stop; at += 1) {
      const code = this.#text.charCodeAt(at);
      if (code === QUOTE) return at;
      if (code !== BACKSLASH) continue;
      this.#escapes += 1;
      at += 1;
    }
    return at;
  }
}

/** Whether `value` has no more than `depth` levels of objects and lists. Stops at the first that is deeper. */
export function isNestedWithin(value: Json, depth: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return depth > 0 && Object.values(value).every((inner: Json) => isNestedWithin(inner, depth - 1));
}

/** Sizes that were asked for, and those of what is long in counting. JSON never changes once it is read: it has one size. */
const SIZES = new WeakMap<object, number>();
/** From so many members on. */
const LONG = 64;

/** About the characters of `value` as JSON, without writing it, and counted once. */
export function jsonSize(value: Json | undefined): number {
  const size = sizeOf(value);
  if (typeof value === "object" && value !== null) SIZES.set(value, size);
  return size;
}

function sizeOf(value: Json | undefined): number {
  if (typeof value === "string") return value.length + 2;
  if (typeof value !== "object" || value === null) return 6;
  return SIZES.get(value) ?? counted(value);
}

function counted(value: readonly Json[] | JsonObject): number {
  let size = 2;
  // No list of pairs: ten thousand members would be as many lists.
  const keys = Array.isArray(value) ? null : Object.keys(value);
  if (keys === null) for (const each of value as readonly Json[]) size += sizeOf(each) + 1;
  else for (const key of keys) size += key.length + 4 + sizeOf((value as JsonObject)[key]);
  if ((keys ?? (value as readonly Json[])).length >= LONG) SIZES.set(value, size);
  return size;
}

/** Whether two values say the same. What is shared is not looked into; a member that is `undefined` is not there. */
export function sameJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) return sameLists(a, b);
  return sameObjects(a as JsonObject, b as JsonObject);
}

function sameLists(a: unknown, b: unknown): boolean {
  if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
  return (a as readonly Json[]).every((each, at) => sameJson(each, (b as readonly Json[])[at]));
}

function sameObjects(a: JsonObject, b: JsonObject): boolean {
  for (const key of Object.keys(a)) if (!sameJson(a[key], ownAt(b, [key]))) return false;
  // All of `a` is in `b`: what else `b` has makes them differ.
  return Object.keys(b).every((key) => b[key] === undefined || Object.hasOwn(a, key));
}
