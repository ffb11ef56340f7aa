/**
 * JSON Schema as Google's subset of OpenAPI's. A member that Google does not have, or not there, is refused, and the session with
 * it. What is left out says less of a parameter; the function is called all the same.
 */
import { isJsonObject, type Json } from "../../protocol/json.ts";
import { textAt } from "../json.ts";
import type { JsonObject } from "../upstream.ts";

/** Members of Google's `Schema` whose value is taken as it is, if it is one of these (types of `@google/genai` 3.3). */
const PLAIN: Readonly<Record<string, "string" | "number">> = {
  title: "string",
  description: "string",
  pattern: "string",
  minimum: "number",
  maximum: "number",
  minItems: "number",
  maxItems: "number",
  minLength: "number",
  maxLength: "number",
};
/** A parameter of which nothing is known can be any value: it is said in words. */
const ANYTHING = { type: "STRING" } as const;
/** Any other one is refused. */
const FORMATS: Readonly<Record<string, ReadonlySet<string>>> = {
  STRING: new Set(["enum", "date-time"]),
  NUMBER: new Set(["float", "double"]),
  INTEGER: new Set(["int32", "int64"]),
};
const TYPES: ReadonlySet<string> = new Set(["STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT"]);
const MAX_DEPTH = 16;
/** Members of schemas that are read of all functions of a session: references may lead to the same place again and again. */
const MAX_MEMBERS = 8192;
/** More members than a schema has, and more that it is all of. */
const MOST = 64;
const REFERENCE = /^#\/(\$defs|definitions)\/([^/]+)$/;

/** So many members may still be read. */
export interface Room {
  left: number;
}

export const roomForAll = (): Room => ({ left: MAX_MEMBERS });

/** The parameters of a function; null: it has none, which Google wants to be told by silence. */
export function parametersOf(source: JsonObject | null, room: Room): JsonObject | null {
  if (source === null) return null;
  const reader = new Reader(source, room);
  const schema = reader.read(source, 0);
  const { properties } = schema;
  return isJsonObject(properties) && Object.keys(properties).length > 0 ? schema : null;
}

class Reader {
  readonly #root: JsonObject;
  readonly #room: Room;
  /** What is referred to on the way to here. */
  readonly #within: string[] = [];

  constructor(root: JsonObject, room: Room) {
    this.#root = root;
    this.#room = room;
  }

  read(given: JsonObject, depth: number): JsonObject {
    if (depth > MAX_DEPTH || this.#room.left <= 0) return ANYTHING;
    const source = this.#whole(given);
    this.#room.left -= 1 + Object.keys(source).length;
    const entered = this.#within.length;
    this.#within.push(...[given, ...allOf(given)].flatMap((one) => textAt(one, "$ref") ?? []));
    const schema = this.#schema(source, depth);
    this.#within.length = entered;
    return schema;
  }

  #schema(source: JsonObject, depth: number): JsonObject {
    const out: Record<string, Json> = {};
    for (const [key, value] of Object.entries(source)) {
      if (key === "default" || (Object.hasOwn(PLAIN, key) && typeof value === PLAIN[key])) out[key] = value;
    }
    const types = ([] as Json[]).concat(source["type"] ?? []).filter((type) => typeof type === "string");
    const known = types.map((type) => type.toUpperCase()).find((type) => TYPES.has(type));
    const any = alternativesOf(source);
    const real = any.filter((one) => one["type"] !== "null");
    if (types.includes("null") || source["nullable"] === true || real.length < any.length)
      out["nullable"] = true;
    // "This, or null" is this.
    if (real.length === 1) {
      const { anyOf: _any, oneOf: _one, $ref: _ref, allOf: _all, ...rest } = source;
      return this.read({ ...real[0], ...rest, nullable: out["nullable"] === true }, depth + 1);
    }
    const type = known ?? typeBy(source);
    // Beside what it may be Google takes nothing else of it.
    if (type === null && real.length > 1)
      return {
        anyOf: real.flatMap((one) => this.#alternatives(one, depth)).map((one) => ({ ...out, ...one })),
      };
    out["type"] = type ?? ANYTHING.type;
    this.#members(source, type, depth, out);
    describeValues(source, out);
    return out;
  }

  #alternatives(one: JsonObject, depth: number): readonly JsonObject[] {
    const schema = this.read(one, depth + 1);
    return schema["anyOf"] === undefined ? [schema] : alternativesOf(schema);
  }

  /** With what it refers to, and all of what it is all of. */
  #whole(source: JsonObject): JsonObject {
    const parts = [source, ...allOf(source)].map((one) => ({ ...this.#meant(one), ...one }));
    return parts.reduceRight((whole, part) => ({ ...whole, ...part }), {});
  }

  #meant(source: JsonObject): JsonObject {
    const reference = textAt(source, "$ref") ?? "";
    const [, group = "", name = ""] = REFERENCE.exec(reference) ?? [];
    const groups = this.#root[group];
    const meant = isJsonObject(groups) && Object.hasOwn(groups, name) ? groups[name] : null;
    if (!isJsonObject(meant) || Object.keys(meant).length > MOST) return {};
    // A tree is not told of for ever.
    return this.#within.includes(reference) ? { type: meant["type"] ?? null } : meant;
  }

  #members(source: JsonObject, type: string | null, depth: number, out: Record<string, Json>): void {
    const { items, properties, required } = source;
    if (type === "ARRAY") out["items"] = isJsonObject(items) ? this.read(items, depth + 1) : ANYTHING;
    if (type !== "OBJECT" || !isJsonObject(properties)) return;
    const members = Object.entries(properties).filter(([, member]) => isJsonObject(member));
    if (members.length === 0) return;
    out["properties"] = Object.fromEntries(
      members.map(([name, member]) => [name, isJsonObject(member) ? this.read(member, depth + 1) : {}]),
    );
    const named = new Set(members.map(([name]) => name));
    const needed = Array.isArray(required)
      ? required.filter((name) => typeof name === "string" && named.has(name))
      : [];
    if (needed.length > 0) out["required"] = needed;
  }
}

function allOf(source: JsonObject): readonly JsonObject[] {
  return Array.isArray(source["allOf"]) ? source["allOf"].slice(0, MOST).filter(isJsonObject) : [];
}

function alternativesOf(source: JsonObject): readonly JsonObject[] {
  const any = source["anyOf"] ?? source["oneOf"];
  return Array.isArray(any) ? any.slice(0, MOST).filter(isJsonObject) : [];
}

/** What a schema that does not say it can only be. */
function typeBy(source: JsonObject): string | null {
  if (isJsonObject(source["properties"])) return "OBJECT";
  if (isJsonObject(source["items"])) return "ARRAY";
  const values = valuesOf(source).filter((value) => value !== null);
  const are = (is: (value: Json) => boolean): boolean => values.length > 0 && values.every(is);
  if (are((value) => typeof value === "string")) return "STRING";
  if (are(Number.isInteger)) return "INTEGER";
  if (are((value) => typeof value === "number")) return "NUMBER";
  return are((value) => typeof value === "boolean") ? "BOOLEAN" : null;
}

function valuesOf(source: JsonObject): readonly Json[] {
  if (source["const"] !== undefined) return [source["const"]];
  return Array.isArray(source["enum"]) ? source["enum"] : [];
}

/** Google lists values of texts alone; others are said in words. */
function describeValues(source: JsonObject, out: Record<string, Json>): void {
  const type = textAt(out, "type") ?? "";
  const { format } = source;
  if (typeof format === "string" && FORMATS[type]?.has(format)) out["format"] = format;
  const values = valuesOf(source).filter((value) => value !== null && value !== "");
  if (values.length === 0) return;
  if (type === "STRING") {
    out["enum"] = values.map((value) => (typeof value === "string" ? value : JSON.stringify(value)));
    return;
  }
  const words = `One of: ${JSON.stringify(values).slice(1, -1)}.`;
  const description = textAt(source, "description") ?? "";
  out["description"] = description === "" ? words : `${description} ${words}`;
}
