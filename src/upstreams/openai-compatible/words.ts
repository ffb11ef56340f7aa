/** What single words of the OpenAI Realtime dialect mean to the relay. */
import { nameAt, objectAt, textAt } from "../json.ts";
import type { Redactor } from "../redact.ts";
import { FATAL_CODES, type JsonObject, type UpstreamEvent, type UpstreamFault } from "../upstream.ts";

/** Where the session's response id travels: echoed in `response.created` and `response.done`. */
export const RESPONSE_METADATA = "relay_response";

type DoneStatus = Extract<UpstreamEvent, { type: "response.done" }>["status"];

export function isFatal(code: string | null): boolean {
  return code !== null && FATAL_CODES.has(code);
}

/** Our cancel crossed the response's end: of no interest (openai-realtime.md §6). */
export function isNoActiveResponse(code: string | null, words: string | null): boolean {
  return code === "response_cancel_not_active" || (words?.startsWith("Cancellation failed") ?? false);
}

/** A `response.create` came while another response was running. */
export function isAlreadyActive(code: string | null, words: string | null): boolean {
  if (code?.includes("already_has_active_response")) return true;
  return /\balready has an active response\b/i.test(words ?? "");
}

/** An error without event id that is about a `response.create`. */
export function isRefusedCreate(code: string | null, words: string | null): boolean {
  if (isAlreadyActive(code, words)) return true;
  return (code?.includes("response_create") ?? false) || (words?.includes("response.create") ?? false);
}

const SERVER_FAULTS =
  /^(?:(?:internal_)?server_error|internal_error|rate_limit_exceeded|(?:\w+_)?overloaded(?:_error)?)$/;

/** An error without event id by which a model fails to answer ("The server had an error …"). */
export function isServerFault(code: string | null, type: string | null): boolean {
  return SERVER_FAULTS.test(code ?? "") || SERVER_FAULTS.test(type ?? "");
}

/** An error without event id that is about a commit: its code or words speak of the buffer of the caller's audio. */
export function isRefusedCommit(code: string | null, words: string | null): boolean {
  if (/input_audio_buffer|commit/.test(code ?? "")) return true;
  return /\b(?:commit\w*|input_audio_buffer\w*|input audio buffer|buffer too small)\b/i.test(words ?? "");
}

/** What was to be deleted is not there. */
export function isGone(code: string | null, words: string | null): boolean {
  return (
    /invalid_item_id|not_found/.test(code ?? "") || /\b(?:not found|no item|not exist)\b/i.test(words ?? "")
  );
}

export function doneStatus(response: JsonObject | null): { status: DoneStatus; reason: string | null } {
  const details = objectAt(response, "status_details");
  const reason = nameAt(details, "reason");
  const word = textAt(response, "status") ?? textAt(details, "type");
  switch (word) {
    case "completed":
    case null:
      return { status: "completed", reason: null };
    case "cancelled":
    case "canceled":
      return { status: "cancelled", reason };
    case "failed":
      return { status: "failed", reason };
    case "incomplete":
      return { status: "incomplete", reason };
    default:
      return { status: "incomplete", reason: reason ?? nameAt(response, "status") };
  }
}

/** An error object: its code, or its class where it has none, and what else it says. */
export function readFault(detail: JsonObject | null, redactor: Redactor, fallback: string): UpstreamFault {
  const type = textAt(detail, "type");
  const more = { type, param: textAt(detail, "param") };
  return redactor.fault(textAt(detail, "code") ?? type, textAt(detail, "message"), fallback, more);
}

/** What a close or a failed dial (`code` 0) means; `reason` must be redacted. Null: an ordinary end. */
export function closeFault(code: number, reason: string): UpstreamFault | null {
  if (code === 1000 || code === 1005) return null;
  const said = reason === "" ? "." : `: ${reason}`;
  if (code === 0) return { code: dialCode(reason), message: `The provider could not be reached${said}` };
  return { code: closeCode(code, reason), message: `The provider closed the connection (${code})${said}` };
}

function dialCode(reason: string): string {
  const status = Number(/\b([1-5]\d\d)\b/.exec(reason)?.[1] ?? 0);
  if (status === 401 || status === 403) return "upstream_unauthorized";
  if (status === 404) return "upstream_not_found";
  if (status === 429) return "upstream_rate_limited";
  return "upstream_unavailable";
}

function closeCode(code: number, reason: string): string {
  if (code === 1001 && /maximum duration|expired/i.test(reason)) return "session_expired";
  if (code === 1008) return "upstream_policy";
  if (code === 1009) return "upstream_message_too_big";
  if (code === 1002 || code === 1003 || code === 1007) return "upstream_protocol_error";
  return "upstream_closed";
}

/** `metadata` of a response without what the relay put there; null when nothing is left. */
export function foreignMetadata(response: JsonObject | null): JsonObject | null {
  const { [RESPONSE_METADATA]: _, ...rest } = objectAt(response, "metadata") ?? {};
  return Object.keys(rest).length > 0 ? rest : null;
}
