/** Messages of a Live session that the adapter acts on; others confirm what it did, or are of transports that it has not. */
export const HEARD = [
  "session.started",
  "session.output_audio.delta",
  "session.output_transcript.delta",
  "session.input_transcript.delta",
  "session.delegation.created",
  "response.event",
  "session.usage.updated",
  "session.closed",
  "error",
] as const;

/** What a client may want to know, and the relay has no part in. */
export const PASSED = ["decision.event"] as const;

export type Heard = (typeof HEARD)[number];

export function heardOf(type: string | null): Heard | null {
  return HEARD.find((one) => one === type) ?? null;
}

export function isPassed(type: string | null): boolean {
  return PASSED.some((one) => one === type);
}
