/** One response as the session knows it, and how it looks to the client. */
import { durationMs, type AudioFormat } from "../../audio/format.ts";
import { isInaudible } from "../../audio/level.ts";
import type { Json, JsonObject } from "../../protocol/json.ts";
import type { Item, UpstreamEvent, UpstreamFault } from "../../upstreams/upstream.ts";
import type { AudioAddress } from "../client/client-port.ts";
import type { Limits } from "../limits.ts";
import type { Link } from "../links/link.ts";
import type { ResponsePhase } from "../transitions.ts";
import { wholeUsage } from "./usage.ts";

/** A content part of a message. Its place among its item's parts is its `content_index`. */
export interface OutputPart {
  /** The upstream's number for it. */
  readonly key: number;
  readonly kind: "audio" | "text";
  /** Transcript of audio, text of text. */
  text: string;
  /** Milliseconds of audio sent. */
  audioMs: number;
  /** Its end was told. */
  done: boolean;
}

/** A sound of the relay's own, which no upstream gave. */
export type OwnSound = "filler" | "announcement";

export type ItemStatus = "in_progress" | "completed" | "incomplete";

export interface OutputItem {
  readonly id: string;
  /** The upstream's key for it, within its link. */
  readonly key: string;
  readonly kind: "message" | "function_call" | "other";
  readonly name: string;
  readonly callId: string;
  readonly outputIndex: number;
  readonly parts: OutputPart[];
  arguments: string;
  /** Of kind `other`: the provider's object, verbatim. */
  whole: JsonObject | null;
  done: boolean;
  status: ItemStatus;
  /**
   * Where the client truncated it while it grew, where audio of it was refused, or where its response ended before its
   * audio did, in the upstream's count of parts: nothing more of it is sent.
   */
  cut: { readonly contentIndex: number; readonly audioEndMs: number } | null;
}

export interface ResponseRecord {
  readonly id: string;
  /** Number in the session, from 1, modulo 65,536 on the wire. */
  readonly ordinal: number;
  /** Index of the upstream. */
  readonly stream: number;
  /** The listener's stream, where that is another. */
  readonly channel?: number;
  readonly upstream: string;
  /** It is no answer of an upstream's, whose stream it only sounds on. */
  readonly own?: OwnSound;
  phase: ResponsePhase;
  /** It answers a turn or the client; false: the stream of a duplex upstream. */
  readonly asked: boolean;
  readonly outOfBand: boolean;
  /** The client knows of it. False: asked for in advance (`eager.ts`), or one of several that were asked (`rounds.ts`). */
  announced: boolean;
  /** It ended here, and its `response.done` waits for the upstream's, which says what it cost. */
  untold: boolean;
  /** Of the event that asked for it: whoever refuses it refuses that one, whenever it was asked. */
  readonly cause?: string;
  /** The client's parameters, to ask again with; none once it has ended. */
  params: JsonObject;
  /** Of audio in them: the session's input format when it was asked for. */
  readonly inputFormat: AudioFormat;
  /** How often it was asked for, when last, and of which connection of its link. */
  attempts: number;
  askedAt: number;
  connection: number;
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
  /** `audio.output` when it began, and its format: of all audio of this response to the client. */
  readonly output: JsonObject;
  readonly format: AudioFormat;
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

export function cancelled(reason: string): Ending {
  return { phase: "cancelled", reason, fault: null };
}

export function isActive(response: ResponseRecord): boolean {
  return response.phase === "requested" || response.phase === "generating";
}

/** Whether an answer that claims to speak has said nothing audible for too long: once of each silence. */
export function fellSilent(
  response: ResponseRecord,
  { capabilities: { output } }: Link,
  bytes: Uint8Array,
  { silentAnswerMs }: Limits,
): boolean {
  if (!response.asked || !isInaudible(output, bytes)) {
    response.silentMs = 0;
    response.audible = true;
    return false;
  }
  const before = response.silentMs;
  response.silentMs += durationMs(output, bytes.byteLength);
  return before < silentAnswerMs && response.silentMs >= silentAnswerMs;
}

/** What its upstream says of it at its end. */
export function setCosts(
  response: ResponseRecord,
  { usage, metadata }: Pick<Extract<UpstreamEvent, { type: "response.done" }>, "usage" | "metadata">,
): void {
  response.usage = usage;
  response.upstreamMetadata = metadata;
}

/** Something of it can be or will be heard. */
export function speaks(item: OutputItem): boolean {
  return item.parts.some((part) => part.kind === "audio");
}

/** OpenAI's `RealtimeResponse`. `extended` adds where it comes from. */
export function toRealtimeResponse(response: ResponseRecord, extended: boolean): JsonObject {
  const active = isActive(response);
  const shown: Record<string, Json> = {
    object: "realtime.response",
    id: response.id,
    status: active ? "in_progress" : response.phase,
    status_details: statusDetails(response),
    output: active ? [] : response.items.map((item) => toItem(item)),
    conversation_id: response.conversationId,
    output_modalities: [response.modality],
    max_output_tokens: response.maxOutputTokens,
    audio: { output: response.output },
    metadata:
      response.metadata || response.upstreamMetadata
        ? { ...response.upstreamMetadata, ...response.metadata }
        : null,
    usage: active ? null : wholeUsage(response.usage),
  };
  if (extended) {
    shown["relay"] = {
      ordinal: response.ordinal & 0xffff,
      stream: response.channel ?? response.stream,
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
    const { type = "server_error", code, message } = response.fault;
    details["error"] = { type, code, message };
  }
  return details;
}

/** The item in OpenAI's shape, as far as it is written. */
export function toItem(output: OutputItem): Item {
  if (output.kind === "other") return toOther(output);
  const base = {
    id: output.id,
    object: "realtime.item",
    type: output.kind,
    status: output.status,
  };
  if (output.kind === "function_call") {
    return { ...base, name: output.name, call_id: output.callId, arguments: output.arguments };
  }
  return { ...base, role: "assistant", content: output.parts.map((part) => toContent(part)) };
}

function toOther({ id, whole, status, done }: OutputItem): Item {
  const type = whole?.["type"];
  const cut = done && status === "incomplete" && whole?.["status"] !== undefined;
  return { ...whole, id, type: typeof type === "string" ? type : "unknown", ...(cut ? { status } : {}) };
}

/** A content part as *items* name it; *events* say `audio` and `text` (see `toEventPart`). */
function toContent({ kind, text }: OutputPart): JsonObject {
  return kind === "audio" ? { type: "output_audio", transcript: text } : { type: "output_text", text };
}

export function toEventPart({ kind, text }: OutputPart): JsonObject {
  return kind === "audio" ? { type: "audio", transcript: text } : { type: "text", text };
}

/** Where the client finds an item. */
export function addressOf(response: ResponseRecord, item: OutputItem) {
  return { response_id: response.id, item_id: item.id, output_index: item.outputIndex };
}

export function audioAddress(response: ResponseRecord, item: OutputItem, contentIndex: number): AudioAddress {
  return {
    members:
      `"response_id":"${response.id}","item_id":"${item.id}",` +
      `"output_index":${item.outputIndex},"content_index":${contentIndex}`,
    stream: response.channel ?? response.stream,
    ordinal: response.ordinal & 0xffff,
  };
}
