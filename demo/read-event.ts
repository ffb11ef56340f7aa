/** From one message of the client to an object with a `type`. */
import { EventError } from "./errors.ts";
import { clientEvents, type ClientEvents } from "./schemas.ts";

export type EventType = keyof ClientEvents;

/** All that a transcription session takes. */
export const TRANSCRIPTION_EVENTS: ReadonlySet<EventType> = new Set([
  "session.update",
  "input_audio_buffer.append",
  "input_audio_buffer.commit",
  "input_audio_buffer.clear",
  "conversation.item.retrieve",
]);

export function isEventType(type: unknown): type is EventType {
  return typeof type === "string" && Object.hasOwn(clientEvents, type);
}

/** What is kept of an event is merged and written out again by recursion: depth must not exhaust the stack. */
const MAX_NESTING = 64;

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
  if (!isNestedWithin(event, MAX_NESTING)) {
    throw new EventError("invalid_event", `An event may be nested at most ${MAX_NESTING} deep.`);
  }
  if (!("type" in event))
    throw new EventError("missing_required_parameter", "Missing required parameter: 'type'.", "type");
  return event;
}

function isNestedWithin(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return depth > 0 && Object.values(value).every((inner) => isNestedWithin(inner, depth - 1));
}
