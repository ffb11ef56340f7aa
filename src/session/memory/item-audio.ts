/**
 * Audio that comes in an item and not through the input buffer (`conversation.item.create`, `response.create.input`):
 * in the session's input format, so that it is kept, shown and told as such, and goes up in each upstream's own format.
 */
import { bytesPerSample, durationMs, formatKey, type AudioFormat } from "../../audio/format.ts";
import { NO_KERNELS, type AudioKernels } from "../../audio/kernels.ts";
import { transcode } from "../../audio/transcode.ts";
import { isJsonObject, type Json, type JsonObject } from "../../protocol/json.ts";
import type { Item } from "../../upstreams/upstream.ts";
import type { Conversation } from "./conversation.ts";
import type { Entry } from "./entry.ts";

/** Which of an item's parts it is, and what is said in it, in whole samples. */
export interface AudioPart {
  readonly index: number;
  readonly bytes: Uint8Array;
  readonly ms: number;
}

/** The audio parts of an item, in `format`. */
export function audioParts(item: JsonObject, format: AudioFormat): readonly AudioPart[] {
  const content = item["content"];
  if (!Array.isArray(content)) return [];
  return content.flatMap((part: Json, index: number) => {
    const bytes = isJsonObject(part) ? audioOf(part) : null;
    if (bytes === null) return [];
    const plain = transcode(bytes, format, format, NO_KERNELS);
    return [{ index, bytes: plain, ms: durationMs(format, plain.byteLength) }];
  });
}

/** The item with its audio, which is of format `from`, in format `to`. Without audio it is `item` itself. */
export function inFormat<T extends JsonObject>(
  item: T,
  from: AudioFormat,
  to: AudioFormat,
  kernels: AudioKernels,
): T {
  const content = item["content"];
  if (!Array.isArray(content)) return item;
  const same = formatKey(from) === formatKey(to);
  const parts = content.map((part: Json) => {
    if (!isJsonObject(part) || (same && isPlain(part, from))) return part;
    const bytes = audioOf(part);
    return bytes === null ? part : { ...part, audio: transcode(bytes, from, to, kernels).toBase64() };
  });
  return parts.every((part, at) => part === content[at]) ? item : { ...item, content: parts };
}

const WHITE_SPACE = ["\n", " ", "\r", "\t", "\f"];

/** Its base64 is of whole samples, and written without white space or missing padding: nothing is to be done, or decoded. */
function isPlain({ audio: text }: JsonObject, format: AudioFormat): boolean {
  if (typeof text !== "string" || text.length % 4 !== 0) return false;
  const padding = text.endsWith("==") ? 2 : Number(text.endsWith("="));
  const bytes = (text.length / 4) * 3 - padding;
  return bytes % bytesPerSample(format) === 0 && !WHITE_SPACE.some((space) => text.includes(space));
}

/** `response.create` parameters whose `input` has its audio in format `to`. */
export function inputInFormat(
  params: JsonObject,
  from: AudioFormat,
  to: AudioFormat,
  kernels: AudioKernels,
): JsonObject {
  const { input } = params;
  if (!Array.isArray(input)) return params;
  const items = input.map((item: Json) => (isJsonObject(item) ? inFormat(item, from, to, kernels) : item));
  return { ...params, input: items };
}

/**
 * An item that the client created with audio, for a connection that was not there: with its audio in format `to`; null
 * where it has none, its audio has words, which are told in its stead, or is not kept whole.
 */
export function withRecording(
  conversation: Conversation,
  entry: Entry,
  to: AudioFormat,
  kernels: AudioKernels,
): Item | null {
  if (!isUnspoken(entry)) return null;
  const format = conversation.audio.read(entry.item.id)?.format;
  const item = conversation.withAudio(entry);
  return format === undefined || item === entry.item ? null : inFormat(item, format, to, kernels);
}

/** An item that the client created with audio of which nobody knows the words. */
export function isUnspoken({ item, origin, audioParts: parts }: Entry): boolean {
  if (origin !== null || parts === undefined) return false;
  return partsOf(item).some(
    ({ type, transcript }) => type === "input_audio" && (typeof transcript !== "string" || transcript === ""),
  );
}

function partsOf(item: JsonObject): readonly JsonObject[] {
  const content = item["content"];
  return Array.isArray(content) ? content.filter(isJsonObject) : [];
}

/** What a part of the caller's audio says; null: it is none, or was not given. Checked before (item-check.ts). */
function audioOf(part: JsonObject): Uint8Array | null {
  const { type, audio } = part;
  return type === "input_audio" && typeof audio === "string" ? Uint8Array.fromBase64(audio) : null;
}
