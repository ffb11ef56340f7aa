/**
 * How a pending connection says who it is, and what it is answered with when it may not be the client. These events are
 * written by hand and bear no number: the session's own are those of its client.
 */
import type { PendingMark } from "./pending-clients.ts";
import { readFirstMessage } from "../src/session/delivery/first-message.ts";
import type { Session } from "../src/session/session.ts";
import type { WireMessage } from "../src/upstreams/upstream.ts";
import { CLOSE_REFUSED } from "./close-code.ts";
import type { Socket } from "./dial.ts";
import { drawId } from "./identifiers.ts";

interface Answer {
  readonly events: readonly string[];
  /** Null: it may try again. */
  readonly close: { readonly code: number; readonly reason: string } | null;
}

/**
 * @param attended a client is connected.
 * @returns null: it is the client from now on, and this is its first message.
 */
export function introduce(
  data: WireMessage,
  mark: PendingMark,
  session: Pick<Session, "resumable">,
  attended: boolean,
): Answer | null {
  const first = readFirstMessage(data);
  if (first.type === "malformed") {
    const { code, message, param } = first.error;
    return {
      events: [errorEvent("invalid_request_error", code, message, param, first.eventId)],
      close: null,
    };
  }
  if (first.type === "resume") return session.resumable(first.token) ? null : LOST;
  if (mark.token !== null && !session.resumable(mark.token)) {
    return refusal("resume_refused", "This resume token is not the session's present one.");
  }
  if (mark.secret && attended) {
    return refusal(
      "session_busy",
      "The client of this session is connected: a client secret takes no place.",
    );
  }
  return null;
}

const LOST: Answer = {
  events: [
    JSON.stringify({
      type: "session.resumed",
      verdict: "lost",
      reason: "resume_token_refused",
      last_received: 0,
    }),
  ],
  close: { code: CLOSE_REFUSED, reason: "resume token refused" },
};

/** What it said could not be read, time after time. */
export const TRIED_TOO_OFTEN = { code: CLOSE_REFUSED, reason: "no session.resume that can be read" };

function refusal(code: string, message: string): Answer {
  const events = [errorEvent("invalid_request_error", code, message, null, null)];
  return { events, close: { code: CLOSE_REFUSED, reason: message } };
}

/** OpenAI's shape. */
function errorEvent(
  type: string,
  code: string,
  message: string,
  param: string | null,
  cause: string | null,
): string {
  const error = { type, code, message, param, event_id: cause };
  return JSON.stringify({ type: "error", event_id: `event_${drawId()}`, error });
}

/** For when the core is what broke. */
export const INTERNAL_ERROR = JSON.stringify({
  type: "error",
  event_id: "event_internal_error",
  error: {
    type: "server_error",
    code: "internal_error",
    message: "The relay failed and closes this session.",
    param: null,
    event_id: null,
  },
});

export function tell(socket: Socket, events: readonly string[]): void {
  try {
    for (const event of events) socket.send(event);
  } catch {
    // It is closing already.
  }
}
