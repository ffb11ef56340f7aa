/** The session's configuration and what was said before, in the words of `session.start`; what of it can change later. */
import type { Json } from "../../protocol/json.ts";
import { sampleRateHz } from "../../audio/format.ts";
import { mergeDeep, nameAt, objectAt, textAt } from "../json.ts";
import { textOf } from "../common/told-context.ts";
import type { Item, JsonObject, UpstreamConfig } from "../upstream.ts";
import type { LiveSettings } from "./settings.ts";
import { tokensOf } from "./tokens.ts";

/** Bounds of `session.input`, the second for what a rendered message has around its text. */
const MAX_MESSAGES = 128;
const MAX_TOKENS = 8192;
const TOKENS_AROUND = 8;

export function startMessage(
  settings: LiveSettings,
  config: UpstreamConfig,
  before: readonly Item[],
): JsonObject {
  const { format, model } = settings;
  const voice = voiceOf(config.voice);
  const input = historyOf(before);
  const session: JsonObject = {
    model,
    ...(config.instructions === "" ? {} : { instructions: config.instructions }),
    audio: {
      format: { type: format.type, rate: sampleRateHz(format) },
      ...(voice === null ? {} : { output: { voice } }),
    },
    delegation: delegationOf(settings, config),
    ...(input.length > 0 ? { input } : {}),
  };
  return { type: "session.start", session: mergeDeep(session, settings.session) };
}

/** Goes on with a stored session, whose conversation and configuration it has: only the format of its sound is said anew. */
export function forkMessage({ format }: LiveSettings): JsonObject {
  const audio = { format: { type: format.type, rate: sampleRateHz(format) } };
  return { type: "session.start", session: { audio } };
}

/** A built-in voice has a name, a custom one an object with its id. */
function voiceOf(voice: Json): Json | null {
  if (typeof voice === "string") return voice === "" ? null : voice;
  const id =
    typeof voice === "object" && !Array.isArray(voice) ? nameAt(voice as JsonObject | null, "id") : null;
  return id === null ? null : { id };
}

/** With what a session's own tools are to the model behind. */
export function delegationOf({ delegation }: LiveSettings, config: UpstreamConfig): JsonObject {
  if (delegation.type !== "responses") return delegation;
  const tools = config.tools.flatMap(functionOf);
  const { toolChoice, maxOutputTokens } = config;
  const responses: JsonObject = {
    ...(tools.length > 0 ? { tools } : {}),
    ...(tools.length > 0 && toolChoice !== "auto" ? { tool_choice: toolChoice } : {}),
    ...(maxOutputTokens === "inf" ? {} : { max_output_tokens: maxOutputTokens }),
  };
  return mergeDeep({ type: "responses", responses }, delegation);
}

function functionOf(tool: JsonObject): readonly JsonObject[] {
  const name = textAt(tool, "name");
  if (textAt(tool, "type") !== "function" || name === null) return [];
  const description = textAt(tool, "description");
  const parameters = objectAt(tool, "parameters");
  return [
    {
      type: "function",
      name,
      ...(description === null ? {} : { description }),
      ...(parameters === null ? {} : { parameters }),
    },
  ];
}

/** Members of the configuration that say something and that a session of this kind cannot be told. */
export function untaken(settings: LiveSettings, config: UpstreamConfig): readonly string[] {
  const responses = settings.delegation.type === "responses";
  const other = config.tools.some((tool) =>
    responses ? functionOf(tool).length === 0 : textAt(tool, "name") !== settings.tool,
  );
  const asked: readonly (readonly [string, boolean])[] = [
    ["speed", config.speed !== 1],
    ["tools", other],
    ["toolChoice", !responses && config.toolChoice !== "auto"],
    ["maxOutputTokens", !responses && config.maxOutputTokens !== "inf"],
  ];
  return asked.flatMap(([field, says]) => (says ? [field] : []));
}

/** The newest of what was said, as much as a session may begin with. */
function historyOf(items: readonly Item[]): readonly JsonObject[] {
  const told: JsonObject[] = [];
  let left = MAX_TOKENS;
  for (const item of items.toReversed()) {
    const text = textOf(item);
    if (text === "") continue;
    left -= tokensOf(text) + TOKENS_AROUND;
    if (left < 0 || told.length === MAX_MESSAGES) break;
    told.push(messageOf(item, text));
  }
  return told.toReversed();
}

/** Calls and their results are no messages: they are told by whoever made the session. */
function messageOf(item: Item, text: string): JsonObject {
  const said = item.type === "message" ? textAt(item, "role") : null;
  if (said === "assistant") return { role: "assistant", content: [{ type: "output_text", text }] };
  return { role: said === "user" ? "user" : "developer", content: [{ type: "input_text", text }] };
}
