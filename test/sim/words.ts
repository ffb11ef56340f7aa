/** What agents said, by its words: as the relay remembers it, and as a provider was told of it. */
import type { Json, JsonObject } from "../../src/protocol/json.ts";
import { cutAt, wordsHeard, type Entry } from "../../src/session/memory/entry.ts";
import type { SessionSnapshot } from "../../src/session/session.ts";
import { fields, text } from "./fields.ts";

/** Of each item what was heard; null while one grows, or where the oldest may have been forgotten. */
export function wordsOf({ conversation: { entries } }: SessionSnapshot): ReadonlySet<string> | null {
  if (entries.length > MANY || entries.some(({ growing }) => growing)) return null;
  return new Set(entries.map(wordsOfEntry));
}

export function wordsOfEntry(entry: Entry): string {
  return cutAt(entry) === null ? saidIn(entry.item) : wordsHeard(entry);
}

/** Scenarios forget what is beyond 24 items. */
const MANY = 23;

/** All words in the content of an item. */
export function saidIn(item: JsonObject): string {
  const { content } = item;
  if (!Array.isArray(content)) return "";
  return content.map((part: Json) => text(fields(part)["transcript"] ?? fields(part)["text"])).join("");
}
