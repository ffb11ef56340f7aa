/**
 * Messages of a duplex session that the adapter acts on; others confirm what it did, or are of turns that there are not.
 * What it decides of words over its own (`overlap.decision`) shows in what follows, and the name is another thing here.
 */
export const HEARD = [
  "session.created",
  "session.resumed",
  "session.closed",
  "session.expired",
  "session.replaced",
  "session.resync_required",
  "session.heartbeat_ack",
  "input_audio_buffer.committed",
  "response.created",
  "response.listen",
  "response.output_item.added",
  "response.output_item.done",
  "response.output_audio.delta",
  "response.output_audio_transcript.delta",
  "response.output_text.delta",
  "response.function_call_arguments.done",
  "response.done",
  "error",
] as const;

export type Heard = (typeof HEARD)[number];

export function heardOf(type: string | null): Heard | null {
  return HEARD.find((one) => one === type) ?? null;
}
