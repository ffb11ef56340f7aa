/** What a provider says that something cost, in OpenAI's shape, as units that no two prices are paid for. */
import { isJsonObject, type Json, type JsonObject } from "../../protocol/json.ts";
import { counted } from "../state/usage.ts";
import type { Units } from "./price.ts";

/** What is no number from 0 is none. */
function count(value: Json | undefined): number {
  return typeof value === "number" && Number.isFinite(value) ? counted(value) : 0;
}

function within(value: Json | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

/** Of an answer or a session. Parts never come to more than the whole that the provider states. */
export function statedUnits(usage: JsonObject): Units {
  return {
    ...inputUnits(usage),
    ...outputUnits(usage),
    statedSeconds: count(usage["audio_seconds"]),
    characters: count(usage["speech_characters"]),
  };
}

/** Of the words of the caller's turn: a model of its own, by the minute or by tokens. */
export function transcriptUnits(usage: JsonObject): Units {
  return {
    transcriptSeconds: count(usage["seconds"]) + count(usage["audio_seconds"]),
    transcriptInput: count(usage["input_tokens"]),
    transcriptOutput: count(usage["output_tokens"]),
  };
}

function inputUnits(usage: JsonObject): Units {
  const details = within(usage["input_token_details"]);
  const said = within(details["cached_tokens_details"]);
  const left = new Rest(count(usage["input_tokens"]));
  const text = left.take(count(details["text_tokens"]));
  const audio = left.take(count(details["audio_tokens"]));
  const image = left.take(count(details["image_tokens"]));
  const other = left.take(Number.POSITIVE_INFINITY);
  const cached = new Rest(count(details["cached_tokens"]));
  const stated = {
    cachedText: cached.take(Math.min(text, count(said["text_tokens"]))),
    cachedAudio: cached.take(Math.min(audio, count(said["audio_tokens"]))),
    cachedImage: cached.take(Math.min(image, count(said["image_tokens"]))),
  };
  // Of which kind the rest of them was nobody says: instructions, which are text, are cached first.
  const cachedText = stated.cachedText + cached.take(text - stated.cachedText);
  const cachedOther = cached.take(other);
  const cachedAudio = stated.cachedAudio + cached.take(audio - stated.cachedAudio);
  const cachedImage = stated.cachedImage + cached.take(image - stated.cachedImage);
  return {
    inputText: text - cachedText,
    inputAudio: audio - cachedAudio,
    inputImage: image - cachedImage,
    inputOther: other - cachedOther,
    cachedText,
    cachedAudio,
    cachedImage,
    cachedOther,
  };
}

function outputUnits(usage: JsonObject): Units {
  const details = within(usage["output_token_details"]);
  const left = new Rest(count(usage["output_tokens"]));
  const outputAudio = left.take(count(details["audio_tokens"]));
  const outputText = left.take(count(details["text_tokens"]));
  return { outputAudio, outputText, outputOther: left.take(Number.POSITIVE_INFINITY) };
}

/** What is still there of so many. */
class Rest {
  #left: number;

  constructor(count: number) {
    this.#left = count;
  }

  take(most: number): number {
    const taken = Math.min(most, this.#left);
    this.#left -= taken;
    return taken;
  }
}
