/** Items and `response.create` parameters in a provider's shape. */
import { isJsonObject } from "../../protocol/json.ts";
import { objectAt, textAt } from "../json.ts";
import type { Quirks } from "./profiles.ts";
import type { Json, JsonObject } from "../upstream.ts";

type Shape = Quirks["sessionShape"];

/** `output_modalities`, or the beta's `modalities`. */
export function modalities(modality: "audio" | "text", shape: Shape): Json {
  if (shape === "beta") return modality === "audio" ? ["text", "audio"] : ["text"];
  return [modality];
}

/** `response.create` parameters as this provider wants them; the output format stays the session's. */
export function wireParams(params: JsonObject, shape: Shape): JsonObject {
  const { audio, metadata: _, ...rest } = params;
  const output = objectAt(isJsonObject(audio) ? audio : null, "output");
  const { format: __, ...voice } = output ?? {};
  if (shape !== "beta") return Object.keys(voice).length > 0 ? { ...rest, audio: { output: voice } } : rest;
  const { output_modalities: wanted, max_output_tokens: most, ...flat } = rest;
  const text = Array.isArray(wanted) && !wanted.includes("audio");
  return {
    ...flat,
    ...voice,
    ...(wanted === undefined ? {} : { modalities: modalities(text ? "text" : "audio", shape) }),
    ...(most === undefined ? {} : { max_response_output_tokens: most }),
  };
}

/**
 * An item as a provider takes it: assistant audio may not be created, and what was said is known as text
 * (openai-realtime.md §3). Null when nothing of it can be told.
 */
export function wireItem(item: JsonObject, shape: Shape): JsonObject | null {
  const content = item["content"];
  if (item["type"] !== "message" || !Array.isArray(content)) return item;
  const parts = content.filter(isJsonObject).flatMap((part) => wirePart(part, shape));
  return parts.length === 0 ? null : { ...item, content: parts };
}

function wirePart(part: JsonObject, shape: Shape): JsonObject[] {
  const said = part["transcript"];
  const outputText = shape === "beta" ? "text" : "output_text";
  switch (textAt(part, "type")) {
    case "output_audio":
      return typeof said === "string" && said !== "" ? [{ type: outputText, text: said }] : [];
    case "output_text":
      return [{ ...part, type: outputText }];
    case "input_audio":
      if (typeof part["audio"] === "string" && part["audio"] !== "") return [part];
      return typeof said === "string" && said !== "" ? [{ type: "input_text", text: said }] : [];
    case null:
    default:
      return [part];
  }
}
