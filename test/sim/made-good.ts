import type { JsonObject } from "../../src/protocol/json.ts";
import { text } from "./fields.ts";

/** What the relay tries again: no loss of a plain client's, whose framework might end the call (SPEC L220). */
const MADE_GOOD: ReadonlySet<string> = new Set([
  "upstream_closed",
  "upstream_congested",
  "upstream_protocol_error",
  "upstream_timeout",
  "upstream_unavailable",
  "session_expired",
]);

/** An `error` that tells of such a loss, where there will be another attempt. */
export function isMadeGood(error: JsonObject): boolean {
  return MADE_GOOD.has(text(error["code"])) && !text(error["message"]).includes("No further attempt");
}
