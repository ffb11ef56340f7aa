/** What several providers' adapters say is wrong. */
import type { Redactor } from "../redact.ts";
import type { UpstreamFault } from "../upstream.ts";

export const TOO_MUCH_WAITS: UpstreamFault = {
  code: "upstream_busy",
  message: "Too much waits to be told to the provider.",
};

/** @param stated the format, in the provider's words */
export function formatFault(stated: string, redactor: Redactor): UpstreamFault {
  const message = `The provider states an audio format that the relay does not speak: ${stated}.`;
  return redactor.fault("upstream_format_unsupported", message, "upstream_error");
}
