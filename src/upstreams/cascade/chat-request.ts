/** What the text model is asked: a chat completion of OpenAI's dialect, streamed. */
import { isJsonObject, type Json } from "../../protocol/json.ts";
import { mergeDeep, nameAt, objectAt, objectsAt, textAt } from "../json.ts";
import type { JsonObject, RespondOptions, UpstreamConfig } from "../upstream.ts";
import { type Entry, entryOf, type History, messagesOf } from "./history.ts";
import type { CascadeSettings } from "./settings.ts";

/** Workers AI cuts an answer after 256 tokens where nothing is asked for, and does not say that it did. */
const USUAL_TOKENS = 2048;

/** Schemas of Workers AI's older models want these of each function. */
const WHOLE_TOOL = { description: "", parameters: { type: "object", properties: {} } };

export function chatRequest(
  { adapter, model, body }: CascadeSettings["text"],
  config: UpstreamConfig,
  history: History,
  { params }: RespondOptions,
): JsonObject {
  const instructions = textAt(params, "instructions") ?? config.instructions;
  const told = inputOf(params, history) ?? history.messages();
  const most = params["max_output_tokens"] ?? config.maxOutputTokens;
  const given = params["tools"] === undefined ? config.tools : objectsAt(params, "tools");
  const usual = adapter === "workers-ai" ? WHOLE_TOOL : {};
  const tools = given.flatMap((tool) => toolOf({ ...usual, ...tool }));
  const choice = choiceOf(params["tool_choice"] ?? config.toolChoice);
  const request: JsonObject = {
    ...(adapter === "workers-ai"
      ? { max_tokens: typeof most === "number" ? most : USUAL_TOKENS }
      : { model, stream_options: { include_usage: true }, ...capped(most) }),
    messages: [...(instructions === "" ? [] : [{ role: "system", content: instructions }]), ...told],
    stream: true,
    ...(tools.length > 0 ? { tools, ...(choice === null ? {} : { tool_choice: choice }) } : {}),
  };
  return mergeDeep(request, body);
}

function capped(most: Json): JsonObject {
  return typeof most === "number" ? { max_completion_tokens: most } : {};
}

export function modalityOf({ params }: RespondOptions, config: UpstreamConfig): UpstreamConfig["modality"] {
  const given = params["output_modalities"];
  if (!Array.isArray(given)) return config.modality;
  return given.includes("audio") ? "audio" : "text";
}

/** A response's own input instead of the conversation; null: it has none. */
function inputOf(params: JsonObject, history: History): readonly JsonObject[] | null {
  const { input } = params;
  if (!Array.isArray(input)) return null;
  const items: readonly Json[] = input;
  const entries = items.flatMap((item): readonly Entry[] => {
    if (!isJsonObject(item)) return [];
    const id = textAt(item, "id");
    const entry =
      item["type"] === "item_reference" && id !== null
        ? history.get(id)
        : entryOf({ id: "", type: "message", ...item });
    return entry === null ? [] : [entry];
  });
  return messagesOf(entries);
}

/** The Realtime dialect names a function beside its type, chat completions in a member of its own. */
function toolOf(tool: JsonObject): readonly JsonObject[] {
  const name = nameAt(tool, "name");
  if (tool["type"] !== "function" || name === null) return [];
  const { description, parameters, strict } = tool;
  return [
    {
      type: "function",
      function: {
        name,
        ...(description === undefined ? {} : { description }),
        ...(parameters === undefined ? {} : { parameters }),
        ...(strict === undefined ? {} : { strict }),
      },
    },
  ];
}

function choiceOf(choice: Json): Json {
  if (typeof choice === "string") return choice;
  const chosen = isJsonObject(choice) ? choice : null;
  const name = nameAt(chosen, "name") ?? nameAt(objectAt(chosen, "function"), "name");
  return name === null ? null : { type: "function", function: { name } };
}
