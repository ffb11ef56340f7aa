/** Objects of the provider's that the relay has no part in and hands on as they are: none says a key of ours back. */
import type { Redactor } from "../redact.ts";
import type { UpstreamEvent } from "../upstream.ts";

/** `event` with what it carries of the provider's own words. */
export function withoutOurs(event: UpstreamEvent, { verbatim }: Redactor): UpstreamEvent {
  switch (event.type) {
    case "item.started":
      return event.kind === "other" ? { ...event, whole: verbatim(event.whole) } : event;
    case "item.done":
      return event.whole === undefined ? event : { ...event, whole: verbatim(event.whole) };
    case "item.placed":
      return { ...event, whole: verbatim(event.whole) };
    case "item.event":
    case "passed":
      return { ...event, event: verbatim(event.event) };
    case "input.transcript.delta":
    case "input.transcript.completed":
      return event.extra === undefined ? event : { ...event, extra: verbatim(event.extra) };
    case "input.transcript.segment":
      return { ...event, segment: verbatim(event.segment) };
    case "response.done":
      return event.metadata === null ? event : { ...event, metadata: verbatim(event.metadata) };
    default:
      return event;
  }
}
