/** What OpenAI's errors, and the ends of its Live sessions, mean. */
import { objectAt, textAt } from "../json.ts";
import { isFatal, readFault } from "../openai-compatible/words.ts";
import type { Redactor } from "../redact.ts";
import type { JsonObject, UpstreamFault } from "../upstream.ts";

/** No credit is left, whatever is asked. */
const SPENT: ReadonlySet<string> = new Set(["credit_balance_exhausted", "billing_hard_limit_reached"]);

export function errorOf(
  event: JsonObject,
  redactor: Redactor,
): { readonly error: UpstreamFault; readonly fatal: boolean } {
  const error = readFault(objectAt(event, "error"), redactor, "upstream_error");
  if (SPENT.has(error.code)) return { error: { ...error, code: "insufficient_quota" }, fatal: true };
  return { error, fatal: isFatal(error.code) };
}

const ENDS: ReadonlyMap<string, UpstreamFault> = new Map([
  ["expired", { code: "session_expired", message: "The session reached its longest time." }],
  ["content", { code: "content_filter", message: "The provider's safety filter ended the session." }],
  ["connection_lost", { code: "upstream_closed", message: "The provider lost the connection." }],
]);

export function endOf(closed: JsonObject): UpstreamFault {
  const known = ENDS.get(textAt(closed, "reason") ?? "");
  return known ?? { code: "upstream_closed", message: "The session was ended at the provider." };
}
