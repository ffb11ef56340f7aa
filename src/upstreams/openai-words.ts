/** What single words of the OpenAI Realtime dialect mean to the relay. */
import { type AudioFormat, PCM_RATES_HZ } from "../audio/format.ts";
import { nameAt, objectAt, textAt } from "./json.ts";
import type { JsonObject, UpstreamEvent, UpstreamFault } from "./upstream.ts";

/** Where the session's response id travels: echoed in `response.created` and `response.done`. */
export const RESPONSE_METADATA = "relay_response";

type DoneStatus = Extract<UpstreamEvent, { type: "response.done" }>["status"];

/** Errors after which a connection is of no use, whatever is sent next. */
const FATAL_CODES: ReadonlySet<string> = new Set([
  "session_expired",
  "invalid_api_key",
  "authentication_error",
  "permission_denied",
  "model_not_found",
  "invalid_model",
  "insufficient_quota",
]);

export function isFatal(code: string | null): boolean {
  return code !== null && FATAL_CODES.has(code);
}

/** Our cancel crossed the response's end: of no interest (openai-realtime.md §6). */
export function isNoActiveResponse(code: string | null, words: string | null): boolean {
  return code === "response_cancel_not_active" || (words?.startsWith("Cancellation failed") ?? false);
}

/** An error without event id that is about a `response.create`. */
export function isRefusedCreate(code: string | null, words: string | null): boolean {
  if (code === "conversation_already_has_active_response") return true;
  return (code?.includes("response_create") ?? false) || (words?.includes("response.create") ?? false);
}

export function doneStatus(response: JsonObject | null): { status: DoneStatus; reason: string | null } {
  const details = objectAt(response, "status_details");
  const reason = nameAt(details, "reason");
  switch (textAt(response, "status")) {
    case "completed":
    case null:
      return { status: "completed", reason: null };
    case "cancelled":
      return { status: "cancelled", reason };
    case "failed":
      return { status: "failed", reason };
    default:
      return { status: "incomplete", reason };
  }
}

/** The output format that a session object states, in GA's or the beta's words; null when it states none. */
export function readFormat(session: JsonObject | null): AudioFormat | null {
  const format = objectAt(objectAt(objectAt(session, "audio"), "output"), "format");
  switch (textAt(format, "type") ?? textAt(session, "output_audio_format")) {
    case "audio/pcmu":
    case "g711_ulaw":
      return { type: "audio/pcmu" };
    case "audio/pcma":
    case "g711_alaw":
      return { type: "audio/pcma" };
    case "audio/pcm": {
      const rate = PCM_RATES_HZ.find((hz) => hz === format?.["rate"]);
      return rate === undefined ? null : { type: "audio/pcm", rate };
    }
    case null:
    default:
      return null;
  }
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
