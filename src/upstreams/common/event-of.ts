/** A provider's message as the JSON object that it should be. */
import { isNestedWithin, parseJsonObject } from "../../protocol/json.ts";
import type { JsonObject, UpstreamEvent, WireMessage } from "../upstream.ts";
import { utf8Text } from "../utf8.ts";

const MAX_NESTING = 64;

/** Null: it is longer than `most` (characters, or bytes of a binary one), no JSON object, an empty one, or nested too deeply. */
export function eventOf(message: WireMessage, most: number): JsonObject | null {
  if (message.length > most) return null;
  const event = parseJsonObject(typeof message === "string" ? message : utf8Text(message));
  if (event === null || Object.keys(event).length === 0) return null;
  return isNestedWithin(event, MAX_NESTING) ? event : null;
}

/** What is told of a message that is none. */
export const NO_EVENT: UpstreamEvent = {
  type: "error",
  error: {
    code: "upstream_protocol_error",
    message: `A message of the provider is no JSON object of at most ${MAX_NESTING} levels.`,
  },
  fatal: false,
};
