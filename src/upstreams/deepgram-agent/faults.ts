/** What Deepgram's errors and closes mean. */
import { nameAt, textAt } from "../json.ts";
import { closeFault } from "../openai-compatible/words.ts";
import type { Redactor } from "../redact.ts";
import type { JsonObject, UpstreamFault } from "../upstream.ts";

/** Its codes are words in capitals. */
export function errorOf(event: JsonObject, redactor: Redactor): UpstreamFault {
  const code = nameAt(event, "code")?.toLowerCase() ?? null;
  return redactor.fault(code, textAt(event, "description"), "upstream_error");
}

export function closeOf(code: number, reason: string, redactor: Redactor): UpstreamFault | null {
  const fault = closeFault(code, redactor.text(reason));
  // Deepgram's API answers 402 where there is no credit.
  const spent = fault !== null && code === 0 && /\b402\b/.test(reason);
  return spent ? { ...fault, code: "insufficient_quota" } : fault;
}
