/**
 * Contents for a model that takes them as the history before a conversation and not in its midst (Gemini 3.1 and later close
 * the connection with 1007): from then on what is written goes the way of what is spoken.
 */
import { objectAt, objectsAt, textAt } from "../json.ts";
import type { JsonObject } from "../upstream.ts";

/** What makes it answer where nothing was written. */
const GO_ON = ".";

/** The history, and what the user wrote last, which is to be answered. */
export function split(contents: readonly JsonObject[]): readonly [JsonObject[], JsonObject[]] {
  const last = contents.findLastIndex((content) => !isWritten(content));
  return [contents.slice(0, last + 1), contents.slice(last + 1)];
}

export function history(turns: readonly JsonObject[]): readonly JsonObject[] {
  return turns.length === 0 ? [] : [{ clientContent: { turns, turnComplete: true } }];
}

/** Contents as inputs; none: a sign to go on. */
export function inputs(contents: readonly JsonObject[]): readonly JsonObject[] {
  const all = contents.flatMap(inputsOf);
  return (all.length === 0 ? [{ text: GO_ON }] : all).map((realtimeInput) => ({ realtimeInput }));
}

function isWritten(content: JsonObject): boolean {
  const parts = objectsAt(content, "parts");
  return content["role"] === "user" && parts.every((part) => "text" in part || "inlineData" in part);
}

function inputsOf(content: JsonObject): readonly JsonObject[] {
  const own = content["role"] === "model";
  return objectsAt(content, "parts").map((part) => {
    const video = objectAt(part, "inlineData");
    if (video !== null) return { video };
    const text = textAt(part, "text") ?? JSON.stringify(part);
    return { text: own ? `You said: ${text}` : text };
  });
}
