/** One response as the session knows it, and how it looks to the client. */
import type { AudioFormat } from "../../audio/format.ts";
import type { Json, JsonObject } from "../../protocol/json.ts";
import type { Item, UpstreamFault } from "../../upstreams/upstream.ts";
import type { AudioAddress } from "../client/client-port.ts";
import type { ResponsePhase } from "../transitions.ts";

export interface OutputItem {
  readonly id: string;
  /** The upstream's key for it, within its link. */
  readonly key: string;
  readonly kind: "message" | "function_call";
  readonly name: string;
  readonly callId: string;
  readonly outputIndex: number;
  /** Set by the first delta: what the one content part is. */
  part: "audio" | "text" | null;
  /** Transcript of audio, text of text. */
  text: string;
  arguments: string;
  done: boolean;
  status: "in_progress" | "completed" | "incomplete";
}

export interface ResponseRecord {
  readonly id: string;
  /** Number in the session, from 1, modulo 65,536 on the wire. */
  readonly ordinal: number;
  /** Index of the upstream. */
  readonly stream: number;
  readonly upstream: string;
  phase: ResponsePhase;
  /** It answers a turn or the client; false: the stream of a duplex upstream. */
  readonly asked: boolean;
  readonly outOfBand: boolean;
  /** The client knows of it. False: asked for in advance, see `eager.ts`. */
  announced: boolean;
  /** The client's parameters, to ask again with. */
  readonly params: JsonObject;
  /** Of audio in them: the session's input format when it was asked for. */
  readonly inputFormat: AudioFormat;
  /** How often it was asked for. */
  attempts: number;
  /** When the upstream last said something of it, and whether a deadline waits for more. */
  progressAt: number;
  waiting: boolean;
  /** Audio up to now that nobody could hear, without a break; and whether any could be heard. */
  silentMs: number;
  audible: boolean;
  readonly metadata: JsonObject | null;
  readonly modality: "audio" | "text";
  readonly maxOutputTokens: Json;
  readonly conversationId: string | null;
  /** `audio.output` of the session when it began. */
  readonly output: JsonObject;
  readonly items: OutputItem[];
  upstreamMetadata: JsonObject | null;
  usage: JsonObject | null;
  reason: string | null;
  fault: UpstreamFault | null;
}

/** How an ended response ended. */
export interface Ending {
  readonly phase: "completed" | "cancelled" | "incomplete" | "failed";
  readonly reason: string | null;
  readonly fault: UpstreamFault | null;
}

export function isActive(response: ResponseRecord): boolean {
  return response.phase === "requested" || response.phase === "generating";
}

/** OpenAI's `RealtimeResponse`. `extended` adds where it comes from. */
export function toRealtimeResponse(response: ResponseRecord, extended: boolean): JsonObject {
  const shown: Record<string, Json> = {
    object: "realtime.response",
    id: response.id,
    status: isActive(response) ? "in_progress" : response.phase,
    status_details: statusDetails(response),
    output: isActive(response) ? [] : response.items.map((item) => toItem(item)),
    conversation_id: response.conversationId,
    output_modalities: [response.modality],
    max_output_tokens: response.maxOutputTokens,
    audio: { output: response.output },
    metadata:
      response.metadata || response.upstreamMetadata
        ? { ...response.upstreamMetadata, ...response.metadata }
        : null,
    usage: response.usage,
  };
  if (extended) {
    shown["relay"] = {
      ordinal: response.ordinal & 0xffff,
      stream: response.stream,
      upstream: response.upstream,
    };
  }
  return shown;
}

function statusDetails(response: ResponseRecord): Json {
  if (isActive(response) || response.phase === "completed") return null;
  const details: Record<string, Json> = { type: response.phase };
  if (response.reason !== null) details["reason"] = response.reason;
  if (response.fault) {
    details["error"] = {
      type: "server_error",
      code: response.fault.code,
      message: response.fault.message,
    };
  }
  return details;
}

/** The item in OpenAI's shape, as far as it is written. */
export function toItem(output: OutputItem): Item {
  const base = {
    id: output.id,
    object: "realtime.item",
    type: output.kind,
    status: output.status,
  };
  if (output.kind === "function_call") {
    const args = output.done ? output.arguments || "{}" : output.arguments;
    return { ...base, name: output.name, call_id: output.callId, arguments: args };
  }
  return { ...base, role: "assistant", content: output.part === null ? [] : [toContent(output)] };
}

/** A content part as *items* name it; *events* say `audio` and `text` (see `toEventPart`). */
function toContent(output: OutputItem): JsonObject {
  return output.part === "audio"
    ? { type: "output_audio", transcript: output.text }
    : { type: "output_text", text: output.text };
}

export function toEventPart(output: OutputItem): JsonObject {
  return output.part === "audio"
    ? { type: "audio", transcript: output.text }
    : { type: "text", text: output.text };
}

export function audioAddress(response: ResponseRecord, item: OutputItem): AudioAddress {
  return {
    members:
      `"response_id":"${response.id}","item_id":"${item.id}",` +
      `"output_index":${item.outputIndex},"content_index":0`,
    stream: response.stream,
    ordinal: response.ordinal & 0xffff,
  };
}
