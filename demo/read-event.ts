/** From one message of the client to an object with a `type`. */
import { EventError } from "./errors.ts";

/**
 * `data` null: a binary message.
 * @throws EventError for anything that is no JSON object with a `type`.
 */
export function readEvent(data: string | null): Readonly<Record<string, unknown>> {
  if (data === null) {
    throw new EventError("invalid_event", "Events are JSON in text messages; this message was binary.");
  }
  let event: unknown;
  try {
    event = JSON.parse(data);
  } catch {
    throw new EventError("invalid_json", "The message could not be parsed as JSON.");
  }
  if (typeof event !== "object" || event === null || Array.isArray(event)) {
    throw new EventError("invalid_event", "An event must be a JSON object.");
  }
  if (!("type" in event))
    throw new EventError("missing_required_parameter", "Missing required parameter: 'type'.", "type");
  return event;
}
