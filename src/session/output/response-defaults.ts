/** What a response that begins now has of the session's configuration, and of its own `response.create`. */
import type { AudioFormat } from "../../audio/format.ts";
import type { ResponseParams } from "../../protocol/client-events.ts";
import { isJsonObject, type Json, type JsonObject } from "../../protocol/json.ts";
import { readFormat } from "../../protocol/session-config.ts";
import type { Configuration } from "./ports.ts";

export interface ResponseDefaults {
  readonly modality: "audio" | "text";
  readonly maxOutputTokens: number | "inf";
  readonly output: JsonObject;
  /** Of audio to the client. */
  readonly format: AudioFormat;
  readonly conversationId: string;
  /** Of audio in the client's parameters. */
  readonly inputFormat: AudioFormat;
}

export function responseDefaults(
  config: Configuration,
  conversationId: string,
  params: ResponseParams,
): ResponseDefaults {
  const format = responseFormat(params) ?? config.outputFormat;
  const voice = outputOf(params)?.["voice"] ?? config.output["voice"] ?? null;
  return {
    modality: config.modality,
    maxOutputTokens: config.current.max_output_tokens,
    output: { ...config.output, format, voice },
    format,
    conversationId,
    inputFormat: config.inputFormat,
  };
}

/**
 * The audio format that a `response.create` asks for, for its answer alone; null where it names none.
 * @throws ClientError naming the field when it is none.
 */
export function responseFormat(params: ResponseParams): AudioFormat | null {
  const format = outputOf(params)?.["format"];
  return format === undefined || format === null ? null : readFormat(format, "response.audio.output.format");
}

function outputOf(params: ResponseParams): JsonObject | null {
  // What came from a JSON schema is JSON.
  const audio = params["audio"] as Json | undefined;
  const output = isJsonObject(audio) ? audio["output"] : undefined;
  return isJsonObject(output) ? output : null;
}
