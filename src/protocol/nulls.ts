/**
 * Null where a member may be absent means that it is absent: serialisers that write out every field of a type write
 * null for those that nobody set (foreign SDKs in Python and C# do). It is taken out once, here, so that no schema, no
 * item and no provider has to know of it. In `session`, null clears and means more (session-config.ts).
 */
import { isJsonObject, type Json, type JsonObject } from "./json.ts";

/** `object` without members that are null. */
export function withoutNulls(object: JsonObject): JsonObject {
  return Object.values(object).includes(null)
    ? Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null))
    : object;
}

/** Every object of a list without its nulls; anything else as it is. */
export function eachWithoutNulls(list: Json | undefined): Json | undefined {
  return Array.isArray(list)
    ? list.map((each: Json) => (isJsonObject(each) ? withoutNulls(each) : each))
    : list;
}

/** A client event whose nulls are gone wherever a null says nothing. */
export function eventWithoutNulls(event: JsonObject): JsonObject {
  const { item, response, ...rest } = withoutNulls(event);
  return {
    ...rest,
    ...(item === undefined ? {} : { item: isJsonObject(item) ? itemWithoutNulls(item) : item }),
    ...(response === undefined
      ? {}
      : { response: isJsonObject(response) ? responseWithoutNulls(response) : response }),
  };
}

function itemWithoutNulls(given: JsonObject): JsonObject {
  const item = withoutNulls(given);
  return "content" in item ? withMember(item, "content", eachWithoutNulls(item["content"])) : item;
}

function responseWithoutNulls(given: JsonObject): JsonObject {
  let response = withoutNulls(given);
  const { input, tools, audio } = response;
  if (Array.isArray(input)) {
    const items = input.map((each: Json) => (isJsonObject(each) ? itemWithoutNulls(each) : each));
    response = withMember(response, "input", items);
  }
  response = withMember(response, "tools", eachWithoutNulls(tools));
  if (isJsonObject(audio)) {
    const { output, ...others } = withoutNulls(audio);
    const kept = isJsonObject(output) ? withoutNulls(output) : output;
    response = withMember(response, "audio", kept === undefined ? others : { ...others, output: kept });
  }
  return response;
}

function withMember(object: JsonObject, key: string, value: Json | undefined): JsonObject {
  return value === undefined ? object : { ...object, [key]: value };
}
