/** When the dialogue calls one of the session's functions, and with which arguments. */
import type { FunctionTool, Tool, ToolChoice } from "./schemas.ts";

export interface FunctionCall {
  readonly name: string;
  /** A JSON object as text, never empty: clients throw on "". */
  readonly arguments: string;
}

/** Words that say nothing of what a function is about. */
const PLAIN_WORDS = new Set(
  (
    "a an and are as at be by call can current currently do does fetch find for from function get gets give given has " +
    "have how i in information into is it its list look lookup make me my of on or please return returns send set " +
    "show tell that the this to tool up use user users want what when where which who will with would you your"
  ).split(" "),
);
const MAX_PARALLEL_CALLS = 4;
const MAX_SCHEMA_DEPTH = 4;

type Schema = Readonly<Record<string, unknown>>;

/**
 * The calls that `text` asks for: a tool is meant when a telling word of its name, or two of its description, stand
 * in the text. `tool_choice` is obeyed: `none` never calls, `required` and a named function always do.
 */
export function callsFor(
  text: string,
  tools: readonly Tool[],
  choice: ToolChoice,
  parallel: boolean,
): readonly FunctionCall[] {
  if (choice === "none") return [];
  const functions = tools.filter((tool): tool is FunctionTool => tool.type === "function");
  if (typeof choice === "object") {
    const named = functions.find((tool) => choice.type === "function" && tool.name === choice["name"]);
    return named === undefined ? [] : [callOf(named, text)];
  }
  const said = new Set(words(text));
  const meant = functions.filter((tool) => isMeant(tool, said));
  const forced = meant.length === 0 && choice === "required" ? functions.slice(0, 1) : meant;
  return forced.slice(0, parallel ? MAX_PARALLEL_CALLS : 1).map((tool) => callOf(tool, text));
}

function isMeant(tool: FunctionTool, said: ReadonlySet<string>): boolean {
  const name = words(tool.name.replace(/([a-z])([A-Z])/g, "$1 $2"));
  if (name.some((word) => said.has(word))) return true;
  const described = new Set(words(tool.description ?? ""));
  return [...described].filter((word) => said.has(word)).length >= 2;
}

/** Telling words, lower case, without a plural s. */
function words(text: string): string[] {
  const all = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return all
    .filter((word) => word.length > 2 && !PLAIN_WORDS.has(word))
    .map((word) => word.replace(/s$/, ""));
}

function callOf(tool: FunctionTool, text: string): FunctionCall {
  const schema = isSchema(tool.parameters) ? tool.parameters : {};
  return { name: tool.name, arguments: JSON.stringify(objectFor(schema, text, 0)) };
}

/** Required properties always; of the others those that the text plainly names. */
function objectFor(schema: Schema, text: string, depth: number): Record<string, unknown> {
  const properties = isSchema(schema["properties"]) ? schema["properties"] : {};
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  const result: Record<string, unknown> = {};
  for (const [name, property] of Object.entries(properties)) {
    if (!isSchema(property)) continue;
    if (required.includes(name)) result[name] = valueFor(name, property, text, depth + 1);
    else if (namedIn(name, property, text)) result[name] = valueFor(name, property, text, depth + 1);
  }
  return result;
}

function namedIn(name: string, schema: Schema, text: string): boolean {
  if (Array.isArray(schema["enum"])) return enumIn(schema["enum"], text) !== undefined;
  return isPlace(name) && placeIn(text) !== null;
}

function valueFor(name: string, schema: Schema, text: string, depth: number): unknown {
  if (schema["const"] !== undefined) return schema["const"];
  if (Array.isArray(schema["enum"])) return enumIn(schema["enum"], text) ?? schema["enum"][0];
  if (schema["default"] !== undefined) return schema["default"];
  const type: unknown = Array.isArray(schema["type"]) ? schema["type"][0] : schema["type"];
  if (type === "number" || type === "integer") return numberFor(schema, text, type === "integer");
  if (type === "boolean") return true;
  if (type === "null") return null;
  if (type === "array") return arrayFor(name, schema, text, depth);
  if (type === "object") return depth < MAX_SCHEMA_DEPTH ? objectFor(schema, text, depth) : {};
  return stringFor(name, text);
}

function arrayFor(name: string, schema: Schema, text: string, depth: number): unknown[] {
  if (depth >= MAX_SCHEMA_DEPTH || !isSchema(schema["items"])) return [];
  return [valueFor(name, schema["items"], text, depth + 1)];
}

function numberFor(schema: Schema, text: string, whole: boolean): number {
  const least = typeof schema["minimum"] === "number" ? schema["minimum"] : -Infinity;
  const most = typeof schema["maximum"] === "number" ? schema["maximum"] : Infinity;
  const said = Number(/-?\d+(?:\.\d+)?/.exec(text)?.[0] ?? Math.max(1, least));
  const value = Math.min(most, Math.max(least, said));
  return whole ? Math.round(value) : value;
}

function stringFor(name: string, text: string): string {
  if (isPlace(name)) return placeIn(text) ?? "here";
  return text.trim().slice(0, 500);
}

function isPlace(name: string): boolean {
  return /city|location|place|town|country|where|address|time_?zone/i.test(name);
}

/** "What is the weather in San Francisco today?" → "San Francisco". */
function placeIn(text: string): string | null {
  const match =
    /\b(?:in|at|for|near)\s+((?:\p{Lu}[\p{L}'-]*|[A-Za-z]+\/[A-Za-z_]+)(?:\s+\p{Lu}[\p{L}'-]*)*)/u.exec(text);
  return match?.[1] ?? /\b(?:in|at|near)\s+(\p{L}+)/u.exec(text)?.[1] ?? null;
}

function enumIn(values: readonly unknown[], text: string): unknown {
  const lower = text.toLowerCase();
  return values.find(
    (value) => typeof value === "string" && value !== "" && lower.includes(value.toLowerCase()),
  );
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
