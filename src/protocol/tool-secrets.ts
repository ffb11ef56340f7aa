/**
 * Secrets of tools that a provider runs by itself (MCP): `authorization` and `headers` go to the provider and are shown to
 * nobody, as OpenAI does ("these values will not be visible in the response"). A session that is sent back as it was shown
 * lacks them, and means those that were given for the same server.
 */
import { isJsonObject, type Json, type JsonObject } from "./json.ts";

const SECRETS = ["authorization", "headers"] as const;
/** What says where a secret goes: none is ever sent to another place than it was given for. */
const PLACE = ["type", "server_label", "server_url", "connector_id"] as const;

/** `tools` of a session or a response, without what only the provider may know. */
export function withoutToolSecrets(tools: Json): Json {
  return Array.isArray(tools) ? tools.map((tool: Json) => withoutSecrets(tool)) : tools;
}

function withoutSecrets(tool: Json): Json {
  if (!isMcp(tool) || !SECRETS.some((key) => key in tool)) return tool;
  const { authorization: _, headers: __, ...shown } = tool;
  return shown;
}

/**
 * `tools` with the secrets of `known` ones of the same place, where they say nothing of them. An empty one says that there is
 * none; null says nothing (nulls.ts).
 */
export function withToolSecrets(tools: Json, known: Json): Json {
  if (!Array.isArray(tools) || !Array.isArray(known)) return tools;
  return tools.map((tool: Json) => {
    if (!isMcp(tool)) return tool;
    const same = known.find((other: Json) => isMcp(other) && PLACE.every((key) => other[key] === tool[key]));
    if (same === undefined || !isMcp(same)) return tool;
    const secrets = SECRETS.flatMap((key) => {
      const value = same[key];
      return (tool[key] ?? null) !== null || value === undefined ? [] : [[key, value] as const];
    });
    return secrets.length === 0 ? tool : { ...tool, ...Object.fromEntries(secrets) };
  });
}

/** A session configuration has such a secret: it must not travel where its holder can read it. */
export function hasToolSecrets(session: JsonObject): boolean {
  const { tools } = session;
  return Array.isArray(tools) && tools.some((tool: Json) => withoutSecrets(tool) !== tool);
}

function isMcp(tool: Json | undefined): tool is JsonObject {
  return isJsonObject(tool) && tool["type"] === "mcp";
}
