/** One response as the session knows it, and how it looks to the client. */
import { durationMs, type ProviderFormat } from "../../audio/format.ts";
import { isInaudible } from "../../audio/level.ts";
import type { Json, JsonObject } from "../../protocol/json.ts";
import type { Item, UpstreamEvent } from "../../upstreams/upstream.ts";
import type { AudioAddress } from "../state/server-events.ts";
import type { Limits } from "../limits.ts";
import { wholeUsage } from "../state/usage.ts";
import { type ResponseRecord, isActive, type OutputItem, type OutputPart } from "../state/response.ts";

/** Whether an answer that claims to speak has said nothing audible for too long: once of each silence. */
export function fellSilent(
  response: ResponseRecord,
  output: ProviderFormat,
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
