/**
 * What a client sends, read once: the audio that nearly every message is by a scan, frames by their header, everything
 * else as JSON against its schema. A fault of the client's is answered here and ends nothing.
 */
import { Base64Decoder, insteadOfBase64, scanAppend } from "../../protocol/append.ts";
import { ClientError } from "../../protocol/client-error.ts";
import {
  APPEND,
  eventIdOf,
  EXTENSION_EVENTS,
  readClientEvent,
  sequenceOf,
  type ClientEvent,
} from "../../protocol/client-events.ts";
import { FRAME_AUDIO, FRAME_HEADER_BYTES, readFrameHeader } from "../../protocol/frame.ts";
import { isNestedWithin, parseJsonObject, type JsonObject } from "../../protocol/json.ts";
import type { WireMessage } from "../../upstreams/upstream.ts";
import type { ClientPort } from "./client-port.ts";
import type { Context } from "../context.ts";
import type { Delivery } from "../delivery/delivery.ts";

export interface ClientMessagesHost {
  /** The client wants something, other than that its audio is heard. */
  acted(): void;
  /** Anything but audio. @throws ClientError */
  event(event: PlainEvent): void;
  /** Audio in the session's input format; a view that is valid only during the call. */
  audio(bytes: Uint8Array): void;
}

/** Every event but the audio, which is taken here. */
export type PlainEvent = Exclude<ClientEvent, { readonly type: typeof APPEND }>;

/** Events that a client sends though nobody says anything: silence is streamed too. */
const STILL: ReadonlySet<string> = new Set(["session.heartbeat", "session.ack", "playback.ack", APPEND]);
/** What an upstream refuses of these has to be told, or taken back, also where the event has no `event_id`. */
const JUDGED: ReadonlySet<string> = new Set(["session.update", "conversation.item.create"]);
/** What is kept of an event is merged and written out again by recursion: depth must not exhaust the stack. */
const MAX_NESTING = 64;

export class ClientMessages {
  readonly #context: Context;
  readonly #port: ClientPort;
  readonly #delivery: Delivery;
  readonly #host: ClientMessagesHost;
  readonly #base64 = new Base64Decoder();

  constructor(context: Context, port: ClientPort, delivery: Delivery, host: ClientMessagesHost) {
    this.#context = context;
    this.#port = port;
    this.#delivery = delivery;
    this.#host = host;
  }

  take(data: WireMessage): void {
    this.#delivery.pulse.heard();
    if (data.length > this.#context.limits.clientMessageSize) this.#refuseSize(data);
    else if (typeof data === "string") this.#text(data);
    else this.#binary(data);
  }

  #text(data: string): void {
    const append = scanAppend(data);
    if (append) {
      this.#delivery.settle();
      this.#delivery.pulse.spoke();
      const audio = data.slice(append.from, append.to);
      // Valid nearly always: the event_id is looked for when there is something to say.
      const bytes = this.#base64.decode(audio);
      if (bytes) this.#host.audio(bytes);
      else this.#port.rejectedStream(invalidAudio(audio), eventIdOf(parseJsonObject(data)));
      return;
    }
    const message = parseJsonObject(data);
    try {
      this.#event(message);
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      const eventId = eventIdOf(message);
      if (message?.["type"] === APPEND) this.#port.rejectedStream(error, eventId);
      else this.#port.rejected(error, eventId);
    } finally {
      this.#context.cause = null;
    }
  }

  /** @throws ClientError */
  #event(message: JsonObject | null): void {
    if (!message) {
      throw new ClientError("invalid_json", "The message is not a JSON object (one event per text message).");
    }
    if (!isNestedWithin(message, MAX_NESTING)) {
      throw new ClientError("invalid_json", `The JSON of an event is at most ${MAX_NESTING} levels deep.`);
    }
    const event = readClientEvent(message);
    const sequence = this.#port.extended ? sequenceOf(message) : 0;
    if (event.type !== "session.resume") this.#delivery.settle();
    if (EXTENSION_EVENTS.has(event.type) && !this.#port.extended) {
      throw new ClientError("invalid_value", `'${event.type}' needs the subprotocol 'duplex.v1'.`, "type");
    }
    if (event.type === APPEND || !STILL.has(event.type)) this.#delivery.pulse.spoke();
    if (!STILL.has(event.type)) this.#host.acted();
    if (!this.#delivery.heard(sequence)) return;
    if (event.type === APPEND) this.#append(event.audio);
    else {
      const unnamed = JUDGED.has(event.type) ? this.#context.unnamedCause() : null;
      this.#context.cause = eventIdOf(message) ?? unnamed;
      this.#host.event(event);
    }
  }

  /** @throws ClientError */
  #append(audio: string): void {
    const bytes = this.#base64.decode(audio);
    if (!bytes) throw invalidAudio(audio);
    this.#host.audio(bytes);
  }

  #binary(frame: Uint8Array): void {
    try {
      this.#frame(frame);
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      this.#port.rejectedStream(error, null);
    }
  }

  /** Too large to parse: what can be said of it stands at its front. */
  #refuseSize(data: WireMessage): void {
    const front = typeof data === "string" ? data.slice(0, 512) : "";
    const eventId = /"event_id"\s*:\s*"([^"\\]{1,128})"/.exec(front)?.[1] ?? null;
    const param = front.includes('"input_audio_buffer.append"') ? "audio" : null;
    const limit = this.#context.limits.clientMessageSize;
    const error = new ClientError("message_too_large", `The message is larger than ${limit} bytes.`, param);
    this.#port.rejected(error, eventId);
  }

  /** @throws ClientError */
  #frame(frame: Uint8Array): void {
    if (!this.#port.extended) {
      throw new ClientError("binary_not_negotiated", "Binary messages need the subprotocol 'duplex.v1'.");
    }
    const header = readFrameHeader(frame);
    if (!header) {
      throw new ClientError(
        "invalid_frame",
        `A binary message has at least ${FRAME_HEADER_BYTES} bytes, this one ${frame.byteLength}.`,
      );
    }
    if (header.kind !== FRAME_AUDIO || header.stream !== 0) {
      const what = header.kind === FRAME_AUDIO ? `stream ${header.stream}` : `kind ${header.kind}`;
      throw new ClientError(
        "invalid_frame",
        `Unknown ${what} in a binary message: expected kind 1, stream 0.`,
      );
    }
    this.#delivery.settle();
    this.#delivery.pulse.spoke();
    if (this.#delivery.heard(header.sequence)) this.#host.audio(frame.subarray(FRAME_HEADER_BYTES));
  }
}

function invalidAudio(text: string): ClientError {
  const instead = insteadOfBase64(text);
  return new ClientError(
    "invalid_value",
    `Invalid 'audio': expected base64 (RFC 4648 §4)${instead === null ? "" : `, got ${instead}`}.`,
    "audio",
  );
}
