/** What ElevenLabs' errors and closes mean. */
import { nameAt, textAt } from "../json.ts";
import { closeFault } from "../openai-compatible/words.ts";
import type { Redactor } from "../redact.ts";
import type { JsonObject, UpstreamFault } from "../upstream.ts";

/** Errors after which this connection is of no use; those of another kind are followed by a close, or by nothing. */
const FATAL: ReadonlyMap<string, string> = new Map([
  ["max_duration_exceeded", "session_expired"],
  ["override_error", "permission_denied"],
  ["missing_dynamic_variable", "missing_dynamic_variable"],
  ["safety_violation", "safety_violation"],
  ["unknown_websocket_crash", "unknown_websocket_crash"],
  ["websocket_disconnect", "websocket_disconnect"],
]);

/** Kinds after which no more of an answer comes. */
const OF_ANSWER = /^(?:custom_)?llm_|^cascade_brain_error$|^tts_/;

/** The answer that is given or awaited will not come. */
export function failsAnswer(event: JsonObject): boolean {
  return OF_ANSWER.test(nameAt(event, "error_type") ?? "");
}

export function errorOf(
  event: JsonObject | null,
  redactor: Redactor,
): { readonly error: UpstreamFault; readonly fatal: boolean } {
  const kind = nameAt(event, "error_type");
  const known = kind === null ? undefined : FATAL.get(kind);
  const words = textAt(event, "message") ?? textAt(event, "reason");
  const error = redactor.fault(known ?? kind, words, "upstream_error");
  return { error, fatal: known !== undefined };
}

/** ElevenLabs says in words why it closes. */
export function closeOf(code: number, reason: string, redactor: Redactor): UpstreamFault | null {
  const fault = closeFault(code, redactor.text(reason));
  if (fault === null || reason === "" || code === 0) return fault;
  const meant = MEANINGS.find(([words]) => words.test(reason))?.[1];
  return meant === undefined ? fault : { ...fault, code: meant };
}

const MEANINGS: readonly (readonly [RegExp, string])[] = [
  [/max(?:imum)?.{0,12}duration|duration.{0,12}exceeded/i, "session_expired"],
  [/quota|credits?\b|concurren|rate.?limit|too many/i, "upstream_rate_limited"],
  [/api.?key|unauthori[sz]ed|authentic|authori[sz]|signature|token/i, "upstream_unauthorized"],
  [/agent.{0,40}(?:not found|does not exist)/i, "upstream_not_found"],
];
