/** The effective session configuration and the deep partial merge of `session.update`. */
import type { WireFormat } from "./codec.ts";
import { EventError } from "./errors.ts";
import type { Knobs } from "./knobs.ts";
import { parse, sessionPatch, type RealtimePatch, type Tool, type ToolChoice } from "./schemas.ts";

export type Modality = "audio" | "text";
export type VoiceChoice = string | { readonly id: string };

export type TurnDetection =
  | {
      readonly type: "server_vad";
      readonly threshold: number;
      readonly prefix_padding_ms: number;
      readonly silence_duration_ms: number;
      readonly create_response: boolean;
      readonly interrupt_response: boolean;
      readonly idle_timeout_ms: number | null;
    }
  | {
      readonly type: "semantic_vad";
      readonly eagerness: "low" | "medium" | "high" | "auto";
      readonly create_response: boolean;
      readonly interrupt_response: boolean;
    };

export interface InputConfig {
  readonly format: WireFormat;
  readonly noise_reduction: unknown;
  readonly transcription: Readonly<Record<string, unknown>> | null;
  readonly turn_detection: TurnDetection | null;
}

export interface RealtimeConfig {
  readonly type: "realtime";
  readonly model: string;
  readonly instructions: string;
  readonly output_modalities: readonly [Modality];
  readonly max_output_tokens: number | "inf";
  readonly tools: readonly Tool[];
  readonly tool_choice: ToolChoice;
  readonly parallel_tool_calls: boolean;
  readonly audio: {
    readonly input: InputConfig;
    readonly output: { readonly format: WireFormat; readonly voice: VoiceChoice; readonly speed: number };
  };
}

export interface TranscriptionConfig {
  readonly type: "transcription";
  readonly audio: { readonly input: InputConfig };
}

export type SessionConfig = RealtimeConfig | TranscriptionConfig;

type Plain = Readonly<Record<string, unknown>>;

const PCM = { type: "audio/pcm", rate: 24_000 };

/** What `session.created` shows before any update. */
export function defaultConfig(type: SessionConfig["type"], model: string, knobs: Knobs): SessionConfig {
  const input = {
    format: PCM,
    noise_reduction: null,
    transcription: type === "realtime" ? null : { model: "gpt-transcribe" },
    turn_detection: { type: "server_vad" },
  };
  if (type === "transcription") return complete({ type, include: null, audio: { input } });
  return complete({
    type,
    model,
    instructions: "You are the demo voice.",
    output_modalities: ["audio"],
    max_output_tokens: "inf",
    tools: [],
    tool_choice: "auto",
    parallel_tool_calls: true,
    prompt: null,
    tracing: null,
    truncation: "auto",
    include: null,
    audio: { input, output: { format: PCM, voice: knobs.voice, speed: 1 } },
  });
}

/**
 * `current` with the fields of `patch`. `model` is never changed; `voice` not when `voiceFixed` (speech was sent).
 * @throws EventError naming the field; `current` then still holds.
 */
export function updateConfig(
  current: SessionConfig,
  patch: unknown,
  unknownKeys: Knobs["unknown_keys"],
  voiceFixed: boolean,
): SessionConfig {
  const parsed = parse(sessionPatch[unknownKeys], patch, "session");
  if (parsed.type !== current.type) {
    throw new EventError(
      "invalid_session_type",
      `Passing a ${parsed.type} session update event to a ${current.type} session is not allowed.`,
      "session.type",
    );
  }
  if (parsed.type === "realtime" && current.type === "realtime") checkFixed(current, parsed, voiceFixed);
  const given: Plain = parsed;
  const { object: _object, id: _id, expires_at: _expiresAt, model: _model, ...changes } = given;
  return complete(merge({ ...current }, changes));
}

function checkFixed(current: RealtimeConfig, patch: RealtimePatch, voiceFixed: boolean): void {
  const voice = patch.audio?.output?.voice;
  if (!voiceFixed || voice === undefined) return;
  if (JSON.stringify(voice) === JSON.stringify(current.audio.output.voice)) return;
  throw new EventError(
    "cannot_update_voice",
    "Cannot update a conversation's voice if assistant audio is present.",
    "session.audio.output.voice",
  );
}

/** Objects are merged, everything else replaced. An object of another `type` is another thing: it is replaced. */
function merge(current: Plain, patch: Plain): Plain {
  const merged: Record<string, unknown> = { ...current };
  for (const [key, value] of Object.entries(patch)) {
    const old = current[key];
    const mergeable =
      isPlain(value) && isPlain(old) && (value["type"] === undefined || value["type"] === old["type"]);
    merged[key] = mergeable ? merge(old, value) : value;
  }
  return merged;
}

function isPlain(value: unknown): value is Plain {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Fills what a replaced object lacks, so that `session.updated` shows the full effective configuration: official
 * clients read `interrupt_response` from it to decide who interrupts.
 */
function complete(config: Plain): SessionConfig {
  const audio = config["audio"] as { readonly input: Plain; readonly output?: Plain };
  const input = { ...audio.input };
  input["format"] = completeFormat(input["format"]);
  input["turn_detection"] = completeTurnDetection(input["turn_detection"]);
  const output = audio.output && { ...audio.output, format: completeFormat(audio.output["format"]) };
  const whole = { ...config, audio: output === undefined ? { input } : { input, output } };
  return whole as unknown as SessionConfig;
}

function completeFormat(format: unknown): unknown {
  return isPlain(format) && format["type"] === "audio/pcm" ? PCM : format;
}

function completeTurnDetection(given: unknown): unknown {
  if (!isPlain(given)) return null;
  const answering = { create_response: true, interrupt_response: true };
  if (given["type"] === "semantic_vad") return { eagerness: "auto", ...answering, ...given };
  return {
    threshold: 0.5,
    prefix_padding_ms: 300,
    silence_duration_ms: 500,
    idle_timeout_ms: null,
    ...answering,
    ...given,
  };
}
