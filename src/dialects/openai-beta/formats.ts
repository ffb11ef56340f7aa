/** Audio formats by their names in the beta: one word for type and rate. */
import { ClientError } from "../../protocol/client-error.ts";
import { isJsonObject, type Json, type JsonObject } from "../../protocol/json.ts";

/** Types of OpenAI's client of 2024 for Azure write G.711 with a hyphen. */
const FORMATS: ReadonlyMap<string, JsonObject> = new Map([
  ["pcm16", { type: "audio/pcm", rate: 24000 }],
  ["g711_ulaw", { type: "audio/pcmu" }],
  ["g711_alaw", { type: "audio/pcma" }],
  ["g711-ulaw", { type: "audio/pcmu" }],
  ["g711-alaw", { type: "audio/pcma" }],
]);

/** As the session has it. An object is one already. @throws ClientError naming `param`. */
export function toFormat(given: Json, param: string): Json {
  if (given === null || isJsonObject(given)) return given;
  const format = typeof given === "string" ? FORMATS.get(given) : undefined;
  if (format !== undefined) return format;
  throw new ClientError(
    "invalid_value",
    `Invalid '${param}': expected pcm16, g711_ulaw or g711_alaw.`,
    param,
  );
}

/** What the beta has no name for, PCM of another rate, is shown as it is. */
export function fromFormat(format: Json | undefined): Json {
  if (!isJsonObject(format)) return format ?? null;
  const { type, rate } = format;
  if (type === "audio/pcmu") return "g711_ulaw";
  if (type === "audio/pcma") return "g711_alaw";
  return type === "audio/pcm" && rate === 24000 ? "pcm16" : format;
}
