/**
 * The conversation for a connection that has to be told what was said before it came: words as text, and the caller's
 * own audio where it has no words yet, so that an unanswered turn is not lost with the upstream that heard it. Told
 * twice, it hears only what changed.
 */
import { createDecoder, encode } from "../../audio/codec.ts";
import { durationMs, sampleRateHz } from "../../audio/format.ts";
import type { AudioKernels } from "../../audio/kernels.ts";
import { createResampler } from "../../audio/resampler.ts";
import { isJsonObject, type Json, type JsonObject } from "../../protocol/json.ts";
import type { Item } from "../../upstreams/upstream.ts";
import type { Connection } from "./connection.ts";
import { cutAt, wordsHeard, type Conversation, type Entry } from "../memory/conversation.ts";
import { isUnspoken, withRecording } from "../memory/item-audio.ts";
import type { Link } from "./link.ts";
import type { ResponseRecord } from "../output/response.ts";

/** Audio goes out in pieces of this: no single message grows with the turn. */
const PIECE_MS = 100;

/** What the caller said that can not be told any more, because its audio is not kept. */
export interface Untold {
  readonly itemIds: readonly string[];
  readonly ms: number;
}

/** A commit of less is refused (OpenAI: 100 ms). */
const LEAST_MS = 100;

/**
 * Tells the connection what of the conversation it was not told yet, or was told otherwise.
 * @returns what it could not be told, or null.
 */
export function fill(
  connection: Connection,
  conversation: Conversation,
  kernels: AudioKernels,
): Untold | null {
  const itemIds: string[] = [];
  let untoldMs = 0;
  forgetGone(connection, conversation);
  let previous: string | null = null;
  for (const entry of conversation.entries) {
    const { id } = entry.item;
    if (!entry.growing && connection.told.get(id) !== cutAt(entry)) {
      if (connection.told.delete(id)) connection.command({ type: "delete", itemId: id });
      const ms = tell(connection, conversation, entry, previous, kernels);
      if (ms > 0) itemIds.push(id);
      untoldMs += ms;
    }
    if (connection.told.has(id)) previous = id;
  }
  return itemIds.length > 0 ? { itemIds, ms: Math.round(untoldMs) } : null;
}

/** Tells the connection that serves of a response's items, at the end of what it knows. */
export function tellItems(link: Link, conversation: Conversation, response: ResponseRecord): void {
  for (const { id } of response.items) {
    const entry = conversation.find(id);
    const item = entry && asText(entry);
    if (item) link.command({ type: "item", item, previousItemId: null });
  }
}

function forgetGone(connection: Connection, conversation: Conversation): void {
  for (const id of connection.told.keys()) {
    if (conversation.find(id)) continue;
    connection.told.delete(id);
    connection.command({ type: "delete", itemId: id });
  }
}

/** @returns how many milliseconds of what the caller said it could not be told. */
function tell(
  connection: Connection,
  conversation: Conversation,
  entry: Entry,
  previous: string | null,
  kernels: AudioKernels,
): number {
  const { input, turns } = connection.capabilities;
  const created = withRecording(conversation, entry, input, kernels);
  const item = created ?? asText(entry);
  // Beside its text, audio that is not kept any more is not told.
  const lost = !created && isUnspoken(entry);
  let toldMs = lost ? 0 : entry.audioMs;
  if (item)
    connection.command({ type: "item", item, previousItemId: place(connection, conversation, previous) });
  else if (turns === "client") toldMs = replayAudio(connection, conversation, entry, kernels);
  else if (!lost) return 0;
  if (item || toldMs > 0) connection.told.set(entry.item.id, cutAt(entry));
  const untoldMs = entry.origin === null ? entry.audioMs - toldMs : 0;
  // The recording ends a hop later or sooner than the turn.
  return untoldMs > LEAST_MS ? untoldMs : 0;
}

/** Null, the end, where nothing that was told comes after it. */
function place(connection: Connection, conversation: Conversation, previous: string | null): string | null {
  const from = conversation.entries.findIndex((entry) => entry.item.id === previous) + 1;
  const last = conversation.entries.slice(from).every((entry) => !connection.told.has(entry.item.id));
  return last ? null : (previous ?? "root");
}

/**
 * The turn as it was spoken, in the upstream's own format, committed under its own name.
 * @returns how many milliseconds of it are kept and were told.
 */
function replayAudio(
  connection: Connection,
  conversation: Conversation,
  entry: Entry,
  kernels: AudioKernels,
): number {
  const kept = entry.origin === null ? conversation.audio.read(entry.item.id) : null;
  const ms = kept ? durationMs(kept.format, kept.bytes.byteLength) : 0;
  if (!kept || ms < LEAST_MS) return 0;
  const fromHz = sampleRateHz(kept.format);
  const format = connection.capabilities.input;
  const resampler = createResampler(fromHz, sampleRateHz(format), kernels);
  const samples = createDecoder(kept.format).decode(kept.bytes);
  const piece = (fromHz * PIECE_MS) / 1000;
  const send = (out: Int16Array) => {
    const bytes = encode(format, out).slice();
    if (bytes.byteLength > 0)
      connection.command({ type: "audio", chunk: { bytes, base64: () => bytes.toBase64() } });
  };
  for (let at = 0; at < samples.length; at += piece)
    send(resampler.process(samples.subarray(at, at + piece)));
  send(resampler.flush());
  connection.command({ type: "commit", itemId: entry.item.id });
  return ms;
}

/** Audio parts become their transcripts; null when nothing of it has words. */
function asText(entry: Entry): Item | null {
  const { item } = entry;
  if (cutAt(entry) !== null) return heardOnly(entry);
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
  const text = wordsHeard(entry);
  return text === "" ? null : { ...entry.item, content: [{ type: "output_text", text }] };
}

function partAsText(part: JsonObject): JsonObject | null {
  if (part["type"] !== "input_audio" && part["type"] !== "output_audio") return part;
  const transcript = part["transcript"];
  if (typeof transcript !== "string" || transcript === "") return null;
  return { type: part["type"] === "input_audio" ? "input_text" : "output_text", text: transcript };
}
