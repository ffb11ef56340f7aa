/** An item of the conversation with what the relay alone knows of it, and what of it was heard. */
import { bytesPerSample, sampleRateHz, type AudioFormat } from "../../audio/format.ts";
import { isJsonObject, type Json, type JsonObject } from "../../protocol/json.ts";
import type { Item } from "../../upstreams/upstream.ts";
import { heardWords, joinWords } from "./words.ts";

export interface Entry {
  item: Item;
  /** Index of the upstream that produced it; null: the user's. */
  readonly origin: number | null;
  /** A response is still writing it. */
  growing: boolean;
  /** Assistant audio: milliseconds that remain of it; null: not cut. */
  truncatedMs: number | null;
  /** Milliseconds of audio in it. */
  audioMs: number;
  /** The caller committed it, or a silence was waited out, and no speech was heard in it. */
  readonly unvoiced?: true;
  /** The words of its sound are its client's own: nobody who heard it has said them. */
  claimed?: true;
  /** Milliseconds more that the upstream had said and that were cut before they were sent. */
  unsentMs?: number;
  /** Of a tool's result: the item of the call that it answers, where that is known. */
  readonly answers?: string;
  /** The words of those milliseconds. */
  unsentText?: string;
  /** Its audio parts, in order: place, the upstream's number, milliseconds; absent: all audio is its first part. */
  audioParts?: readonly { readonly index: number; readonly key: number; readonly ms: number }[];
  /** Of an answer that was cut and that its client did not truncate: what of it can have been heard. */
  playedMs?: number;
  /** Of a truncated item: the words that were heard, for an upstream that has to be told of it. */
  heardText?: string;
}

/** Where the item was cut off for the listener; null: all of it can be heard. */
export function cutAt(entry: Entry): number | null {
  return entry.truncatedMs ?? entry.playedMs ?? null;
}

/** The words of a cut item that the listener heard. */
export function wordsHeard(entry: Entry): string {
  if (entry.truncatedMs !== null) return entry.heardText ?? "";
  return heardWords(saidIn(entry.item, entry), entry.playedMs ?? 0, saidMs(entry));
}

export function bytesOf(format: AudioFormat, ms: number): number {
  return Math.round((ms * sampleRateHz(format)) / 1000) * bytesPerSample(format);
}

export function mapParts(item: Item, change: (part: JsonObject) => JsonObject): Json {
  const content = item["content"];
  return Array.isArray(content)
    ? content.map((part: Json) => (isJsonObject(part) ? change(part) : part))
    : [];
}

export function transcriptOf(item: Item): string {
  const content = item["content"];
  const parts = Array.isArray(content) ? content.filter((part: Json) => isJsonObject(part)) : [];
  return joinWords(parts.map((part) => (typeof part["transcript"] === "string" ? part["transcript"] : "")));
}

/** All audio of an answer that its upstream had said, sent or not. */
export function saidMs(entry: Entry): number {
  return entry.audioMs + (entry.unsentMs ?? 0);
}

/** …and the words of that audio, as far as they were told: like is compared with like. */
export function saidIn(item: Item, entry: Entry): string {
  return transcriptOf(item) + (entry.unsentText ?? "");
}

/** An answer that was cut and that its client did not truncate says no more than can have been heard. */
export function asPlayed(entry: Entry): Item {
  const { item, playedMs, audioParts } = entry;
  const content = item["content"];
  if (playedMs === undefined || entry.truncatedMs !== null || !Array.isArray(content)) return item;
  let from = 0;
  const parts = content.map((part: Json, index) => {
    const transcript = isJsonObject(part) ? part["transcript"] : null;
    if (!isJsonObject(part) || typeof transcript !== "string") return part;
    if (audioParts === undefined) return { ...part, transcript: wordsHeard(entry) };
    const ms = audioParts.find((one) => one.index === index)?.ms ?? 0;
    const heard = heardWords(transcript, Math.max(0, playedMs - from), ms);
    from += ms;
    return { ...part, transcript: heard };
  });
  return { ...item, content: parts };
}

export function withoutTranscript(part: JsonObject): JsonObject {
  return part["type"] === "output_audio" ? { ...part, transcript: "" } : part;
}

/** The item as every event but `retrieved` shows it: audio bytes omitted. */
export function withoutAudio(item: Item): Item {
  const content = item["content"];
  if (!Array.isArray(content)) return item;
  return {
    ...item,
    content: mapParts(item, (part) => {
      if (!("audio" in part)) return part;
      const { audio: _, ...rest } = part;
      return rest;
    }),
  };
}

/** It has the caller's sound, or had. */
export function hasSound(item: Item): boolean {
  return hasPart(item, ({ type }) => type === "input_audio");
}

export function hasPart({ content }: Item, is: (part: JsonObject) => boolean): boolean {
  return Array.isArray(content) && content.some((part: Json) => isJsonObject(part) && is(part));
}

/** It shows something, and says nothing. */
export function isPicture({ type, content }: Item): boolean {
  if (type !== "message" || !Array.isArray(content) || content.length === 0) return false;
  return content.every((part: Json) => isJsonObject(part) && part["type"] === "input_image");
}

/** The conversation ends with a tool call of which nobody has said yet what came of it. */
export function awaitsResult(entries: readonly Entry[]): boolean {
  const given = new Set<string>();
  for (const { item, answers } of entries.toReversed()) {
    if (item.type === "function_call_output") given.add(answers ?? "");
    else if (item.type !== "function_call") return false;
    else if (item["status"] === "completed" && !given.has(item.id)) return true;
  }
  return false;
}
