/** Events that an adapter has to tell and that wait for the next message of its provider's. */
import type { JsonObject, UpstreamEvent } from "../upstream.ts";

/** The oldest are given up, and the session's deadlines end what they were about. */
export const MAX_OWED = 256;

export function boundOwed(owed: UpstreamEvent[]): void {
  if (owed.length > MAX_OWED) owed.splice(0, owed.length - MAX_OWED);
}

/** For a snapshot: events are JSON. */
export function keptOwed(owed: readonly UpstreamEvent[]): readonly JsonObject[] {
  return [...owed] as unknown as readonly JsonObject[];
}

/** Out of one: our own writing. */
export function owedAgain(kept: readonly JsonObject[]): readonly UpstreamEvent[] {
  return kept as unknown as readonly UpstreamEvent[];
}
