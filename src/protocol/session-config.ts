/**
 * The session object of OpenAI Realtime GA: defaults, deep partial merge, validation. Unknown keys are stored and
 * echoed. `session.updated` always carries the full effective configuration: agents SDKs read
 * `turn_detection.interrupt_response` from it to decide who cancels.
 */
import * as v from "valibot";

import { isBetaSessionField, refuseBetaFields } from "./beta-fields.ts";
import { ClientError } from "./client-error.ts";
import { isJsonObject, type Json, type JsonObject, ownAt, sameJson } from "./json.ts";
import { eachWithoutNulls, withoutNulls } from "./nulls.ts";

const unit = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const millis = (least: number, most: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most));

const format = v.variant("type", [
  v.looseObject({ type: v.literal("audio/pcm"), rate: v.picklist([8000, 16000, 24000, 48000]) }),
  v.looseObject({ type: v.literal("audio/pcmu") }),
  v.looseObject({ type: v.literal("audio/pcma") }),
]);

/** An audio format on its own, for the field `param`. @throws ClientError naming that field. */
export function readFormat(given: Json, param: string): v.InferOutput<typeof format> {
  const result = v.safeParse(format, completeFormat(given), { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const where = [param, v.getDotPath(issue)].filter(Boolean).join(".");
  throw new ClientError(
    "invalid_value",
    `Invalid '${where}': expected ${issue.expected ?? "a format"}.`,
    param,
  );
}

const turnDetection = v.variant("type", [
  v.looseObject({
    type: v.literal("server_vad"),
    threshold: unit,
    prefix_padding_ms: millis(0, 5000),
    silence_duration_ms: millis(0, 10_000),
    create_response: v.boolean(),
    interrupt_response: v.boolean(),
    idle_timeout_ms: v.nullable(millis(5000, 30_000)),
  }),
  v.looseObject({
    type: v.literal("semantic_vad"),
    eagerness: v.picklist(["low", "medium", "high", "auto"]),
    create_response: v.boolean(),
    interrupt_response: v.boolean(),
  }),
  // Ours: no turns at all. Audio flows always, in micro-turns of `frame_ms`, and the relay never commits.
  v.looseObject({
    type: v.literal("duplex"),
    frame_ms: millis(20, 1000),
    create_response: v.literal(false),
    interrupt_response: v.literal(false),
  }),
]);

/** `session.relay`: what this relay alone understands. All of it is optional. */
const relay = v.looseObject({
  lead_ms: v.optional(v.nullable(millis(20, 60_000))),
  eager_ms: v.optional(v.nullable(millis(50, 5000))),
  interruption: v.optional(
    v.looseObject({
      confirm_ms: v.optional(millis(0, 5000)),
      dismiss_ms: v.optional(millis(50, 5000)),
      over_agent: v.optional(v.picklist(["duck", "hold"])),
      duck_db: v.optional(v.pipe(v.number(), v.minValue(12), v.maxValue(18))),
    }),
  ),
});

/** What a client says of its own player: no setting of the session. */
const PLAYER = "player";

/** Whether the client's player ducks, by its `session.update`; null: it says nothing of it. @throws ClientError */
export function readPlayerDucks(session: JsonObject): boolean | null {
  const player = isJsonObject(session["relay"]) ? (session["relay"][PLAYER] ?? null) : null;
  if (player === null) return null;
  const ducks = isJsonObject(player) ? (player["duck"] ?? false) : null;
  if (typeof ducks === "boolean") return ducks;
  const param = `session.relay.${PLAYER}${isJsonObject(player) ? ".duck" : ""}`;
  throw new ClientError("invalid_value", `Invalid '${param}': expected a boolean in an object.`, param);
}

const sessionConfig = v.looseObject({
  relay: v.optional(relay),
  type: v.picklist(["realtime", "transcription"]),
  instructions: v.string(),
  output_modalities: v.union([v.strictTuple([v.literal("audio")]), v.strictTuple([v.literal("text")])]),
  max_output_tokens: v.union([millis(1, 4096), v.literal("inf")]),
  tools: v.array(v.looseObject({ type: v.string() })),
  tool_choice: v.union([v.string(), v.looseObject({ type: v.string() })]),
  audio: v.looseObject({
    input: v.looseObject({
      format,
      transcription: v.nullable(v.looseObject({})),
      noise_reduction: v.nullable(v.looseObject({})),
      turn_detection: v.nullable(turnDetection),
    }),
    output: v.looseObject({
      format,
      voice: v.nullable(v.union([v.string(), v.looseObject({ id: v.string() })])),
      speed: v.pipe(v.number(), v.minValue(0.25), v.maxValue(1.5)),
    }),
  }),
});

export type SessionConfig = v.InferOutput<typeof sessionConfig>;
export type TurnDetection = v.InferOutput<typeof turnDetection>;

/** How `voice: null`, the upstream's own, is shown; sent back it means the same. */
export const OWN_VOICE = "default";

const PCM_24K: JsonObject = { type: "audio/pcm", rate: 24000 };

/** OpenAI's documented defaults. */
const DEFAULTS: JsonObject = {
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

/** Objects that are one value: setting them replaces them, members of an old one do not shine through. */
const WHOLE = new Set(["tool_choice", "tracing", "prompt", "truncation", "format", "voice", "reasoning"]);
/** What a client may repeat but not change: identity belongs to the server. */
const SERVER_OWNED = new Set(["id", "object", "model", "expires_at", "client_secret"]);
/** The same of `relay`. */
const RELAY_OWNED = new Set(["session_id", "resume_token", "upstreams", "detector", "tools", "plan", PLAYER]);
/** Groups of fields: there is nothing to clear, and null says nothing. */
const GROUPS = new Set(["audio", "input", "output", "type"]);
/** Objects whose members may all be absent, and are never null. */
const SPARSE = new Set(["tool_choice", "tracing", "truncation", "reasoning"]);
const MERGE_DEPTH = 6;

export function initialConfig(kind: "realtime" | "transcription"): SessionConfig {
  return check(complete({ ...DEFAULTS, type: kind }));
}

/**
 * `config` with `update` merged in: only present fields change, null clears. A field that has no value for "nothing"
 * is at its default then; a group of fields (`audio`) that is null says nothing.
 * @throws ClientError naming the field, and `config` stays as it was.
 */
export function mergeConfig(config: SessionConfig, update: JsonObject): SessionConfig {
  refuseBetaFields(update, "session");
  const settable = ([key]: [string, Json]) => !SERVER_OWNED.has(key) && !isBetaSessionField(key);
  const cleaned = Object.fromEntries(Object.entries(update).filter(settable));
  const type = cleaned["type"] ?? undefined;
  if ((type === "realtime" || type === "transcription") && type !== config.type) {
    throw new ClientError(
      "invalid_value",
      `Invalid 'session.type': this is a ${config.type} session.`,
      "session.type",
    );
  }
  // SessionConfig is JSON by construction (it came out of a schema over JSON).
  return check(complete(merge(config as unknown as JsonObject, cleaned, 0)));
}

/** Whether two configurations say the same. */
export function sameConfig(a: SessionConfig, b: SessionConfig): boolean {
  return sameJson(a as unknown as JsonObject, b as unknown as JsonObject);
}

/** The value at a path of the configuration; undefined: there is none. */
export function valueAt(config: SessionConfig, path: readonly string[]): Json | undefined {
  return ownAt(config as unknown as JsonObject, path);
}

/** `config` with another value at a path; undefined: without it. @throws ClientError when that is no configuration. */
export function withValueAt(
  config: SessionConfig,
  path: readonly string[],
  value: Json | undefined,
): SessionConfig {
  return check(complete(replaced(config as unknown as JsonObject, path, value)));
}

function replaced(object: JsonObject, path: readonly string[], value: Json | undefined): JsonObject {
  const [key = "", ...inner] = path;
  const { [key]: old, ...rest } = object;
  if (inner.length === 0) return value === undefined ? rest : { ...object, [key]: value };
  return { ...object, [key]: replaced(isJsonObject(old) ? old : {}, inner, value) };
}

/** @returns `base` itself where `update` changes nothing: what is shared need not be compared, counted or copied again. */
function merge(base: JsonObject, update: JsonObject, depth: number): JsonObject {
  let merged: Record<string, Json> | null = null;
  for (const [key, value] of Object.entries(update)) {
    if (key === "__proto__" || (value === null && GROUPS.has(key))) continue;
    const old = ownAt(base, [key]);
    const replace =
      depth >= MERGE_DEPTH ||
      WHOLE.has(key) ||
      !isJsonObject(value) ||
      !isJsonObject(old) ||
      changesType(old, value);
    const next = replace ? (sameJson(old, value) ? old : value) : merge(old, value, depth + 1);
    if (next === undefined || next === old) continue;
    merged ??= { ...base };
    merged[key] = next;
  }
  return merged ?? base;
}

function changesType(old: JsonObject, update: JsonObject): boolean {
  const type = update["type"] ?? undefined;
  return type !== undefined && old["type"] !== undefined && type !== old["type"];
}

/** Fills in what a partial value, or a null, leaves to its defaults. */
function complete(config: JsonObject): JsonObject {
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

/** What of `relay` can be set, without what is the server's to say; undefined: nothing is. */
function completeRelay(relay: Json | undefined): Json | undefined {
  if (!isJsonObject(relay)) return relay ?? undefined;
  const { interruption, ...rest } = relay;
  const settings = Object.fromEntries(Object.entries(rest).filter(([key]) => !RELAY_OWNED.has(key)));
  if (interruption === undefined || interruption === null)
    return Object.keys(settings).length > 0 ? settings : undefined;
  return {
    ...settings,
    interruption: isJsonObject(interruption) ? withoutNulls(interruption) : interruption,
  };
}

function completeFormat(given: Json | undefined): Json {
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

function check(config: JsonObject): SessionConfig {
  const result = v.safeParse(sessionConfig, config, { abortEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  const param = `session.${v.getDotPath(issue) ?? ""}`;
  if (issue.received === "undefined")
    throw new ClientError("missing_required_parameter", `Missing required parameter: '${param}'.`, param);
  const expected =
    param === MODALITIES.param ? MODALITIES.expected : wordsOf(issue.expected ?? issue.message);
  throw new ClientError("invalid_value", `Invalid '${param}': expected ${expected}.`, param);
}

/** A schema of two arrays says that it expects one, to whom that has sent one of both. */
const MODALITIES = { param: "session.output_modalities", expected: '["audio"] or ["text"]' };

/** As a schema says a bound, in words. */
function wordsOf(expected: string): string {
  return expected.replace(/^>=(.*)$/, "at least $1").replace(/^<=(.*)$/, "at most $1");
}
