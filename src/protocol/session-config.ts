/**
 * The session object of OpenAI Realtime GA: defaults, deep partial merge, validation. Unknown keys are stored and
 * echoed. `session.updated` always carries the full effective configuration: agents SDKs read
 * `turn_detection.interrupt_response` from it to decide who cancels.
 */
import * as v from "valibot";

import { isBetaSessionField, refuseBetaFields } from "./beta-fields.ts";
import { ClientError } from "./client-error.ts";
import { isJsonObject, type Json, type JsonObject, ownAt, sameJson } from "./json.ts";
import { complete, completeFormat, DEFAULTS } from "./session-defaults.ts";
import { check, format, type SessionConfig } from "./session-schema.ts";

export type { SessionConfig, TurnDetection } from "./session-schema.ts";

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

/** Objects that are one value: setting them replaces them, members of an old one do not shine through. */
const WHOLE = new Set(["tool_choice", "tracing", "prompt", "truncation", "format", "voice", "reasoning"]);
/** What a client may repeat but not change: identity belongs to the server. */
const SERVER_OWNED = new Set(["id", "object", "model", "expires_at", "client_secret"]);
/** Groups of fields: there is nothing to clear, and null says nothing. */
const GROUPS = new Set(["audio", "input", "output", "type"]);
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
