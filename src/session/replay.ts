/**
 * The conversation for an upstream that has to be told what was said before it came: words as text, and the caller's
 * own audio where it has no words yet, so that an unanswered turn is not lost with the upstream that heard it.
 */
import { createDecoder, encode } from "../audio/codec.ts";
import { sampleRateHz } from "../audio/format.ts";
import type { AudioKernels } from "../audio/kernels.ts";
import { createResampler } from "../audio/resampler.ts";
import { isJsonObject, type Json, type JsonObject } from "../protocol/json.ts";
import type { Item } from "../upstreams/upstream.ts";
import type { Conversation, Entry } from "./conversation.ts";
import type { Link } from "./link.ts";

/** Audio goes out in pieces of this: no single message grows with the turn. */
const PIECE_MS = 100;

export function replay(link: Link, conversation: Conversation, kernels: AudioKernels): void {
  for (const entry of conversation.entries) {
    if (entry.growing) continue;
    const item = asText(entry);
    if (item) link.command({ type: "item", item, previousItemId: null });
    else if (link.capabilities.turns === "client") replayAudio(link, conversation, entry, kernels);
  }
}

/** The turn as it was spoken, in the upstream's own format, committed under its own name. */
function replayAudio(link: Link, conversation: Conversation, entry: Entry, kernels: AudioKernels): void {
  const kept = entry.origin === null ? conversation.audio.read(entry.item.id) : null;
  if (!kept || kept.bytes.byteLength === 0) return;
  const fromHz = sampleRateHz(kept.format);
  const resampler = createResampler(fromHz, sampleRateHz(link.format), kernels);
  const samples = createDecoder(kept.format).decode(kept.bytes);
  const piece = (fromHz * PIECE_MS) / 1000;
  const send = (out: Int16Array) => {
    const bytes = encode(link.format, out).slice();
    if (bytes.byteLength > 0)
      link.command({ type: "audio", chunk: { bytes, base64: () => bytes.toBase64() } });
  };
  for (let at = 0; at < samples.length; at += piece)
    send(resampler.process(samples.subarray(at, at + piece)));
  send(resampler.flush());
  link.command({ type: "commit", itemId: entry.item.id });
}

/** Audio parts become their transcripts; null when nothing of it has words. */
function asText(entry: Entry): Item | null {
  const { item } = entry;
  if (entry.truncatedMs !== null) return heardOnly(entry);
  const content = item["content"];
  if (item.type !== "message") return item;
  if (!Array.isArray(content)) return null;
  const parts = content
    .map((part: Json) => (isJsonObject(part) ? partAsText(part) : null))
    .filter((part) => part !== null);
  return parts.length > 0 ? { ...item, content: parts } : null;
}

/** Of an answer that was cut, what the listener heard. */
function heardOnly(entry: Entry): Item | null {
  if (!entry.heardText) return null;
  return { ...entry.item, content: [{ type: "output_text", text: entry.heardText }] };
}

function partAsText(part: JsonObject): JsonObject | null {
  if (part["type"] !== "input_audio" && part["type"] !== "output_audio") return part;
  const transcript = part["transcript"];
  if (typeof transcript !== "string" || transcript === "") return null;
  return { type: part["type"] === "input_audio" ? "input_text" : "output_text", text: transcript };
}
