/**
 * Tools that a provider runs by itself, at a server that it was given (`type: "mcp"`), are run by each that is asked. An upstream that is
 * only tried out must do nothing in the world, so it is given functions alone, which nobody calls for it.
 */
import { isJsonObject, type Json, type JsonObject } from "../../protocol/json.ts";
import type { UpstreamConfig } from "../../upstreams/upstream.ts";

export function functionsOnly(config: UpstreamConfig): UpstreamConfig {
  const tools = functionsOf(config.tools);
  if (tools.length === config.tools.length) return config;
  return { ...config, tools, toolChoice: choiceOf(config.toolChoice, tools) };
}

/** The same of parameters of one answer. */
export function functionsOnlyIn(params: JsonObject): JsonObject {
  const { tools: given, tool_choice: choice } = params;
  if (!Array.isArray(given)) return params;
  const all = (given as readonly Json[]).filter((tool) => isJsonObject(tool));
  const tools = functionsOf(all);
  if (tools.length === all.length) return params;
  return { ...params, tools, ...(choice !== undefined && { tool_choice: choiceOf(choice, tools) }) };
}

function functionsOf(tools: readonly JsonObject[]): readonly JsonObject[] {
  return tools.filter(({ type }) => type === "function");
}

/** One that asks for a tool that is not there would be refused. */
function choiceOf(choice: Json, tools: readonly JsonObject[]): Json {
  const gone = isJsonObject(choice) && choice["type"] !== "function";
  return gone || (choice === "required" && tools.length === 0) ? "auto" : choice;
}
