/**
 * The session's configuration in a provider's words: every field has a path per shape, and every path the name that the
 * session knows it by.
 */
import type { ProviderFormat } from "../../audio/format.ts";
import { objectAt } from "../json.ts";
import type { OpenAiSettings } from "./settings.ts";
import type { Quirks } from "./profiles.ts";
import { modalities } from "./wire.ts";
import type { Json, JsonObject, UpstreamConfig } from "../upstream.ts";

type Shape = Quirks["sessionShape"];

const GA_PATHS = {
  instructions: "instructions",
  modality: "output_modalities",
  tools: "tools",
  toolChoice: "tool_choice",
  maxOutputTokens: "max_output_tokens",
  inputFormat: "audio.input.format",
  noiseReduction: "audio.input.noise_reduction",
  transcription: "audio.input.transcription",
  turnDetection: "audio.input.turn_detection",
  outputFormat: "audio.output.format",
  voice: "audio.output.voice",
  speed: "audio.output.speed",
};
type Field = keyof typeof GA_PATHS;

const PATHS: Readonly<Record<Shape, Readonly<Record<Field, string>>>> = {
  ga: GA_PATHS,
  beta: {
    instructions: "instructions",
    modality: "modalities",
    tools: "tools",
    toolChoice: "tool_choice",
    maxOutputTokens: "max_response_output_tokens",
    inputFormat: "input_audio_format",
    noiseReduction: "input_audio_noise_reduction",
    transcription: "input_audio_transcription",
    turnDetection: "turn_detection",
    outputFormat: "output_audio_format",
    voice: "voice",
    speed: "speed",
  },
  xai: { ...GA_PATHS, voice: "voice", turnDetection: "turn_detection" },
};

/** All that a transcription session has. */
const HEARING: ReadonlySet<Field> = new Set([
  "inputFormat",
  "noiseReduction",
  "transcription",
  "turnDetection",
]);

/** Without these a connection cannot be used: refused in the greeting, they end it. */
const VITAL: ReadonlySet<string> = new Set<Field>([
  "inputFormat",
  "outputFormat",
  "turnDetection",
  "modality",
]);

/** What a new session has without being told (openai-realtime.md §2). Absent: always sent. */
const PROVIDER_DEFAULTS: Readonly<Record<string, string>> = {
  instructions: '""',
  tools: "[]",
  tool_choice: '"auto"',
  max_output_tokens: '"inf"',
  max_response_output_tokens: '"inf"',
  "audio.output.speed": "1",
  speed: "1",
  truncation: '"auto"',
};

/**
 * Session keys of the GA dialect beyond those `UpstreamConfig` names. Others are kept and echoed by the relay and not
 * sent: a provider that does not know one refuses the whole update with it (`unknown_parameter`).
 */
const KNOWN_EXTRA: ReadonlySet<string> = new Set([
  "tracing",
  "truncation",
  "prompt",
  "include",
  "reasoning",
  "parallel_tool_calls",
]);

export interface Setting {
  readonly value: Json;
  /** The session's name of it: a member of `UpstreamConfig`, or `extra.<key>`. */
  readonly field: string;
}

/** The relay measures the silence after an answer: measured twice, it would be answered twice. */
function detectionOf(detection: JsonObject | null): JsonObject | null {
  return detection === null || !("idle_timeout_ms" in detection)
    ? detection
    : { ...detection, idle_timeout_ms: null };
}

/** What the provider's session should be, by path. */
export function wantedSettings(config: UpstreamConfig, settings: OpenAiSettings): Map<string, Setting> {
  const { quirks, turns, input, output, model } = settings;
  const shape = quirks.sessionShape;
  const noise = noiseReduction(config.extra);
  const fields: Record<Field, Json> = {
    instructions: config.instructions,
    modality: modalities(config.modality, shape),
    tools: config.tools,
    toolChoice: config.toolChoice,
    maxOutputTokens: config.maxOutputTokens,
    inputFormat: wireFormat(input, shape),
    noiseReduction: noise.value,
    transcription: config.transcription,
    turnDetection: turns === "server" ? detectionOf(config.turnDetection) : null,
    outputFormat: wireFormat(output, shape),
    voice: config.voice,
    speed: config.speed,
  };
  const wanted = new Map<string, Setting>();
  if (model !== null) wanted.set("model", { value: model, field: "model" });
  for (const field of Object.keys(fields).filter((name): name is Field => name in fields)) {
    if (config.kind === "transcription" && !HEARING.has(field)) continue;
    wanted.set(PATHS[shape][field], {
      value: fields[field],
      field: field === "noiseReduction" ? noise.field : field,
    });
  }
  for (const [key, value] of Object.entries(config.extra)) {
    if (KNOWN_EXTRA.has(key) && !wanted.has(key)) wanted.set(key, { value, field: `extra.${key}` });
  }
  return wanted;
}

/** What a provider has at a path that it was never told, as JSON; undefined: nobody knows. */
export function defaultAt(path: string): string | undefined {
  // Optional fields that are null at first need no mention; turn detection does: its default is on.
  const given = Object.hasOwn(PROVIDER_DEFAULTS, path) ? PROVIDER_DEFAULTS[path] : undefined;
  return given ?? (path.endsWith("turn_detection") ? undefined : "null");
}

export function isVital(field: string): boolean {
  return VITAL.has(field);
}

function noiseReduction(extra: JsonObject): Setting {
  const flat = extra["noise_reduction"] ?? null;
  if (flat !== null) return { value: flat, field: "extra.noise_reduction" };
  const nested = objectAt(objectAt(extra, "audio"), "input")?.["noise_reduction"] ?? null;
  return { value: nested, field: nested === null ? "extra.noise_reduction" : "extra.audio" };
}

const BETA_FORMATS = { "audio/pcm": "pcm16", "audio/pcmu": "g711_ulaw", "audio/pcma": "g711_alaw" } as const;

function wireFormat(format: ProviderFormat, shape: Shape): Json {
  return shape === "beta" ? BETA_FORMATS[format.type] : { ...format };
}

/** Parameters of `response.create` that have another name in the beta, with GA's. */
const BETA_PARAMS: readonly (readonly [beta: string, ga: string])[] = [
  ["response.modalities", "response.output_modalities"],
  ["response.max_response_output_tokens", "response.max_output_tokens"],
  ["response.voice", "response.audio.output.voice"],
];

/** A field that a provider names, in the client's words: those of GA. */
export function clientParam(param: string, shape: Shape): string {
  if (shape === "ga") return param;
  for (const field of Object.keys(GA_PATHS).filter((name): name is Field => name in GA_PATHS)) {
    const renamed = moved(param, `session.${PATHS[shape][field]}`, `session.${GA_PATHS[field]}`);
    if (renamed !== null) return renamed;
  }
  for (const [beta, ga] of shape === "beta" ? BETA_PARAMS : []) {
    const renamed = moved(param, beta, ga);
    if (renamed !== null) return renamed;
  }
  return param;
}

/** `param` with `to` in place of its beginning `from`; null: it does not begin so. */
function moved(param: string, from: string, to: string): string | null {
  if (!param.startsWith(from)) return null;
  const rest = param.slice(from.length);
  return rest === "" || rest.startsWith(".") || rest.startsWith("[") ? `${to}${rest}` : null;
}
