/**
 * Audio that comes in an item and not through the input buffer (`conversation.item.create`, `response.create.input`):
 * in the session's input format, so that it is kept, shown and told as such, and goes up in each upstream's own format.
 */
import { durationMs, type AudioFormat } from "../../audio/format.ts";
import type { AudioKernels } from "../../audio/kernels.ts";
import { transcode } from "../../audio/transcode.ts";
import { isJsonObject, type Json, type JsonObject } from "../../protocol/json.ts";

/** The bytes of each `input_audio` part of an item, in their order; parts without audio have none. */
export function audioParts(item: JsonObject): readonly Uint8Array[] {
  return partsOf(item)
    .filter((part) => part["type"] === "input_audio")
    .map((part) => audioOf(part) ?? new Uint8Array(0));
}

/** Milliseconds of all of them. */
export function audioPartsMs(parts: readonly Uint8Array[], format: AudioFormat): number {
  return parts.reduce((sum, bytes) => sum + durationMs(format, bytes.byteLength), 0);
}

/** The item with its audio, which is of format `from`, in format `to`. Without audio it is `item` itself. */
export function inFormat<T extends JsonObject>(
  item: T,
  from: AudioFormat,
  to: AudioFormat,
  kernels: AudioKernels,
): T {
  const content = item["content"];
  if (!Array.isArray(content) || !partsOf(item).some((part) => audioOf(part) !== null)) return item;
  const parts = content.map((part: Json) => {
    const bytes = isJsonObject(part) ? audioOf(part) : null;
    if (!isJsonObject(part) || bytes === null) return part;
    return { ...part, audio: transcode(bytes, from, to, kernels).toBase64() };
  });
  return { ...item, content: parts };
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
 * The item with its audio: to each part its own piece of the recording, whose front may be gone.
 * @param pieces bytes of each part
 */
export function withPieces<T extends JsonObject>(
  item: T,
  recording: Uint8Array,
  pieces: readonly number[],
): T {
  const whole = pieces.reduce((sum, each) => sum + each, 0);
  let at = Math.min(0, recording.byteLength - whole);
  let index = 0;
  const content = partsOf(item).map((part) => {
    if (part["type"] !== "input_audio") return part;
    const from = Math.max(0, at);
    at += pieces[index] ?? 0;
    index += 1;
    return { ...part, audio: recording.subarray(from, Math.max(0, at)).toBase64() };
  });
  return { ...item, content };
}

interface Recording {
  readonly format: AudioFormat;
  readonly bytes: Uint8Array;
  readonly complete: boolean;
}

/**
 * An item that the client created with audio, for a connection that was not there: with its audio in format `to`; null
 * where it has none, its audio has words, which are told in its stead, or is not kept whole.
 */
export function withRecording<T extends JsonObject>(
  entry: { readonly item: T; readonly pieces?: readonly number[] },
  kept: Recording | null,
  to: AudioFormat,
  kernels: AudioKernels,
): T | null {
  if (!entry.pieces || !kept?.complete || !isUnspoken(entry.item)) return null;
  return inFormat(withPieces(entry.item, kept.bytes, entry.pieces), kept.format, to, kernels);
}

/** It has audio of the caller's of which nobody knows the words. */
export function isUnspoken(item: JsonObject): boolean {
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
