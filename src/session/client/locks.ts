/**
 * What a client may not change of its session: fields that whoever made the session has locked, and kinds of tools that it
 * did not allow. Only what is said otherwise is refused: a session can be sent back as it was shown.
 *
 * An update is judged field by field, as a provider judges it (`updates.ts`): what is locked stays as it was and is told, the
 * rest is in force. A `response.create` is taken or refused as a whole.
 */
import { ClientError } from "../../protocol/client-error.ts";
import type { ResponseParams } from "../../protocol/client-events.ts";
import { isJsonObject, type Json, type JsonObject, ownAt, sameJson } from "../../protocol/json.ts";
import { valueAt, withValueAt, type SessionConfig } from "../../protocol/session-config.ts";
import type { PlanNow } from "../state/plan-now.ts";

export interface Locks {
  /** Paths in the session object (`instructions`, `audio.input.turn_detection.idle_timeout_ms`), or `unknown`. */
  readonly fields: readonly string[];
  /** Kinds of tools that a client may bring; null: any. */
  readonly toolTypes: readonly string[] | null;
  /** Names of tools that the relay runs: nobody brings others of these names. */
  readonly taken?: readonly string[];
}

export const NO_LOCKS: Locks = { fields: [], toolTypes: null };

/** In place of a path: members of a session and of a response that this relay only hands on. */
const UNKNOWN = "unknown";

/** Those it knows, by name at least. */
const KNOWN_OF_SESSION = new Set([
  "type",
  "model",
  "instructions",
  "output_modalities",
  "max_output_tokens",
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "reasoning",
  "tracing",
  "truncation",
  "prompt",
  "include",
  "audio",
  "relay",
]);
const KNOWN_OF_RESPONSE = new Set([
  "conversation",
  "metadata",
  "input",
  "instructions",
  "output_modalities",
  "max_output_tokens",
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "reasoning",
  "prompt",
  "audio",
]);

/** Groups of fields, with the fields that are known of them. */
const KNOWN_OF_AUDIO: Readonly<Record<string, ReadonlySet<string>>> = {
  input: new Set(["format", "transcription", "noise_reduction", "turn_detection"]),
  output: new Set(["format", "voice", "speed"]),
};
const PATH = /^[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*){0,5}$/;

/** Why nothing would be locked by this; null: it names a field. A lock that locks nothing must not look as if it did. */
export function faultOfLock(field: string): string | null {
  if (field === UNKNOWN) return null;
  const [top = "", group, name] = field.split(".");
  const known =
    PATH.test(field) &&
    KNOWN_OF_SESSION.has(top) &&
    (top !== "audio" ||
      group === undefined ||
      (Object.hasOwn(KNOWN_OF_AUDIO, group) &&
        (name === undefined || (KNOWN_OF_AUDIO[group]?.has(name) ?? false))));
  return known ? null : `'${field.slice(0, 64)}' is no field of a session`;
}

export interface Restrained {
  /** What is in force: every locked field as it was. */
  readonly config: SessionConfig;
  readonly refused: readonly ClientError[];
}

/**
 * @param before what was in force.
 * @param after what the client would have.
 * @param granted what the session began with: tools of it may be said again, of whatever kind.
 */
export function restrain(
  locks: Locks,
  before: SessionConfig,
  after: SessionConfig,
  granted: SessionConfig,
): Restrained {
  const refused: ClientError[] = [];
  let config = after;
  const keep = (path: readonly string[], error: ClientError): void => {
    refused.push(error);
    const [top = ""] = path;
    config = withValueAt(
      config,
      [top],
      putBack(valueAt(before, [top]), valueAt(config, [top]), path.slice(1)),
    );
  };
  for (const path of pathsOf(locks, after)) {
    if (!same(valueAt(before, path), valueAt(after, path))) keep(path, lockedAt("session", path));
  }
  const tools = [...toolsOf(before), ...toolsOf(granted)];
  const foreign = foreignTool(locks, toolsOf(config), tools);
  if (foreign !== null) keep(["tools"], notAllowed("session.tools", foreign, locks));
  const taken = takenName(locks, toolsOf(config));
  if (taken !== null && !same(before.tools as Json, config.tools as Json))
    keep(["tools"], nameTaken("session.tools", taken));
  return { config, refused };
}

/** @throws ClientError naming the first parameter that is locked. */
export function checkParams(
  locks: Locks,
  params: ResponseParams,
  config: SessionConfig,
  granted: SessionConfig,
): void {
  // What came from a JSON schema is JSON.
  const given = params as JsonObject;
  for (const field of locks.fields) {
    const path = field.split(".");
    const value = ownAt(given, path);
    // `unknown` is no member's name; what is not said is the session's.
    if (field === UNKNOWN || value === undefined || same(value, valueAt(config, path))) continue;
    throw locked(`response.${field}`);
  }
  const [stranger] = locks.fields.includes(UNKNOWN) ? strangersOf(given, KNOWN_OF_RESPONSE) : [];
  if (stranger !== undefined) throw lockedAt("response", stranger);
  const { tools = [], input = [] } = params;
  const foreign = foreignTool(locks, tools, [...toolsOf(config), ...toolsOf(granted)]);
  if (foreign !== null) throw notAllowed("response.tools", foreign, locks);
  const taken = takenName(locks, tools);
  if (taken !== null) throw nameTaken("response.tools", taken);
  for (const [index, item] of input.entries())
    checkRole(locks, item as JsonObject, `response.input[${index}]`);
}

/** Where the plan stands in the session object. */
const PLAN = ["relay", "plan"];

/** A change of the plan is taken or refused as a whole. @throws ClientError naming the first part that is locked. */
export function checkPlan({ fields }: Locks, before: PlanNow, after: PlanNow): void {
  const [was, is] = [before, after].map((plan): JsonObject => {
    return { relay: { plan: { ...plan, upstreams: [...plan.upstreams] } } };
  });
  for (const field of fields) {
    const path = field.split(".");
    if (!PLAN.slice(0, path.length).every((name, at) => name === path[at])) continue;
    if (!same(ownAt(was ?? {}, path), ownAt(is ?? {}, path)))
      throw locked(path.length > 1 ? path.slice(1).join(".") : "plan");
  }
}

/** Words of the system are instructions, wherever they stand. @throws ClientError */
export function checkRole(locks: Locks, item: JsonObject, path: string): void {
  const commands = item["role"] === "system" || item["role"] === "developer";
  if (commands && locks.fields.includes("instructions")) throw locked(`${path}.role`);
}

function pathsOf({ fields }: Locks, after: SessionConfig): readonly (readonly string[])[] {
  const paths = fields.filter((field) => field !== UNKNOWN).map((field) => field.split("."));
  if (paths.length === fields.length) return paths;
  // JSON by construction: it came out of a schema over JSON.
  return [...paths, ...strangersOf(after as unknown as JsonObject, KNOWN_OF_SESSION)];
}

/** Where members are that this relay only hands on, those of the groups of `audio` too. */
function strangersOf(object: JsonObject, known: ReadonlySet<string>): readonly (readonly string[])[] {
  const strangers = Object.keys(object)
    .filter((name) => !known.has(name))
    .map((name): readonly string[] => [name]);
  const { audio } = object;
  for (const [group, members] of Object.entries(isJsonObject(audio) ? audio : {})) {
    const ofGroup = Object.hasOwn(KNOWN_OF_AUDIO, group) ? KNOWN_OF_AUDIO[group] : undefined;
    if (ofGroup === undefined) strangers.push(["audio", group]);
    const names = isJsonObject(members) && ofGroup ? Object.keys(members) : [];
    for (const name of names) if (!ofGroup?.has(name)) strangers.push(["audio", group, name]);
  }
  return strangers;
}

/** The kind of the first tool that is not allowed and not there already; null: there is none. */
function foreignTool(
  { toolTypes }: Locks,
  tools: readonly JsonObject[],
  there: readonly JsonObject[],
): string | null {
  if (toolTypes === null) return null;
  const foreign = tools.find((tool) => {
    const type = tool["type"];
    return !(typeof type === "string" && toolTypes.includes(type)) && !there.some((one) => same(one, tool));
  });
  if (foreign === undefined) return null;
  const { type } = foreign;
  return typeof type === "string" ? type.slice(0, 64) : "";
}

/** The first name that is one of the relay's tools; null: there is none. */
function takenName({ taken = [] }: Locks, tools: readonly JsonObject[]): string | null {
  const names = tools.flatMap(({ name }) => (typeof name === "string" ? [name] : []));
  return names.find((name) => taken.includes(name)) ?? null;
}

function toolsOf(config: SessionConfig): readonly JsonObject[] {
  // JSON by construction: it came out of a schema over JSON.
  return config.tools as unknown as readonly JsonObject[];
}

/**
 * `after` with what `before` has at the path. A group that is gone, or of another type, has no place for it: then the whole
 * group is as it was.
 */
function putBack(
  before: Json | undefined,
  after: Json | undefined,
  path: readonly string[],
): Json | undefined {
  const [key, ...inner] = path;
  if (key === undefined) return before;
  if (!isJsonObject(before)) return before;
  if (!isJsonObject(after) || !same(before["type"], after["type"])) return before;
  const value = putBack(ownAt(before, [key]), ownAt(after, [key]), inner);
  const { [key]: _, ...rest } = after;
  return value === undefined ? rest : { ...after, [key]: value };
}

/** Nothing is null, or not there at all. */
function same(a: Json | undefined, b: Json | undefined): boolean {
  return sameJson(a ?? null, b ?? null);
}

function lockedAt(of: "session" | "response", path: readonly string[]): ClientError {
  return locked([of, ...path].join("."));
}

function locked(param: string): ClientError {
  return new ClientError("field_locked", `'${param}' is locked in this session and stays as it is.`, param);
}

function nameTaken(param: string, name: string): ClientError {
  const message = `A tool '${name}' is the relay's own in this session: give yours another name.`;
  return new ClientError("tool_name_taken", message, param);
}

function notAllowed(param: string, type: string, { toolTypes }: Locks): ClientError {
  const kinds = (toolTypes ?? []).join(", ") || "none";
  return new ClientError(
    "tool_not_allowed",
    `A client of this session brings no tools of type '${type}' (tool_types: ${kinds}).`,
    param,
  );
}
