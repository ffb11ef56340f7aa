/** What an upstream says, by what it is about. */
import type { ProviderFormat } from "../../audio/format.ts";
import type { UpstreamEvent } from "../../upstreams/upstream.ts";

/** Events of an upstream that belong to a response. */
export type ResponseUpstreamEvent = Extract<UpstreamEvent, { readonly response: string }>;

/** Here so much audio of the item was not kept. */
interface Refused {
  readonly type: "audio.refused";
  readonly item: string;
  /** The upstream's number of the part that it began in. */
  readonly part: number;
  readonly ms: number;
}

/** Audio says what format it came in: its connection may be another by the time it is heard. */
export type LaneEvent =
  | Refused
  | Exclude<ResponseUpstreamEvent, { type: "response.started" | "audio" }>
  | (Extract<ResponseUpstreamEvent, { type: "audio" }> & { readonly format: ProviderFormat });

/** Words of the caller that came for an item. */
export type InputTranscript = Extract<UpstreamEvent, { readonly itemId: string }>;
