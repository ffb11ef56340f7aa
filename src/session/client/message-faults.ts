/** What is wrong with a client's message, and what can be said of one that is not read. */
import { insteadOfBase64 } from "../../protocol/append.ts";
import { ClientError } from "../../protocol/client-error.ts";
import { namedEventId } from "../../protocol/client-events.ts";
import { eventIdIn } from "../../protocol/event-id.ts";
import type { JsonExcess, JsonMost } from "../../protocol/json.ts";
import type { Limits } from "../limits.ts";
import type { WireMessage } from "../../upstreams/upstream.ts";

const FRONT_CHARS = 1024;

/** Of a message that is not parsed: what stands at its front, and at its end where its `type` may come last. */
export function frontOf(data: WireMessage): string {
  if (typeof data !== "string") return "";
  return data.length <= 2 * FRONT_CHARS ? data : data.slice(0, FRONT_CHARS) + data.slice(-FRONT_CHARS);
}

/** How much an event's JSON may have. */
export function jsonMost({ jsonDepth, jsonMembers, jsonEscapes, jsonOutside }: Limits): JsonMost {
  return { levels: jsonDepth, members: jsonMembers, escapes: jsonEscapes, outside: jsonOutside };
}

export function excessError(
  excess: JsonExcess,
  { levels, members, escapes, outside }: JsonMost,
): ClientError {
  switch (excess) {
    case "levels":
      return new ClientError("invalid_json", `The JSON of an event is at most ${levels} levels deep.`);
    case "members":
      return new ClientError("message_too_large", `An event has at most ${members} members and elements.`);
    case "escapes":
      return new ClientError("message_too_large", `An event has at most ${escapes} escapes ('\\').`);
    case "outside":
      return new ClientError(
        "message_too_large",
        `An event has at most ${outside} characters outside of strings.`,
      );
  }
}

/** Under which a message that is not parsed is refused. */
export function nameOf(data: WireMessage): string | null {
  return typeof data === "string" ? namedEventId(eventIdIn(data) ?? undefined) : null;
}

export function invalidAudio(text: string): ClientError {
  const instead = insteadOfBase64(text);
  return new ClientError(
    "invalid_value",
    `Invalid 'audio': expected base64 (RFC 4648 §4)${instead === null ? "" : `, got ${instead}`}.`,
    "audio",
  );
}
