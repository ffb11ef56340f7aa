/** The flat fields of the beta, of a session and of a response, and the session's own that stand for them. */
import { ClientError } from "../../protocol/client-error.ts";
import { isJsonObject, type Json, type JsonObject } from "../../protocol/json.ts";
import { fromFormat, toFormat } from "./formats.ts";
import { fromItem } from "./items.ts";

type Where = "session" | "response";
/** What a flat field's value is in the session. @throws ClientError naming `param`. */
type Read = (value: Json, param: string) => Json;

interface Flat {
  /** Where it stands in the session's own shape. */
  readonly path: readonly string[];
  readonly read?: Read;
}

const FLAT: ReadonlyMap<string, Flat> = new Map([
  ["modalities", { path: ["output_modalities"], read: toModalities }],
  ["voice", { path: ["audio", "output", "voice"] }],
  ["speed", { path: ["audio", "output", "speed"] }],
  ["output_audio_format", { path: ["audio", "output", "format"], read: toFormat }],
  ["input_audio_format", { path: ["audio", "input", "format"], read: toFormat }],
  ["input_audio_transcription", { path: ["audio", "input", "transcription"] }],
  ["input_audio_noise_reduction", { path: ["audio", "input", "noise_reduction"] }],
  ["turn_detection", { path: ["audio", "input", "turn_detection"], read: toTurnDetection }],
  ["max_response_output_tokens", { path: ["max_output_tokens"] }],
  ["tool_choice", { path: ["tool_choice"], read: toToolChoice }],
]);

/** The beta's range (its reference, `session.temperature`), and what it begins with. */
const TEMPERATURE = { min: 0.6, max: 1.2, begin: 0.8 };

/** Never read by the session: GA has no temperature. */
export const BEGIN_TEMPERATURE = TEMPERATURE.begin;

/** Undefined: nothing is said of it. @throws ClientError out of range. */
export function readTemperature(given: JsonObject, where: Where): number | undefined {
  const value = given["temperature"];
  if (value === undefined) return undefined;
  if (value === null) return BEGIN_TEMPERATURE;
  const { min, max } = TEMPERATURE;
  if (typeof value === "number" && value >= min && value <= max) return value;
  const param = `${where}.temperature`;
  throw new ClientError("invalid_value", `Invalid '${param}': expected a number of ${min} to ${max}.`, param);
}

/**
 * A `session` or `response` of the beta in the session's own shape. Fields that are in that shape already stay; where both
 * are set, the flat one holds. @throws ClientError naming the flat field.
 */
export function toOwn(given: JsonObject, where: Where): JsonObject {
  let own: JsonObject = {};
  for (const [key, value] of Object.entries(given)) {
    if (!FLAT.has(key) && key !== "temperature" && key !== "__proto__") own = { ...own, [key]: value };
  }
  for (const [key, { path, read }] of FLAT) {
    const value = given[key];
    if (value === undefined) continue;
    own = withValue(own, path, read === undefined ? value : read(value, `${where}.${key}`));
  }
  return own;
}

function withValue(object: JsonObject, [key = "", ...inner]: readonly string[], value: Json): JsonObject {
  if (inner.length === 0) return { ...object, [key]: value };
  const old = object[key];
  return { ...object, [key]: withValue(isJsonObject(old) ? old : {}, inner, value) };
}

/** Who hears an answer of the beta reads it too: `["text", "audio"]` is audio, whose words are its transcript. */
function toModalities(value: Json, param: string): Json {
  if (value === null) return null;
  const each: readonly Json[] = Array.isArray(value) ? value : [];
  if (each.length === 0 || each.some((one) => one !== "text" && one !== "audio")) {
    throw new ClientError(
      "invalid_value",
      `Invalid '${param}': expected ["text"] or ["text", "audio"].`,
      param,
    );
  }
  return [each.includes("audio") ? "audio" : "text"];
}

function toTurnDetection(value: Json): Json {
  return isJsonObject(value) && value["type"] === "none" ? null : value;
}

/** `{type: "function", function: …}`: its name, or an object with it. */
function toToolChoice(value: Json): Json {
  if (!isJsonObject(value) || value["function"] === undefined) return value;
  const { function: called, ...rest } = value;
  const name = isJsonObject(called) ? called["name"] : called;
  return { ...rest, ...(name !== undefined && { name }) };
}

function fromModalities(value: Json | undefined): Json {
  return Array.isArray(value) && value.includes("audio") ? ["text", "audio"] : ["text"];
}

/** A session as it is shown. @param temperature what the client set. */
export function fromSession(shown: JsonObject, temperature: number): JsonObject {
  const { object, type, output_modalities, max_output_tokens, audio, ...rest } = shown;
  const input = memberOf(audio, "input");
  const heard = {
    input_audio_format: fromFormat(input["format"]),
    input_audio_transcription: input["transcription"] ?? null,
    input_audio_noise_reduction: input["noise_reduction"] ?? null,
    turn_detection: input["turn_detection"] ?? null,
  };
  if (type === "transcription") return { object: object ?? null, ...rest, ...heard };
  const output = memberOf(audio, "output");
  return {
    object: object ?? null,
    ...rest,
    modalities: fromModalities(output_modalities),
    voice: output["voice"] ?? null,
    speed: output["speed"] ?? 1,
    output_audio_format: fromFormat(output["format"]),
    ...heard,
    temperature,
    max_response_output_tokens: max_output_tokens ?? "inf",
  };
}

/** A response as it is shown. */
export function fromResponse(shown: JsonObject, temperature: number): JsonObject {
  const { output_modalities, audio, output: items, ...rest } = shown;
  const output = memberOf(audio, "output");
  return {
    ...rest,
    output: Array.isArray(items)
      ? items.map((item: Json) => (isJsonObject(item) ? fromItem(item) : item))
      : [],
    modalities: fromModalities(output_modalities),
    voice: output["voice"] ?? null,
    output_audio_format: fromFormat(output["format"]),
    temperature,
  };
}

function memberOf(value: Json | undefined, name: string): JsonObject {
  const member = isJsonObject(value) ? value[name] : undefined;
  return isJsonObject(member) ? member : {};
}

/** A response has no name of its own for its longest answer: `max_output_tokens` there is the beta's, too. */
const NAMES: readonly (readonly [own: string, beta: string])[] = [...FLAT].map(([beta, { path }]) => [
  path.join("."),
  beta,
]);

/** What is said of a field, of the field by its name in the beta. */
export function renamed(text: string): string {
  let said = text;
  for (const [own, beta] of NAMES) {
    for (const where of ["session", "response"])
      said = said.replaceAll(`${where}.${own}`, `${where}.${beta}`);
  }
  return said;
}
