/** What the errors and ends of a duplex session mean. */
import { nameAt, objectAt, textAt } from "../json.ts";
import { isFatal, readFault } from "../openai-compatible/words.ts";
import type { Redactor } from "../redact.ts";
import type { JsonObject, UpstreamFault } from "../upstream.ts";

export interface Told {
  readonly error: UpstreamFault;
  /** The event that it is about. */
  readonly about: string | null;
  readonly fatal: boolean;
}

/** What was said crossed what it is about: of no interest. */
const CROSSED: ReadonlySet<string> = new Set([
  "response_not_active",
  "playback_ack_too_late",
  "playback_item_not_found",
  "invalid_event_ack",
]);
/** There is no such session any more. */
const GONE: ReadonlySet<string> = new Set(["session_closed", "unknown_session"]);
/** An ask is one for what the caller said last: there was nothing, or it came to nothing. */
const UNASKED: ReadonlySet<string> = new Set([
  "input_audio_buffer_empty",
  "commit_aborted",
  "response_already_active",
]);

export const concernsAnAsk = ({ code }: UpstreamFault): boolean => UNASKED.has(code);

/** Null: it is of no interest. A handshake's errors are flat. */
export function errorOf(event: JsonObject, redactor: Redactor): Told | null {
  const detail = objectAt(event, "error");
  const flat: JsonObject = { code: event["code"] ?? null, message: event["error"] ?? null };
  const error = readFault(detail ?? flat, redactor, "upstream_error");
  if (CROSSED.has(error.code)) return null;
  return { error, about: nameAt(detail, "event_id"), fatal: isFatal(error.code) || GONE.has(error.code) };
}

/** `session.closed`, `session.expired`, `session.replaced`. */
export function endOf(event: JsonObject): UpstreamFault {
  const reason = textAt(event, "reason") ?? "";
  if (event["type"] === "session.expired" || /expired|timeout/.test(reason))
    return {
      code: "session_expired",
      message: "The provider's session was over: nothing was heard of it for too long.",
    };
  return { code: "upstream_closed", message: "The session was ended at the provider." };
}
