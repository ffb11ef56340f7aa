/** Objects of the provider's that the relay has no part in and hands on as they are: none says a key of ours back. */
import type { Redactor } from "../redact.ts";
import type { JsonObject, UpstreamEvent } from "../upstream.ts";

/** What an event of each kind carries of the provider's own words; absent: nothing that is handed on unread. */
const CARRIED: {
  readonly [Type in UpstreamEvent["type"]]?: "whole" | "event" | "extra" | "segment" | "metadata";
} = {
  "item.started": "whole",
  "item.done": "whole",
  "item.placed": "whole",
  "item.event": "event",
  passed: "event",
  "input.transcript.delta": "extra",
  "input.transcript.completed": "extra",
  "input.transcript.segment": "segment",
  "response.done": "metadata",
};

/** `event` without a key of ours in what it carries. */
export function withoutOurs(event: UpstreamEvent, redactor: Redactor): UpstreamEvent {
  const name = CARRIED[event.type];
  if (name === undefined) return event;
  const carried = (event as { readonly [member: string]: unknown })[name];
  if (typeof carried !== "object" || carried === null) return event;
  return { ...event, [name]: redactor.verbatim(carried as JsonObject) };
}
