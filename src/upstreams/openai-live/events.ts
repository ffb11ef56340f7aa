/** Messages of a Live session that the adapter acts on; others confirm what it did, decide what nobody asked, or are of transports that it has not. */
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

export type Heard = (typeof HEARD)[number];

export function heardOf(type: string | null): Heard | null {
  return HEARD.find((one) => one === type) ?? null;
}
