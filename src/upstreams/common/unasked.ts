import type { UpstreamEvent, UpstreamFault } from "../upstream.ts";

/**
 * An answer that the provider was never asked for, from its begin to its end.
 * @param answers the session's response
 * @param error why not; null: it was cancelled
 */
export function tellUnasked(
  response: string,
  answers: string,
  error: UpstreamFault | null,
  out: UpstreamEvent[],
): void {
  const status = error === null ? "cancelled" : "failed";
  out.push(
    { type: "response.started", response, answers },
    { type: "response.done", response, status, reason: null, error, usage: null, metadata: null },
  );
}
