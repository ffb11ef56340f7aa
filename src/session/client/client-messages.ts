/**
 * What a client sends, read once: the audio that nearly every message is by a scan, frames by their header, everything
 * else as JSON against its schema. A fault of the client's is answered here and ends nothing.
 */
import { Base64Decoder, scanAppend } from "../../protocol/append.ts";
import { ClientError } from "../../protocol/client-error.ts";
import { EXTENSION_EVENTS, readClientEvent, type ClientEvent } from "../../protocol/client-events.ts";
import { FRAME_AUDIO, FRAME_HEADER_BYTES, readFrameHeader } from "../../protocol/frame.ts";
import { parseJsonObject } from "../../protocol/json.ts";
import type { WireMessage } from "../../upstreams/upstream.ts";
import { invalidAudio } from "./client-commands.ts";
import type { ClientPort } from "./client-port.ts";
import type { Context } from "../context.ts";
import type { Delivery } from "../delivery/delivery.ts";

export interface ClientMessagesHost {
  /** The client wants something, other than that its audio is heard. */
  acted(): void;
  /** @throws ClientError */
  event(event: ClientEvent): void;
  /** Audio in the session's input format; a view that is valid only during the call. */
  audio(bytes: Uint8Array): void;
}

/** Events that a client sends though nobody says anything. */
const STILL: ReadonlySet<string> = new Set(["session.heartbeat", "session.ack", "playback.ack"]);

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
    let eventId: string | null = null;
    try {
      if (data.length > this.#context.limits.clientMessageSize) {
        const limit = this.#context.limits.clientMessageSize;
        // Too large to parse: what can be said of it stands at its front.
        const front = typeof data === "string" ? data.slice(0, 512) : "";
        eventId = /"event_id"\s*:\s*"([^"\\]{1,128})"/.exec(front)?.[1] ?? null;
        const param = front.includes('"input_audio_buffer.append"') ? "audio" : null;
        throw new ClientError("message_too_large", `The message is larger than ${limit} bytes.`, param);
      }
      if (typeof data !== "string") {
        this.#frame(data);
        return;
      }
      const append = scanAppend(data);
      if (append) {
        this.#delivery.settle();
        this.#delivery.pulse.spoke();
        this.#appendBase64(data.slice(append.from, append.to), data);
        return;
      }
      const message = parseJsonObject(data);
      if (!message) {
        throw new ClientError(
          "invalid_json",
          "The message is not a JSON object (one event per text message).",
        );
      }
      eventId = typeof message["event_id"] === "string" ? message["event_id"].slice(0, 512) : null;
      const event = readClientEvent(message);
      if (event.type !== "session.resume") this.#delivery.settle();
      if (EXTENSION_EVENTS.has(event.type) && !this.#port.extended) {
        throw new ClientError("invalid_value", `'${event.type}' needs the subprotocol 'duplex.v1'.`, "type");
      }
      if (!STILL.has(event.type)) {
        this.#delivery.pulse.spoke();
        this.#host.acted();
      }
      const sequence = message["client_event_seq"];
      if (this.#port.extended && typeof sequence === "number" && !this.#delivery.heard(sequence)) return;
      this.#context.cause = eventId;
      this.#host.event(event);
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      this.#port.rejected(error, eventId);
    } finally {
      this.#context.cause = null;
    }
  }

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

  #appendBase64(text: string, message: string): void {
    const bytes = this.#base64.decode(text);
    if (bytes) {
      this.#host.audio(bytes);
      return;
    }
    const eventId = parseJsonObject(message)?.["event_id"];
    this.#port.rejected(invalidAudio(), typeof eventId === "string" ? eventId : null);
  }
}
