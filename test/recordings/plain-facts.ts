/** What is compared of sockets of dialects that name nothing: the sound, the words of both sides, the calls and the tokens. */
import { isJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import { textOf } from "./names.ts";

export type PlainFacts = {
  readonly audio: string;
  /** What the model said, and what the caller, without spaces: those around a turn's words are no words. */
  readonly said: string;
  readonly heard: string;
  readonly calls: readonly string[];
  /** Tokens in and out. */
  readonly tokens: readonly number[];
};

/** Python's client writes `client_content`, the others `clientContent`. */
export function member(event: JsonObject, name: string): JsonObject | null {
  const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const value = event[name] ?? event[snake];
  return isJsonObject(value) ? value : null;
}

export const base64 = (text: string): Uint8Array =>
  Uint8Array.fromBase64(text.replaceAll("-", "+").replaceAll("_", "/"), { lastChunkHandling: "loose" });

export function joined(pieces: readonly Uint8Array[]): string {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes.subarray(0, at & ~1).toBase64();
}

export function toldOf(events: readonly JsonObject[]): PlainFacts {
  const of = (type: string) => events.filter((event) => event["type"] === type);
  const words = (type: string, key: string) =>
    of(type)
      .map((event) => textOf(event[key] ?? ""))
      .join("")
      .replaceAll(/\s+/g, "");
  const usage = of("response.done").map((event) => member(member(event, "response") ?? {}, "usage"));
  const count = (name: string) => usage.reduce((sum, one) => sum + Number(one?.[name] ?? 0), 0);
  return {
    audio: joined(of("response.output_audio.delta").map((event) => base64(textOf(event["delta"])))),
    said: words("response.output_audio_transcript.delta", "delta"),
    heard: words("conversation.item.input_audio_transcription.completed", "transcript"),
    calls: of("response.function_call_arguments.done").map(
      (event) => `${textOf(event["call_id"])} ${textOf(event["name"])} ${textOf(event["arguments"])}`,
    ),
    tokens: [count("input_tokens"), count("output_tokens")],
  };
}
