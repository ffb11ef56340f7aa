/** How much the JSON of one event may have, whoever sends it. */
import { ClientError } from "../../protocol/client-error.ts";
import type { JsonExcess, JsonMost } from "../../protocol/json.ts";
import type { Limits } from "../limits.ts";

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
