/** What a client is told of the words of its turns, where a transcriber gives them. */
import type { JsonObject } from "../../protocol/json.ts";
import type { UpstreamFault } from "../../upstreams/upstream.ts";
import type { Entry } from "../memory/entry.ts";
import type { ServerEvent } from "../state/server-events.ts";
import type { Segment } from "./segments.ts";
import { sumOf, together } from "./transcript-extra.ts";

const NAME = "conversation.item.input_audio_transcription";

/** More words of a turn. */
export function wordsCame(itemId: string, delta: string, beside: JsonObject): ServerEvent {
  return { type: `${NAME}.delta`, ...beside, item_id: itemId, content_index: 0, delta };
}

/** A diarized part of it. */
export function partOf(itemId: string, part: JsonObject): ServerEvent {
  return { ...part, type: `${NAME}.segment`, item_id: itemId, content_index: 0 };
}

/** All of its words. @param whole the segments have them all: what is known of some of them only is nothing that is known of all. */
export function wordsComplete(
  { item, audioMs }: Entry,
  transcript: string,
  segments: readonly Segment[],
  whole: boolean,
): ServerEvent {
  const worded = segments.filter(({ text }) => text.trim() !== "");
  const beside = whole ? together(worded.map(({ extra }) => extra ?? null)) : {};
  const usage = sumOf(segments.map((segment) => segment.usage ?? null));
  return {
    type: `${NAME}.completed`,
    ...beside,
    item_id: item.id,
    content_index: 0,
    transcript,
    usage: usage ?? { type: "duration", seconds: Math.round(audioMs / 100) / 10 },
  };
}

/** It has none, and why. */
export function wordsFailed(itemId: string, fault: UpstreamFault): ServerEvent {
  const error = { type: "server_error", ...fault, param: null };
  return { type: `${NAME}.failed`, item_id: itemId, content_index: 0, error };
}

/** Nobody was there to write it down. */
export function wordsUnheard(itemId: string): ServerEvent {
  return wordsFailed(itemId, { code: "upstream_unavailable", message: "The transcriber is not there." });
}
