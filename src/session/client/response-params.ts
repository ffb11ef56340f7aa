/** The client's `response.create` parameters: checked where an upstream would refuse them, and as they go up. */
import { ClientError } from "../../protocol/client-error.ts";
import type { ResponseParams } from "../../protocol/client-events.ts";
import { isJsonObject, jsonSize, type Json, type JsonObject } from "../../protocol/json.ts";
import { OWN_VOICE } from "../../protocol/session-defaults.ts";
import { checkInputItem, requireString, sizesOf, type AudioBound } from "./item-check.ts";

/** Twice what OpenAI takes, 16 names of 64 and values of 512 characters: it is kept when the answer has ended. */
const METADATA_SIZE = 18_432;

/** @returns milliseconds of audio in `input`. @throws ClientError naming the first item of it that is wrong or unknown. */
export function checkInput(
  params: ResponseParams,
  knows: (itemId: string) => boolean,
  bound: AudioBound,
): number {
  let leftMs = bound.ms;
  for (const [index, item] of (params.input ?? []).entries()) {
    const path = `response.input[${index}]`;
    if (item.type !== "item_reference") {
      // What came from a JSON schema is JSON.
      leftMs -= checkInputItem(item as JsonObject, path, { ...bound, ms: leftMs });
      continue;
    }
    // What came from a JSON schema is JSON.
    const id = item["id"] as Json | undefined;
    requireString(id, `${path}.id`);
    if (knows(id)) continue;
    throw new ClientError(
      "item_reference_invalid_item_id",
      `No item with id '${id.slice(0, 128)}' exists in the conversation.`,
      `${path}.id`,
    );
  }
  return bound.ms - leftMs;
}

/** @returns characters in it. @throws ClientError when it has more than is kept while its answer is made. */
export function checkParamsSize(
  params: ResponseParams,
  most: { readonly size: number; readonly media: number },
): number {
  const whole = jsonSize(params as Json);
  const metadata = jsonSize(params.metadata);
  if (metadata > METADATA_SIZE) {
    const message = `Invalid 'response.metadata': ${metadata} characters, at most ${METADATA_SIZE} are taken.`;
    throw new ClientError("response_too_large", message, "response.metadata");
  }
  let media = 0;
  for (const item of params.input ?? []) {
    const { images, audio } = sizesOf(item as JsonObject);
    media += images + audio;
  }
  const [size, limit, what] =
    media > most.media
      ? [media, most.media, "characters of images and audio"]
      : [whole - media, most.size, "characters without its images and audio"];
  if (size <= limit) return whole;
  throw new ClientError(
    "response_too_large",
    `Invalid 'response': ${size} ${what}, at most ${limit} are taken.`,
    "response",
  );
}

/** Without the name under which an answer shows a voice that nobody chose: handed back it chooses none. */
export function withoutOwnVoice(params: ResponseParams): ResponseParams {
  const { audio } = params;
  const output = isJsonObject(audio as JsonObject) ? (audio as JsonObject)["output"] : undefined;
  if (!isJsonObject(output) || output["voice"] !== OWN_VOICE) return params;
  const { voice: _, ...rest } = output;
  return { ...params, audio: { ...(audio as JsonObject), output: rest } };
}
