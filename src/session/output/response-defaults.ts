/** What a response that begins now has of the session's configuration, and of its own `response.create`. */
import type { AudioFormat } from "../../audio/format.ts";
import type { ResponseParams } from "../../protocol/client-events.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { Configuration } from "./ports.ts";
import { responseFormat, outputOf } from "../../protocol/response-output.ts";

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

interface DefaultsParts {
  readonly config: Configuration;
  readonly conversationId: string;
}

/** @param params what the client asked for of this one. */
export function responseDefaults(
  { config, conversationId }: DefaultsParts,
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
