/** Clients of OpenAI's beta: what they say, flat or mixed with GA's shapes, and what they may be told. */
import { isJsonObject, parseJsonObject, type Json, type JsonObject } from "../../src/protocol/json.ts";
import { objectOf } from "../oracle/fields.ts";
import type { Random } from "../sim/random.ts";
import { ClientWatch, Violation } from "./checks.ts";
import { isLooseObject, type Loose, type LooseObject } from "./hostile.ts";

/** Fields of a GA session and of the beta's. */
const FLAT: readonly (readonly [beta: string, path: readonly string[]])[] = [
  ["modalities", ["output_modalities"]],
  ["voice", ["audio", "output", "voice"]],
  ["speed", ["audio", "output", "speed"]],
  ["output_audio_format", ["audio", "output", "format"]],
  ["input_audio_format", ["audio", "input", "format"]],
  ["input_audio_transcription", ["audio", "input", "transcription"]],
  ["input_audio_noise_reduction", ["audio", "input", "noise_reduction"]],
  ["turn_detection", ["audio", "input", "turn_detection"]],
  ["max_response_output_tokens", ["max_output_tokens"]],
];
const FORMATS = ["pcm16", "pcm16", "g711_ulaw", "g711_alaw", "g711-ulaw", "mp3"];
const TO_BETA: Readonly<Record<string, string>> = { output_text: "text", output_audio: "audio" };
/** How much of an event stays as GA has it. */
const MIXED = 0.12;

/** `event`, which is GA's, as a client of the beta says it. */
export function betaEvent(event: LooseObject, random: Random): LooseObject {
  const { session, response, item } = event;
  if (isLooseObject(session)) {
    flatten(session, random);
    if (session["type"] === "transcription" || random.chance(0.05))
      event["type"] = "transcription_session.update";
    if (random.chance(0.8)) delete session["type"];
  }
  if (isLooseObject(response)) {
    flatten(response, random);
    const { input } = response;
    if (Array.isArray(input)) for (const each of input) betaItem(each, random);
  }
  if (item !== undefined) betaItem(item, random);
  return event;
}

function flatten(holder: LooseObject, random: Random): void {
  for (const [name, path] of FLAT) {
    const value = random.chance(MIXED) ? undefined : taken(holder, path);
    if (value === undefined) continue;
    const isText = name === "modalities" && JSON.stringify(value) === '["text"]';
    if (name.endsWith("_format")) holder[name] = random.pick(FORMATS);
    else if (name === "modalities") holder[name] = isText ? ["text"] : ["text", "audio"];
    else holder[name] = value;
  }
  if (isLooseObject(holder["audio"]) && random.chance(0.8)) delete holder["audio"];
  if (random.chance(0.2)) holder["temperature"] = random.pick([0.6, 0.8, 1.2, 1.3, 0]);
  if (random.chance(0.1)) holder["turn_detection"] = { type: "none" };
  if (random.chance(0.1)) holder["tool_choice"] = { type: "function", function: { name: "get_weather" } };
}

function taken(holder: LooseObject, path: readonly string[]): Loose | undefined {
  let inner = holder;
  for (const key of path.slice(0, -1)) {
    const next = inner[key];
    if (!isLooseObject(next)) return undefined;
    inner = next;
  }
  const key = path.at(-1) ?? "";
  const value = inner[key];
  delete inner[key];
  return value;
}

function betaItem(item: Loose, random: Random): void {
  if (!isLooseObject(item) || random.chance(MIXED) || !Array.isArray(item["content"])) return;
  for (const part of item["content"]) {
    if (!isLooseObject(part) || typeof part["type"] !== "string") continue;
    part["type"] = TO_BETA[part["type"]] ?? part["type"];
  }
}

/** Server events, by the beta's names. */
const TO_GA: Readonly<Record<string, string>> = {
  "response.audio.delta": "response.output_audio.delta",
  "response.audio.done": "response.output_audio.done",
  "response.audio_transcript.delta": "response.output_audio_transcript.delta",
  "response.audio_transcript.done": "response.output_audio_transcript.done",
  "response.text.delta": "response.output_text.delta",
  "response.text.done": "response.output_text.done",
  "conversation.item.created": "conversation.item.added",
  "transcription_session.created": "session.created",
  "transcription_session.updated": "session.updated",
};
const GA_ONLY: ReadonlySet<string> = new Set([
  ...Object.values(TO_GA).filter((type) => !type.startsWith("session.")),
  "conversation.item.done",
  "conversation.item.input_audio_transcription.segment",
]);
/** Of others a provider may say what it likes. */
const SESSIONS: ReadonlySet<string> = new Set([
  "session.created",
  "session.updated",
  "transcription_session.created",
  "transcription_session.updated",
]);
const RESPONSES: ReadonlySet<string> = new Set(["response.created", "response.done"]);
const ITEMS: ReadonlySet<string> = new Set([
  "conversation.item.created",
  "conversation.item.retrieved",
  "response.output_item.added",
  "response.output_item.done",
]);
const GA_MEMBERS = ["output_modalities", "audio"];

/** Looks at all that one client of the beta is told. */
export class BetaWatch {
  readonly #watch = new ClientWatch(false);

  /** @returns the event as a client of GA would have been told it. @throws Violation */
  message(data: string | Uint8Array): JsonObject | null {
    const event = typeof data === "string" ? parseJsonObject(data) : null;
    if (event === null) return this.#watch.message(data);
    const type = typeof event["type"] === "string" ? event["type"] : "";
    const wrong = (why: string): never => {
      throw new Violation("dialect", `a client of the beta is told ${why}: ${String(data)}`);
    };
    if (GA_ONLY.has(type)) wrong("an event of GA's");
    const { session, response, item, error } = event;
    if (isJsonObject(session) && SESSIONS.has(type))
      judgeSession(session, type.startsWith("transcription_"), wrong);
    if (isJsonObject(response) && RESPONSES.has(type)) judgeResponse(response, wrong);
    if (isJsonObject(item) && ITEMS.has(type)) judgeItem(item, wrong);
    if (isJsonObject(error) && isGaPath(error["param"])) wrong("of a field by its name in GA");
    const own = {
      ...event,
      type: Object.hasOwn(TO_GA, type) ? (TO_GA[type] ?? type) : type,
      ...(isJsonObject(session) && { session: gaSession(session) }),
    };
    return this.#watch.message(JSON.stringify(own));
  }
}

type Wrong = (why: string) => never;

function judgeSession(session: JsonObject, transcribes: boolean, wrong: Wrong): void {
  if (GA_MEMBERS.some((name) => Object.hasOwn(session, name))) wrong("a session that is not flat");
  if (Object.hasOwn(session, "relay") && Object.hasOwn(objectOf(session["relay"]), "resume_token"))
    wrong("a way back that it has not");
  const { input_audio_format: heard, temperature, modalities } = session;
  if (typeof heard !== "string" && !isJsonObject(heard)) wrong("no input format");
  if (transcribes) return;
  if (typeof temperature !== "number" || temperature < 0.6 || temperature > 1.2)
    wrong("a temperature that is none");
  if (!isModalities(modalities)) wrong("no modalities");
}

function judgeResponse(response: JsonObject, wrong: Wrong): void {
  if (GA_MEMBERS.some((name) => Object.hasOwn(response, name))) wrong("a response that is not flat");
  if (!isModalities(response["modalities"])) wrong("a response without modalities");
  const output = Array.isArray(response["output"]) ? (response["output"] as readonly Json[]) : [];
  for (const item of output) if (isJsonObject(item)) judgeItem(item, wrong);
}

function isModalities(value: Json | undefined): boolean {
  return ['["text"]', '["text","audio"]'].includes(JSON.stringify(value));
}

function judgeItem(item: JsonObject, wrong: Wrong): void {
  const content = Array.isArray(item["content"]) ? (item["content"] as readonly Json[]) : [];
  const parts = content.map((part) => objectOf(part)["type"]);
  if (
    item["role"] === "assistant" &&
    parts.some((type) => typeof type === "string" && Object.hasOwn(TO_BETA, type))
  )
    wrong("of content by its name in GA");
}

/** What the relay says of a field that has a name in the beta; a client's own GA fields have none. */
function isGaPath(param: Json | undefined): boolean {
  if (typeof param !== "string") return false;
  const paths = FLAT.map(([, path]) => `session.${path.join(".")}`);
  return paths.some((path) => param === path || param.startsWith(`${path}.`));
}

function gaSession(session: JsonObject): JsonObject {
  const { voice, max_response_output_tokens } = session;
  return {
    ...session,
    audio: { output: { voice: voice ?? null } },
    max_output_tokens: max_response_output_tokens ?? null,
  };
}
