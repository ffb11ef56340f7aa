/**
 * Audio that comes in an item and not through the input buffer (`conversation.item.create`, `response.create.input`):
 * in the session's input format, so that it is kept, shown and told as such, and goes up in each upstream's own format.
 */
import type { AudioFormat } from "../../audio/format.ts";
import { NO_KERNELS, type AudioKernels } from "../../audio/kernels.ts";
import { transcode } from "../../audio/transcode.ts";
import { isJsonObject, type Json, type JsonObject } from "../../protocol/json.ts";
import type { Item } from "../../upstreams/upstream.ts";
import type { Conversation, Entry } from "./conversation.ts";

/** The audio parts of an item: which of its parts each is, and what is said in it, in whole samples of `format`. */
export function audioParts(
  item: JsonObject,
  format: AudioFormat,
): readonly { readonly index: number; readonly bytes: Uint8Array }[] {
  const content = item["content"];
  if (!Array.isArray(content)) return [];
  return content.flatMap((part: Json, index: number) => {
    const bytes = isJsonObject(part) ? audioOf(part) : null;
    return bytes === null ? [] : [{ index, bytes: transcode(bytes, format, format, NO_KERNELS) }];
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
  let audible = false;
  const parts = content.map((part: Json) => {
    const bytes = isJsonObject(part) ? audioOf(part) : null;
    if (!isJsonObject(part) || bytes === null) return part;
    audible = true;
    const heard = transcode(bytes, from, to, kernels);
    const same = heard === bytes && isPlain(part["audio"], bytes);
    return same ? part : { ...part, audio: heard.toBase64() };
  });
  return audible ? { ...item, content: parts } : item;
}

/** The text is how these bytes are written, without white space or missing padding. */
function isPlain(text: Json | undefined, bytes: Uint8Array): boolean {
  return typeof text === "string" && text.length === 4 * Math.ceil(bytes.byteLength / 3);
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
