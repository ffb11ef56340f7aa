/** What a `response.create` asks of the audio of its answer. */
import type { AudioFormat } from "../audio/format.ts";
import type { ResponseParams } from "./client-events.ts";
import { isJsonObject, type Json, type JsonObject } from "./json.ts";
import { readFormat } from "./session-config.ts";

/**
 * The audio format that a `response.create` asks for, for its answer alone; null where it names none.
 * @throws ClientError naming the field when it is none.
 */
export function responseFormat(params: ResponseParams): AudioFormat | null {
  const format = outputOf(params)?.["format"];
  return format === undefined || format === null ? null : readFormat(format, "response.audio.output.format");
}

/** `audio.output`; null: it has none. */
export function outputOf(params: ResponseParams): JsonObject | null {
  // What came from a JSON schema is JSON.
  const audio = params["audio"] as Json | undefined;
  const output = isJsonObject(audio) ? audio["output"] : undefined;
  return isJsonObject(output) ? output : null;
}
