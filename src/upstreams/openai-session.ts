/**
 * The session's configuration in a provider's words. Every field has a path per shape; an update carries only
 * what differs from what the provider already has, because some fields may not be repeated (`voice` after the
 * first audio) and small servers refuse fields they do not know.
 */
import type { AudioFormat } from "../audio/format.ts";
import { isJsonObject } from "../protocol/json.ts";
import { mergeDeep, objectAt, textAt } from "./json.ts";
import type { OpenAiSettings } from "./openai-settings.ts";
import type { Quirks } from "./openai-profiles.ts";
import type { Json, JsonObject, UpstreamConfig } from "./upstream.ts";

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

/** Turns the session's configuration into successive `session.update` messages. One per connection. */
export class SessionUpdates {
  readonly #settings: OpenAiSettings;
  readonly #sent = new Map<string, string>();

  constructor(settings: OpenAiSettings) {
    this.#settings = settings;
  }

  /** The update that makes the provider's session equal to `config`; null when it is already. */
  next(config: UpstreamConfig, eventId: string, withExtra = true): JsonObject | null {
    const wanted = this.#wanted(config, withExtra);
    for (const path of this.#sent.keys()) if (!wanted.has(path)) wanted.set(path, null);
    let session: JsonObject = {};
    let changes = 0;
    for (const [path, value] of wanted) {
      const text = JSON.stringify(value);
      if (text === (this.#sent.get(path) ?? PROVIDER_DEFAULTS[path] ?? absentDefault(path))) continue;
      this.#sent.set(path, text);
      session = mergeDeep(session, nest(path.split("."), value));
      changes++;
    }
    if (changes === 0) return null;
    const beta = this.#settings.quirks.sessionShape === "beta";
    const transcribing = config.kind === "transcription";
    return {
      type: beta && transcribing ? "transcription_session.update" : "session.update",
      event_id: eventId,
      session: beta ? session : { type: transcribing ? "transcription" : "realtime", ...session },
    };
  }

  snapshot(): readonly (readonly [path: string, json: string])[] {
    return [...this.#sent];
  }

  restore(sent: readonly (readonly [path: string, json: string])[]): void {
    for (const [path, json] of sent) this.#sent.set(path, json);
  }

  /** Forgets what was sent: the provider refused it all. */
  refused(): void {
    this.#sent.clear();
  }

  #wanted(config: UpstreamConfig, withExtra: boolean): Map<string, Json> {
    const { quirks, turns, input, output } = this.#settings;
    const shape = quirks.sessionShape;
    const audio = objectAt(config.extra, "audio");
    const noiseReduction = config.extra["noise_reduction"] ?? objectAt(audio, "input")?.["noise_reduction"];
    const fields: Record<Field, Json> = {
      instructions: config.instructions,
      modality: modalities(config.modality, shape),
      tools: config.tools,
      toolChoice: config.toolChoice,
      maxOutputTokens: config.maxOutputTokens,
      inputFormat: wireFormat(input, shape),
      noiseReduction: noiseReduction ?? null,
      transcription: config.transcription,
      turnDetection: turns === "server" ? config.turnDetection : null,
      outputFormat: wireFormat(output, shape),
      voice: config.voice,
      speed: config.speed,
    };
    const wanted = new Map<string, Json>();
    for (const field of Object.keys(fields).filter((name): name is Field => name in fields)) {
      if (config.kind === "conversation" || HEARING.has(field))
        wanted.set(PATHS[shape][field], fields[field]);
    }
    for (const [path, value] of withExtra ? extraPaths(config.extra) : []) {
      if (!wanted.has(path)) wanted.set(path, value);
    }
    return wanted;
  }
}

/** Optional fields that are null at first need no mention; turn detection does: its default is on. */
function absentDefault(path: string): string | undefined {
  return path.endsWith("turn_detection") ? undefined : "null";
}

/**
 * Session keys of the GA dialect beyond those `UpstreamConfig` names. Others are kept and echoed by the relay and not
 * sent: a provider that does not know one refuses the whole update with it (`unknown_parameter`).
 */
const KNOWN_EXTRA = new Set([
  "tracing",
  "truncation",
  "prompt",
  "include",
  "reasoning",
  "parallel_tool_calls",
]);

function extraPaths(extra: JsonObject): [string, Json][] {
  const paths: [string, Json][] = [];
  for (const [key, value] of Object.entries(extra)) {
    if (KNOWN_EXTRA.has(key)) paths.push([key, value]);
  }
  return paths;
}

function nest(path: readonly string[], value: Json): JsonObject {
  const [head = "", ...rest] = path;
  return { [head]: rest.length === 0 ? value : nest(rest, value) };
}

function modalities(modality: "audio" | "text", shape: Shape): Json {
  if (shape === "beta") return modality === "audio" ? ["text", "audio"] : ["text"];
  return [modality];
}

const BETA_FORMATS = { "audio/pcm": "pcm16", "audio/pcmu": "g711_ulaw", "audio/pcma": "g711_alaw" } as const;

function wireFormat(format: AudioFormat, shape: Shape): Json {
  return shape === "beta" ? BETA_FORMATS[format.type] : { ...format };
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
