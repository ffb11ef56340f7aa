/** A provider's message as the JSON object that it should be. */
import { isNestedWithin, parseJsonObject } from "../../protocol/json.ts";
import type { JsonObject, UpstreamEvent, WireMessage } from "../upstream.ts";
import { utf8Text } from "../utf8.ts";

const MAX_NESTING = 64;
const NO_EVENT: UpstreamEvent = {
  type: "error",
  error: {
    code: "upstream_protocol_error",
    message: `A message of the provider is no JSON object of at most ${MAX_NESTING} levels.`,
  },
  fatal: false,
};

/**
 * Null: it is longer than `most` (characters, or bytes of a binary one), no JSON object, an empty one, or nested too deeply, which is
 * told.
 */
export function eventOf(message: WireMessage, most: number, out: UpstreamEvent[]): JsonObject | null {
  if (message.length <= most) {
    const event = parseJsonObject(typeof message === "string" ? message : utf8Text(message));
    if (event !== null && Object.keys(event).length > 0 && isNestedWithin(event, MAX_NESTING)) return event;
  }
  out.push(NO_EVENT);
  return null;
}
