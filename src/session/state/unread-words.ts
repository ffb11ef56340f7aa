/**
 * What a provider says in an answer that the relay hands on unread may hold words of the model's (a refusal, thoughts), and no
 * moderator is asked about those: under a guard they are not handed on. What the provider's own tools do is no such words.
 */
import type { JsonObject } from "../../protocol/json.ts";
import type { UpstreamEvent } from "../../upstreams/upstream.ts";

const TOOLS = /^(?:response\.)?mcp_/;

function isOfTools({ type }: JsonObject): boolean {
  return typeof type === "string" && TOOLS.test(type);
}

export function mayHoldWords(event: UpstreamEvent): boolean {
  if (event.type === "item.started") return event.kind === "other" && !isOfTools(event.whole);
  if (event.type === "item.event") return !isOfTools(event.event);
  if (event.type !== "passed") return false;
  const { type } = event.event;
  return typeof type === "string" && type.startsWith("response.") && !isOfTools(event.event);
}
