/** What a session object leaves to its defaults. */
import { isJsonObject, type Json, type JsonObject } from "./json.ts";
import { eachWithoutNulls, withoutNulls } from "./nulls.ts";
import { completeRelay } from "./session-relay.ts";

/** How `voice: null`, the upstream's own, is shown; sent back it means the same. */
export const OWN_VOICE = "default";

const PCM_24K: JsonObject = { type: "audio/pcm", rate: 24000 };

/** OpenAI's documented defaults. */
export const DEFAULTS: JsonObject = {
  type: "realtime",
  output_modalities: ["audio"],
  instructions: "",
  tools: [],
  tool_choice: "auto",
  max_output_tokens: "inf",
  tracing: null,
  truncation: "auto",
  prompt: null,
  include: null,
  audio: {
    input: {
      format: PCM_24K,
      transcription: null,
      noise_reduction: null,
      turn_detection: { type: "server_vad" },
    },
    output: { format: PCM_24K, voice: null, speed: 1 },
  },
};

const TURN_DEFAULTS: Readonly<Record<string, JsonObject>> = {
  server_vad: {
    type: "server_vad",
    threshold: 0.5,
    prefix_padding_ms: 300,
    silence_duration_ms: 500,
    create_response: true,
    interrupt_response: true,
    idle_timeout_ms: null,
  },
  duplex: { type: "duplex", frame_ms: 200, create_response: false, interrupt_response: false },
  semantic_vad: {
    type: "semantic_vad",
    eagerness: "auto",
    create_response: true,
    interrupt_response: true,
  },
};

/** Objects whose members may all be absent, and are never null. */
const SPARSE = new Set(["tool_choice", "tracing", "truncation", "reasoning"]);

/** Fills in what a partial value, or a null, leaves to its defaults. */
export function complete(config: JsonObject): JsonObject {
  const { relay: givenRelay, tools, ...rest } = config;
  const audio = isJsonObject(config["audio"]) ? config["audio"] : {};
  const input = isJsonObject(audio["input"]) ? audio["input"] : {};
  const output = isJsonObject(audio["output"]) ? audio["output"] : {};
  const relay = completeRelay(givenRelay);
  const sparse = ([key, value]: [string, Json]): [string, Json] => [
    key,
    SPARSE.has(key) ? orNull(value) : value,
  ];
  const given = Object.entries(rest).map(sparse);
  return {
    ...orDefaults({ ...Object.fromEntries(given), tools: eachWithoutNulls(tools) ?? null }, DEFAULTS),
    ...(relay === undefined ? {} : { relay }),
    audio: {
      ...audio,
      input: {
        ...input,
        format: completeFormat(input["format"]),
        transcription: orNull(input["transcription"]),
        noise_reduction: orNull(input["noise_reduction"]),
        turn_detection: completeTurn(input["turn_detection"]),
      },
      output: {
        ...output,
        format: completeFormat(output["format"]),
        voice: output["voice"] === OWN_VOICE ? null : (output["voice"] ?? null),
        speed: output["speed"] ?? 1,
      },
    },
  };
}

/** `fields` with each that is null, or absent, at its default. */
function orDefaults(fields: JsonObject, defaults: JsonObject): JsonObject {
  const set = Object.entries(fields).filter(
    ([key, value]) => value !== null || !Object.hasOwn(defaults, key),
  );
  return { ...defaults, ...Object.fromEntries(set) };
}

/** An optional value: its own members that are null say nothing. */
function orNull(value: Json | undefined): Json {
  return isJsonObject(value) ? withoutNulls(value) : (value ?? null);
}

export function completeFormat(given: Json | undefined): Json {
  if (!isJsonObject(given)) return given ?? PCM_24K;
  const format = withoutNulls(given);
  return format["type"] === "audio/pcm" && format["rate"] === undefined ? { ...format, rate: 24000 } : format;
}

function completeTurn(given: Json | undefined): Json {
  if (!isJsonObject(given)) return given ?? null;
  // A member of another type's (`threshold` under `semantic_vad`) is null where a serialiser writes out all of them.
  const turn = withoutNulls(given);
  const type = turn["type"] ?? "server_vad";
  const defaults =
    typeof type === "string" && Object.hasOwn(TURN_DEFAULTS, type) ? TURN_DEFAULTS[type] : undefined;
  return defaults ? { ...defaults, ...turn } : turn;
}
