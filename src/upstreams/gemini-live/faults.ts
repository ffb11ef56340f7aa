/** What Google's errors and closes mean. */
import { nameAt, textAt } from "../json.ts";
import { closeFault } from "../openai-compatible/words.ts";
import type { Redactor } from "../redact.ts";
import type { JsonObject, UpstreamFault } from "../upstream.ts";

export function errorOf(detail: JsonObject, redactor: Redactor): UpstreamFault {
  const code = nameAt(detail, "status")?.toLowerCase() ?? null;
  return redactor.fault(code, textAt(detail, "message"), "upstream_error");
}

export function closeOf(code: number, reason: string, redactor: Redactor): UpstreamFault | null {
  const fault = closeFault(code, redactor.text(reason));
  // Google closes with 1007 or 1008 and says in words what it was.
  if (fault === null || (code !== 1007 && code !== 1008)) return fault;
  if (/api.?key|credential|unauthenticated|auth.?token/i.test(reason))
    return { ...fault, code: "upstream_unauthorized" };
  if (/quota|rate.?limit|exhausted/i.test(reason)) return { ...fault, code: "upstream_rate_limited" };
  if (/not found|not supported for/i.test(reason)) return { ...fault, code: "upstream_not_found" };
  return fault;
}
