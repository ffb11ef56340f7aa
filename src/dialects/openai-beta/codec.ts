/**
 * OpenAI's Realtime of 2024, the beta: the same calls under other names. Its session is flat, its events have the names of
 * before GA, and an item is told once (`conversation.item.created`). Audio passes unread in both directions: an append is
 * the same in both, and a delta is another first member.
 */
import { ClientError } from "../../protocol/client-error.ts";
import { eventIdOf } from "../../protocol/client-events.ts";
import { excessOf, isJsonObject, parseJsonObject, type Json, type JsonObject } from "../../protocol/json.ts";
import type { ClientMessage, Codec, CodecSnapshot, Heard } from "../dialect.ts";
import { retyped, typeOf } from "../written.ts";
import { BEGIN_TEMPERATURE, fromResponse, fromSession, readTemperature, renamed, toOwn } from "./fields.ts";
import { fromItem, toItem } from "./items.ts";

/** Nearly every message: the name of it stands at its front. */
const APPEND = "input_audio_buffer.append";
const FRONT = 512;
/** Events that are other than the session's. One that is spelled with escapes is taken as it stands. */
const OTHER =
  /"(?:session\.update|transcription_session\.update|conversation\.item\.create|response\.create)"/;
/**
 * What is read here. More passes as it stands: the session refuses it, or it is an item with audio or an image, which is
 * the same in both. Characters, and as the session bounds JSON.
 */
const TRANSLATED_CHARS = 1_048_576;
const EXCESS = { levels: 64, members: 10_000, escapes: TRANSLATED_CHARS, outside: TRANSLATED_CHARS };

const MODEL_OF_2024 = "whisper-1";

/** Server events that differ in their name alone. */
const RETYPED: Readonly<Record<string, string>> = {
  "response.output_audio.delta": "response.audio.delta",
  "response.output_audio.done": "response.audio.done",
  "response.output_audio_transcript.delta": "response.audio_transcript.delta",
  "response.output_audio_transcript.done": "response.audio_transcript.done",
  "response.output_text.delta": "response.text.delta",
  "response.output_text.done": "response.text.done",
};

export class BetaCodec implements Codec {
  /** Shown as the client set it, and told to no provider: GA has none. */
  #temperature = BEGIN_TEMPERATURE;
  /**
   * It is told words while they are transcribed. In 2024 there were none, and Azure's client ends at an event that it does not
   * know; whoever names another model than that year's is of a later one.
   */
  #words = false;

  /** Nothing is of a connection: the session begins anew for each. */
  readonly deadline = null;

  opened(): void {}

  due(): readonly Heard[] {
    return [];
  }

  decode(data: ClientMessage): readonly Heard[] {
    const said = typeof data === "string" ? otherIn(data) : null;
    if (said === null) return [{ type: "message", data }];
    try {
      return [{ type: "message", data: JSON.stringify(this.#toOwn(said)) }];
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      return [{ type: "refused", error, eventId: eventIdOf(said) }];
    }
  }

  /** @throws ClientError naming the field. */
  #toOwn(said: JsonObject): JsonObject {
    const { type, session, item, response } = said;
    switch (typeof type === "string" ? type : "") {
      case "session.update":
        return isJsonObject(session) ? { ...said, session: this.#toSession(session) } : said;
      case "transcription_session.update": {
        const own = isJsonObject(session) ? { ...toOwn(session, "session"), type: "transcription" } : session;
        return { ...said, type: "session.update", ...(own !== undefined && { session: own }) };
      }
      case "conversation.item.create":
        return isJsonObject(item) ? { ...said, item: toItem(item) } : said;
      case "response.create":
        return isJsonObject(response) ? { ...said, response: toResponse(response) } : said;
      default:
        return said;
    }
  }

  #toSession(session: JsonObject): JsonObject {
    const own = toOwn(session, "session");
    this.#temperature = readTemperature(session, "session") ?? this.#temperature;
    return own;
  }

  encode(data: ClientMessage): readonly ClientMessage[] {
    if (typeof data !== "string") return [];
    const type = typeOf(data);
    const other = Object.hasOwn(RETYPED, type) ? RETYPED[type] : undefined;
    if (other !== undefined) return [retyped(data, type, other)];
    switch (type) {
      case "conversation.item.done":
      // Of GA alone.
      case "conversation.item.input_audio_transcription.segment":
        return [];
      case "conversation.item.input_audio_transcription.delta":
        return this.#words ? [data] : [];
      case "session.created":
      case "session.updated":
      case "conversation.item.added":
      case "conversation.item.retrieved":
      case "response.output_item.added":
      case "response.output_item.done":
      case "response.created":
      case "response.done":
      case "error":
        return [this.#written(type, data)];
      default:
        return [data];
    }
  }

  #written(type: string, data: string): string {
    const event = parseJsonObject(data);
    return event === null ? data : JSON.stringify(this.#fromOwn(type, event));
  }

  #fromOwn(type: string, event: JsonObject): JsonObject {
    const { session, item, response, error } = event;
    if (isJsonObject(session)) {
      const name = session["type"] === "transcription" ? `transcription_${type}` : type;
      const shown = fromSession(session, this.#temperature);
      this.#words = hasWords(shown["input_audio_transcription"]);
      return { ...event, type: name, session: shown };
    }
    if (isJsonObject(response)) return { ...event, response: fromResponse(response, this.#temperature) };
    if (isJsonObject(item)) {
      const name = type === "conversation.item.added" ? "conversation.item.created" : type;
      return { ...event, type: name, item: fromItem(item) };
    }
    return isJsonObject(error) ? { ...event, error: fromError(error) } : event;
  }

  snapshot(): CodecSnapshot {
    return { temperature: this.#temperature, words: this.#words };
  }

  restore({ temperature, words }: CodecSnapshot): void {
    this.#words = words === true;
    this.#temperature = typeof temperature === "number" ? temperature : BEGIN_TEMPERATURE;
  }
}

function hasWords(transcription: Json | undefined): boolean {
  const model = isJsonObject(transcription) ? transcription["model"] : null;
  return typeof model === "string" && model !== MODEL_OF_2024;
}

/** An event that is another one in the session; null: it is the same, or for the session to refuse. */
function otherIn(text: string): JsonObject | null {
  if (text.length > TRANSLATED_CHARS || text.slice(0, FRONT).includes(APPEND) || !OTHER.test(text))
    return null;
  return typeof excessOf(text, EXCESS) === "number" ? parseJsonObject(text) : null;
}

/** @throws ClientError */
function toResponse(response: JsonObject): JsonObject {
  readTemperature(response, "response");
  const own = toOwn(response, "response");
  const input = own["input"];
  if (!Array.isArray(input)) return own;
  return { ...own, input: input.map((item: Json) => (isJsonObject(item) ? toItem(item) : item)) };
}

function fromError(error: JsonObject): JsonObject {
  const { message, param } = error;
  return {
    ...error,
    ...(typeof message === "string" && { message: renamed(message) }),
    ...(typeof param === "string" && { param: renamed(param) }),
  };
}
