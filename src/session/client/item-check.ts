/** Items that a client creates or hands in: checked here, so that an upstream never has to refuse them. */
import { durationMs, type AudioFormat } from "../../audio/format.ts";
import { insteadOfBase64 } from "../../protocol/append.ts";
import { ClientError } from "../../protocol/client-error.ts";
import { isJsonObject, jsonSize, type Json, type JsonObject } from "../../protocol/json.ts";
import type { Item } from "../../upstreams/upstream.ts";

/** Content parts each role may bring. What an answer said comes back as it was shown: upstreams are told its words. */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  system: ["input_text"],
  user: ["input_text", "input_audio", "input_image"],
  assistant: ["output_text", "output_audio"],
};
/** The member that each part must have, as a string. */
const MEMBER: Readonly<Record<string, string>> = {
  input_text: "text",
  output_text: "text",
  input_audio: "audio",
  input_image: "image_url",
};
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  function_call: ["name", "arguments"],
  function_call_output: ["call_id", "output"],
};

/** How audio in an item is read, and how many milliseconds of it are taken. */
export interface AudioBound {
  readonly format: AudioFormat;
  readonly ms: number;
}

/** Names that the relay gives where the client gave none. */
export interface GivenNames {
  readonly itemId: string;
  newCallId(): string;
}

/**
 * @returns the item with id, object and status set, as far as its kind has them.
 * @throws ClientError naming the field.
 */
export function checkItem(
  item: JsonObject,
  names: GivenNames,
  most: { readonly size: number; readonly media: number },
  audio: AudioBound,
): Item {
  const { text, images } = sizesOf(item);
  requireSize(text, most.size, "item", "characters without its images and audio");
  requireSize(images, most.media, "item", "characters of images");
  const { type } = checkShape(item, "item", audio);
  // Items of MCP have neither object nor status in the provider's types, and go to it as they are.
  if (type.startsWith("mcp_")) return { ...item, id: names.itemId, type };
  const called = type === "function_call" && item["call_id"] === undefined;
  return {
    ...item,
    ...(called ? { call_id: names.newCallId() } : {}),
    id: names.itemId,
    type,
    object: "realtime.item",
    status: "completed",
  };
}

/** An item of `response.create.input`. @returns milliseconds of audio in it. @throws ClientError naming the field. */
export function checkInputItem(item: JsonObject, path: string, audio: AudioBound): number {
  return checkShape(item, path, audio).audioMs;
}

/** Characters in an item: of its images, of its audio, and of all else. */
export function sizesOf(item: JsonObject): {
  readonly text: number;
  readonly images: number;
  readonly audio: number;
} {
  const content = item["content"];
  let images = 0;
  let audio = 0;
  for (const part of Array.isArray(content) ? (content as readonly Json[]) : []) {
    if (!isJsonObject(part)) continue;
    images += lengthOf(part["image_url"]);
    audio += lengthOf(part["audio"]);
  }
  return { text: jsonSize(item) - images - audio, images, audio };
}

function lengthOf(value: Json | undefined): number {
  return typeof value === "string" ? value.length : 0;
}

/** @throws ClientError `item_too_large`, naming the bound and what was sent. */
function requireSize(size: number, most: number, path: string, what: string): void {
  if (size <= most) return;
  throw new ClientError(
    "item_too_large",
    `Invalid '${path}': ${size} ${what}, at most ${most} are taken.`,
    path,
  );
}

function checkShape(
  item: JsonObject,
  path: string,
  audio: AudioBound,
): { readonly type: string; readonly audioMs: number } {
  const type = item["type"];
  if (typeof type !== "string") throw missing(`${path}.type`);
  if (type === "message") return { type, audioMs: checkMessage(item, path, audio) };
  const required = Object.hasOwn(REQUIRED, type) ? REQUIRED[type] : undefined;
  if (!required && !type.startsWith("mcp_")) {
    throw new ClientError("invalid_value", `Invalid '${path}.type': '${type.slice(0, 64)}'.`, `${path}.type`);
  }
  for (const field of required ?? []) requireString(item[field], `${path}.${field}`);
  if (required && item["call_id"] !== undefined) checkCallId(item["call_id"], `${path}.call_id`);
  return { type, audioMs: 0 };
}

/** Its length is the upstream's own matter: it gave the name. */
function checkCallId(callId: Json, path: string): void {
  requireString(callId, path);
  if (callId === "")
    throw new ClientError("invalid_value", `Invalid '${path}': expected a name, got none.`, path);
}

function checkMessage(item: JsonObject, path: string, audio: AudioBound): number {
  const role = item["role"];
  const allowed = typeof role === "string" && Object.hasOwn(PARTS, role) ? PARTS[role] : undefined;
  if (!allowed) {
    throw new ClientError(
      "invalid_value",
      `Invalid '${path}.role': expected 'system', 'user' or 'assistant'.`,
      `${path}.role`,
    );
  }
  const content = item["content"];
  if (!Array.isArray(content)) {
    throw new ClientError("invalid_type", `Invalid '${path}.content': expected an array.`, `${path}.content`);
  }
  // An answer that said nothing is shown so, and may be handed back.
  if (content.length === 0 && role !== "assistant") {
    throw new ClientError("invalid_value", `Invalid '${path}.content': it has no parts.`, `${path}.content`);
  }
  let ms = 0;
  content.forEach((part: Json, index: number) => {
    ms += checkPart(part, `${path}.content[${index}]`, allowed, { ...audio, ms: audio.ms - ms });
  });
  return ms;
}

/** @returns milliseconds of audio in it. */
function checkPart(part: Json, path: string, allowed: readonly string[], audio: AudioBound): number {
  const type = isJsonObject(part) ? part["type"] : undefined;
  if (!isJsonObject(part) || typeof type !== "string" || !allowed.includes(type)) {
    const expected = allowed.map((name) => `'${name}'`).join(", ");
    throw new ClientError("invalid_value", `Invalid '${path}.type': expected ${expected}.`, `${path}.type`);
  }
  if (type === "output_audio") checkSpoken(part, path);
  const member = MEMBER[type];
  if (member === undefined) return 0;
  const value = part[member];
  requireString(value, `${path}.${member}`);
  return type === "input_audio" ? checkAudio(value, `${path}.audio`, audio) : 0;
}

/** No provider takes the sound of an answer (OpenAI Realtime GA): it is told by its words, and without words not at all. */
function checkSpoken({ audio, transcript }: JsonObject, path: string): void {
  if (transcript !== undefined) requireString(transcript, `${path}.transcript`);
  if (audio === undefined || (transcript !== undefined && transcript !== "")) return;
  const advice = "the sound of an answer cannot be created, its words can: give a 'transcript'";
  throw new ClientError("invalid_value", `Invalid '${path}.audio': ${advice}.`, `${path}.audio`);
}

function checkAudio(text: string, path: string, { format, ms: mostMs }: AudioBound): number {
  const bytes = sizeOfBase64(text);
  if (bytes === null) {
    const instead = insteadOfBase64(text);
    throw new ClientError(
      "invalid_value",
      `Invalid '${path}': expected base64 (RFC 4648 §4)${instead === null ? "" : `, got ${instead}`}.`,
      path,
    );
  }
  const ms = durationMs(format, bytes);
  if (ms > mostMs) {
    throw new ClientError(
      "item_too_large",
      `Invalid '${path}': ${Math.round(ms)} ms of audio, at most ${Math.round(mostMs)} are taken.`,
      path,
    );
  }
  return ms;
}

/** Base64 is read into this and forgotten: minutes of sound are not to be decoded only to be counted. */
const READ = new Uint8Array(49_152);

/** How many bytes `text` spells, white space and missing padding taken; null: it is no base64. */
function sizeOfBase64(text: string): number | null {
  let size = 0;
  try {
    for (let at = 0; at < text.length;) {
      const { read, written } = READ.setFromBase64(at === 0 ? text : text.slice(at));
      if (read === 0) return null;
      size += written;
      at += read;
    }
    return size;
  } catch {
    return null;
  }
}

function missing(path: string): ClientError {
  return new ClientError("missing_required_parameter", `Missing required parameter: '${path}'.`, path);
}

/** @throws ClientError */
export function requireString(value: Json | undefined, path: string): asserts value is string {
  if (value === undefined) throw missing(path);
  if (typeof value !== "string") {
    throw new ClientError("invalid_type", `Invalid '${path}': expected a string.`, path);
  }
}
