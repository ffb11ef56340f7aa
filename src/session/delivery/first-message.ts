/**
 * What a connection to a session that is there says first decides what it is: the former client that goes on
 * (`session.resume`), or one that begins anew (anything else).
 */
import { ClientError } from "../../protocol/client-error.ts";
import { readClientEvent } from "../../protocol/client-events.ts";
import { parseJsonObject } from "../../protocol/json.ts";
import type { WireMessage } from "../../upstreams/upstream.ts";

export type FirstMessage =
  | { readonly type: "resume"; readonly token: string }
  /** A `session.resume` with a wrong field: it says nothing of either. */
  | { readonly type: "malformed"; readonly error: ClientError; readonly eventId: string | null }
  | { readonly type: "other" };

/** Characters: a `session.resume` has two fields, and an `event_id`. Longer messages are not parsed here. */
const RESUME_LIMIT = 4096;
const OTHER: FirstMessage = { type: "other" };

export function readFirstMessage(data: WireMessage): FirstMessage {
  if (typeof data !== "string" || data.length > RESUME_LIMIT) return OTHER;
  const message = parseJsonObject(data);
  if (message === null || message["type"] !== "session.resume") return OTHER;
  try {
    const event = readClientEvent(message);
    return event.type === "session.resume" ? { type: "resume", token: event.resume_token } : OTHER;
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    const eventId = message["event_id"];
    return { type: "malformed", error, eventId: typeof eventId === "string" ? eventId.slice(0, 512) : null };
  }
}
