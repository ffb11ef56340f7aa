/** What an upstream's fault means for its connection, whatever way it was told. */
import { FATAL_CODES, type UpstreamFault } from "../../upstreams/upstream.ts";

/** The connection, or the account behind it, is spent: the next answer would fail like this one. */
export function isFatal({ code, type }: UpstreamFault): boolean {
  return FATAL_CODES.has(code) || (type !== undefined && FATAL_CODES.has(type));
}

/** Refused at the dial, and by the same dial again. */
const REFUSED: ReadonlySet<string> = new Set(["upstream_unauthorized", "upstream_not_found"]);

/** To try again is of no use, but with another provider. */
export function isBeyondMending(fault: UpstreamFault): boolean {
  if (fault.code === "session_expired") return false;
  return isFatal(fault) || REFUSED.has(fault.code) || isClients(fault);
}

/** The provider's state, though OpenAI classes some of them as `invalid_request_error`. */
const PROVIDERS = /rate_limit|quota|server_error|internal|overloaded|unavailable|capacity|timeout/;

/** What the client asked for was wrong: it would be refused anywhere. */
export function isClients(fault: UpstreamFault): boolean {
  if (isFatal(fault) || PROVIDERS.test(fault.code)) return false;
  return fault.type === "invalid_request_error" || fault.code === "invalid_request_error";
}
