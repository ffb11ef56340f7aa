/** What a transcriber says beside the words of its segments, put together for the turn that they are. */
import { isJsonObject, type Json, type JsonObject } from "../../protocol/json.ts";

/** Characters of JSON that are kept of what is said beside the words of one segment. */
const EXTRA_CHARS = 32 * 1024;
/** List of one entry per token: those of several segments follow each other. */
const LISTED = "logprobs";

/** What else a message said, unless it is too large to be kept. */
export function kept(extra: JsonObject | undefined): JsonObject | null {
  if (extra === undefined) return null;
  return JSON.stringify(extra).length <= EXTRA_CHARS ? extra : null;
}

/** `extra` of an earlier delta with that of the next one; null: there is none, or it is too much. */
export function grown(before: JsonObject | null, next: JsonObject | null): JsonObject | null {
  if (before === null || next === null) return next ?? before;
  const listed = [before, next].flatMap(listOf);
  return kept({ ...before, ...next, ...(listed.length > 0 ? { [LISTED]: listed } : {}) });
}

/**
 * What is true of all segments of a turn: their `logprobs` one after the other, where all with words have some, and members
 * on which they agree.
 */
export function together(extras: readonly (JsonObject | null)[]): JsonObject {
  const [first] = extras;
  if (first === undefined || first === null) return {};
  const agreed = Object.entries(first).filter(
    ([key, value]) =>
      key !== LISTED && extras.every((extra) => JSON.stringify(extra?.[key]) === JSON.stringify(value)),
  );
  const listed = extras.map(listOf);
  const logprobs = listed.every((list) => list.length > 0) ? { [LISTED]: listed.flat() } : {};
  return { ...Object.fromEntries(agreed), ...logprobs };
}

function listOf(extra: JsonObject | null): readonly Json[] {
  const list = extra?.[LISTED];
  return Array.isArray(list) ? list : [];
}

/** What segments cost together; null: none of them told, or they count differently. */
export function sumOf(usages: readonly (JsonObject | null)[]): JsonObject | null {
  const told = usages.filter((usage) => usage !== null);
  const [first, ...others] = told;
  if (first === undefined) return null;
  if (others.some(({ type }) => type !== first["type"])) return null;
  return others.reduce(added, first);
}

/** Numbers are added, at every depth; anything else is of the first. */
function added(one: JsonObject, other: JsonObject): JsonObject {
  const sum: Record<string, Json> = { ...one };
  for (const [key, value] of Object.entries(other)) {
    const mine = sum[key];
    if (mine === undefined) sum[key] = value;
    else if (typeof mine === "number" && typeof value === "number") sum[key] = mine + value;
    else if (isJsonObject(mine) && isJsonObject(value)) sum[key] = added(mine, value);
  }
  return sum;
}
