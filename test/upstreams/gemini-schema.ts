/** What Google refuses of a function's parameters, by what people report of it: with it the session is refused. */
import { isJsonObject, type Json } from "../../src/protocol/json.ts";

const MEMBERS: ReadonlySet<string> = new Set(
  (
    "type format title description nullable enum items maxItems minItems properties required minimum maximum " +
    "minLength maxLength pattern anyOf default"
  ).split(" "),
);
const FORMATS: Readonly<Record<string, readonly string[]>> = {
  STRING: ["enum", "date-time"],
  NUMBER: ["float", "double"],
  INTEGER: ["int32", "int64"],
};

/** @returns what is wrong, each with its place. */
export function refusedSchema(schema: Json, at: string): readonly string[] {
  if (!isJsonObject(schema)) return [`${at}: no schema`];
  const wrong = Object.keys(schema).filter((member) => !MEMBERS.has(member));
  const out = wrong.map((member) => `${at}.${member}: cannot find field`);
  const { type, format, enum: values, items, properties, required, anyOf } = schema;
  if (anyOf !== undefined && Object.keys(schema).length > 1)
    out.push(`${at}: when using any_of, it must be the only field set`);
  if (type !== undefined && !/^(?:STRING|NUMBER|INTEGER|BOOLEAN|ARRAY|OBJECT)$/.test(String(type)))
    out.push(`${at}.type: invalid value`);
  if (type === undefined && anyOf === undefined) out.push(`${at}.type: must be specified`);
  if (format !== undefined && !FORMATS[String(type)]?.includes(String(format)))
    out.push(`${at}.format: only 'enum' and 'date-time' are supported for STRING type`);
  if (values !== undefined && type !== "STRING") out.push(`${at}.enum: only allowed for STRING type`);
  if (Array.isArray(values))
    for (const value of values)
      if (typeof value !== "string" || value === "") out.push(`${at}.enum: TYPE_STRING, or cannot be empty`);
  for (const name of ["title", "description", "pattern"])
    if (schema[name] !== undefined && typeof schema[name] !== "string")
      out.push(`${at}.${name}: TYPE_STRING`);
  if (type === "ARRAY" && items === undefined) out.push(`${at}.items: missing field`);
  if (items !== undefined && type !== "ARRAY") out.push(`${at}.items: only allowed for ARRAY type`);
  if ((properties ?? required) !== undefined && type !== "OBJECT")
    out.push(`${at}.properties: only allowed for OBJECT type`);
  if (items !== undefined) out.push(...refusedSchema(items, `${at}.items`));
  const members = isJsonObject(properties) ? Object.entries(properties) : [];
  if (properties !== undefined && members.length === 0) out.push(`${at}.properties: should be non-empty`);
  for (const [name, member] of members) out.push(...refusedSchema(member, `${at}.${name}`));
  for (const name of Array.isArray(required) ? required : [])
    if (!members.some(([member]) => member === name)) out.push(`${at}.required: property is not defined`);
  for (const one of Array.isArray(anyOf) ? anyOf : []) out.push(...refusedSchema(one, `${at}.anyOf`));
  return out;
}
