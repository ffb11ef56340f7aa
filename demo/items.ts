/** Items as a client gives them, made into the conversation's own. */
import { createHash } from "node:crypto";
import { decode, encode, PCM_24K, bytesPerSample, type WireFormat } from "./codec.ts";
import type { Content, Item, MessageItem } from "./conversation.ts";
import { EventError } from "./errors.ts";
import type { DrawId } from "./ids.ts";
import type { ItemParam } from "./schemas.ts";

/** OpenAI's limit of `input_audio_buffer.append`; kept for items too. */
const MAX_AUDIO_CHARACTERS = 15 * 1024 * 1024;

/**
 * Bytes of a base64 field.
 * @throws EventError naming `param` when it is too long or not base64.
 */
export function decodeBase64(text: string, param: string): Uint8Array {
  if (text.length > MAX_AUDIO_CHARACTERS) {
    throw new EventError(
      "string_above_max_length",
      `Invalid '${param}': string too long. At most 15 MiB.`,
      param,
    );
  }
  try {
    return Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
  } catch {
    throw new EventError("invalid_value", `Invalid '${param}'. Expected base64-encoded audio.`, param);
  }
}

/**
 * A new item; its id is the client's where given. Audio is read in the session's input format.
 * @throws EventError naming the field at `path`.
 */
export function makeItem(given: ItemParam, format: WireFormat, drawId: DrawId, path: string): Item {
  const id = given.id ?? drawId("item");
  if (given.type === "function_call") {
    const call_id = given.call_id ?? drawId("call");
    return {
      id,
      type: given.type,
      status: "completed",
      name: given.name,
      call_id,
      arguments: given.arguments,
    };
  }
  if (given.type === "function_call_output") {
    return { id, type: given.type, status: "completed", call_id: given.call_id, output: given.output };
  }
  if (given.type !== "message") return { id, type: "other", fields: given };
  return {
    id,
    type: "message",
    role: given.role,
    status: "completed",
    content: makeContent(given, format, path),
  };
}

type MessageParam = Extract<ItemParam, { type: "message" }>;

const ALLOWED: Readonly<Record<MessageItem["role"], readonly string[]>> = {
  system: ["input_text"],
  user: ["input_text", "input_audio", "input_image"],
  assistant: ["output_text"],
};

function makeContent(message: MessageParam, format: WireFormat, path: string): Content[] {
  return message.content.map((part, index) => {
    const at = `${path}.content[${index}]`;
    if (!ALLOWED[message.role].includes(part.type)) {
      throw new EventError(
        "invalid_value",
        `Invalid value: '${part.type}'. Supported values for role '${message.role}' are: ${ALLOWED[message.role].join(", ")}.`,
        `${at}.type`,
      );
    }
    if (part.type !== "input_audio") return { ...part };
    const bytes = decodeBase64(part.audio, `${at}.audio`);
    if (bytes.byteLength % bytesPerSample(format) !== 0) {
      throw new EventError(
        "invalid_value",
        `Invalid '${at}.audio'. It is no whole number of 16-bit samples.`,
        `${at}.audio`,
      );
    }
    const audio = { format, bytes, truncated: false };
    return { type: "input_audio", transcript: part.transcript ?? null, audio };
  });
}

/**
 * What tests compare with what was sent: item, sample count and SHA-256 of the samples (s16le at the input rate,
 * so G.711 is hashed as it decodes) of the user's audio turn that a response answers; null when it answers none.
 */
export function turnProof(context: readonly Item[]): Record<string, string> | null {
  const last = context.findLast((item) => item.type !== "other");
  if (last?.type !== "message" || last.role !== "user") return null;
  const audio = last.content.find((part) => part.type === "input_audio")?.audio;
  if (audio === undefined) return null;
  const samples = decode(audio.bytes, audio.format);
  return {
    demo_input_samples: String(samples.length),
    demo_input_sha256: createHash("sha256").update(encode(samples, PCM_24K)).digest("hex"),
    demo_input_item: last.id,
  };
}
