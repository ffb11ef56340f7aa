/** The audio format that a `response.create` asks for, for its answer alone. */
import type { AudioFormat } from "../../audio/format.ts";
import type { ResponseParams } from "../../protocol/client-events.ts";
import { isJsonObject, type Json } from "../../protocol/json.ts";
import { readFormat } from "../../protocol/session-config.ts";

/** @returns null where it names none. @throws ClientError naming the field that is wrong. */
export function responseFormat(params: ResponseParams): AudioFormat | null {
  const audio = member(params, "audio");
  const output = isJsonObject(audio) ? audio["output"] : undefined;
  const format = isJsonObject(output) ? output["format"] : undefined;
  return format === undefined || format === null ? null : readFormat(format, "response.audio.output.format");
}

function member(params: ResponseParams, name: string): Json | undefined {
  // What came from a JSON schema is JSON.
  return params[name] as Json | undefined;
}
