/** What one message of a client's is: audio by a scan or by its header, everything else as JSON against its schema. */
import { type Base64Decoder, scanAppend } from "../../protocol/append.ts";
import { ClientError } from "../../protocol/client-error.ts";
import {
  APPEND,
  eventIdOf,
  EXTENSION_EVENTS,
  readClientEvent,
  sequenceOf,
} from "../../protocol/client-events.ts";
import { FRAME_AUDIO, FRAME_HEADER_BYTES, readFrameHeader } from "../../protocol/frame.ts";
import { excessOf, parseJsonObject, type JsonObject } from "../../protocol/json.ts";
import type { WireMessage } from "../../upstreams/upstream.ts";
import { durationMs } from "../../audio/format.ts";
import type { Context } from "../context.ts";
import { costOf } from "../state/event-cost.ts";
import { excessError, jsonMost } from "../state/json-most.ts";
import type { Budget } from "./budget.ts";
import type { Steps } from "./budget-steps.ts";
import type { MessageParts } from "./message-parts.ts";
import type { ClientPort } from "./client-port.ts";
import type { MessageAudio } from "./message-audio.ts";
import { invalidAudio, nameOf } from "./message-faults.ts";
import type { MessageRefusals } from "./message-refusals.ts";
import type { MessageWork } from "./message-work.ts";
import type { Delivery } from "./ports.ts";

/** Events that a client sends though nobody says anything: silence is streamed too. */
const STILL: ReadonlySet<string> = new Set(["session.heartbeat", "session.ack", "playback.ack", APPEND]);
/** By these a caller who says nothing aloud shows that somebody is there. */
const WORDS: ReadonlySet<string> = new Set([
  "conversation.item.create",
  "input_audio_buffer.commit",
  "response.create",
]);
/** What an upstream refuses of these has to be told, or taken back, also where the event has no `event_id`. */
const JUDGED: ReadonlySet<string> = new Set(["session.update", "conversation.item.create"]);

interface ReadWith {
  readonly parts: MessageParts;
  readonly base64: Base64Decoder;
  readonly work: MessageWork;
  readonly audio: MessageAudio;
  readonly refusals: MessageRefusals;
  readonly steps: Steps;
  /** There is more to do later. */
  more(): void;
}

export class MessageReader {
  readonly #context: Context;
  readonly #port: ClientPort;
  readonly #budget: Budget;
  readonly #delivery: Delivery;
  readonly #parts: MessageParts;
  readonly #base64: Base64Decoder;
  readonly #work: MessageWork;
  readonly #audio: MessageAudio;
  readonly #refusals: MessageRefusals;
  readonly #steps: Steps;
  readonly #more: () => void;

  constructor({ parts, ...others }: ReadWith) {
    this.#parts = parts;
    this.#context = parts.context;
    this.#port = parts.port;
    this.#budget = parts.budget;
    this.#delivery = parts.delivery;
    this.#base64 = others.base64;
    this.#work = others.work;
    this.#audio = others.audio;
    this.#refusals = others.refusals;
    this.#steps = others.steps;
    this.#more = () => others.more();
  }

  read(data: WireMessage): void {
    try {
      if (typeof data === "string") this.#text(data);
      else this.#binary(data);
    } catch (error) {
      this.failed(error, null);
    }
  }

  /** By a message its client shows what it was told; by one of a connection that is gone, nothing of the present one. */
  shows(): void {
    if (!this.#steps.former) this.#delivery.settle();
  }

  #text(data: string): void {
    const append = scanAppend(data);
    if (append) this.#scanned(data, append.from, append.to);
    else if (this.#budget.events.take(1, this.#context.now)) this.#eventCame(data);
    else this.#refusals.lacks("events", 0, data);
  }

  #eventCame(data: string): void {
    this.#audio.hearGathered();
    this.#parsed(data);
  }

  /** An append as nearly every message is: its base64 stands at `from` to `to`. */
  #scanned(data: string, from: number, to: number): void {
    const ms = durationMs(this.#parts.config.inputFormat, ((to - from) * 3) / 4);
    if (!this.#work.affords(ms)) return this.#refusals.lacks("audio", ms, data);
    this.shows();
    this.#delivery.pulse.spoke();
    const audio = data.slice(from, to);
    // Valid nearly always: the event_id is looked for when there is something to say.
    const bytes = this.#base64.decode(audio);
    if (bytes) this.#audio.hear(bytes);
    else this.#port.rejectedStream(invalidAudio(audio), eventIdOf(parseJsonObject(data)));
  }

  #parsed(data: string): void {
    const most = jsonMost(this.#context.limits);
    const weight = excessOf(data, most);
    this.#work.parsed(data.length);
    if (typeof weight !== "number") {
      const error = excessError(weight, most);
      this.#budget.weighExcess(data.length, this.#context.now);
      this.#port.rejected(error, nameOf(data));
      return;
    }
    this.#budget.events.charge(costOf(weight), this.#context.now);
    this.#work.weighs(weight);
    const message = parseJsonObject(data);
    if (data.length <= this.#context.limits.eventStepSize) return this.#read(message, data.length);
    this.#steps.doNext(() => this.#read(message, data.length));
    this.#more();
  }

  /** An event of so many characters was read. */
  #read(message: JsonObject | null, size: number): void {
    const written = this.#port.socket.written;
    try {
      this.#event(message);
    } catch (error) {
      this.#budget.fault(size, this.#context.now);
      this.failed(error, message);
    } finally {
      this.#context.cause = null;
    }
    // Thirty characters may ask for a megabyte: what an event makes the relay say is the client's as well.
    this.#budget.bytes.charge(this.#port.socket.written - written, this.#context.now);
  }

  /** A message must not end the call, whatever goes wrong on its way: of a fault of ours the client is told as well. */
  failed(error: unknown, message: JsonObject | null): void {
    const eventId = eventIdOf(message);
    if (!(error instanceof ClientError)) {
      this.#context.metric("internal_errors", 1);
      this.#port.failed("internal_error", "The relay failed at this event.", eventId);
    } else if (message?.["type"] === APPEND) this.#port.rejectedStream(error, eventId);
    else this.#port.rejected(error, eventId);
  }

  /** @throws ClientError */
  #event(message: JsonObject | null): void {
    if (!message) {
      throw new ClientError("invalid_json", "The message is not a JSON object (one event per text message).");
    }
    const event = readClientEvent(message);
    this.#budget.events.charge(costOf(0, event.type), this.#context.now);
    const sequence = this.#port.extended ? sequenceOf(message) : 0;
    if (event.type !== "session.resume") this.shows();
    else if (this.#steps.former) return;
    if (EXTENSION_EVENTS.has(event.type) && !this.#port.extended) {
      throw new ClientError("invalid_value", `'${event.type}' needs the subprotocol 'duplex.v1'.`, "type");
    }
    if (event.type === APPEND || !STILL.has(event.type)) this.#delivery.pulse.spoke();
    if (!STILL.has(event.type)) this.#parts.parking.touch();
    if (WORDS.has(event.type)) this.#budget.heard();
    if (!this.#delivery.heard(sequence)) return;
    if (event.type === APPEND) this.#append(event.audio, eventIdOf(message));
    else {
      const unnamed = JUDGED.has(event.type) ? this.#context.unnamedCause() : null;
      this.#context.cause = eventIdOf(message) ?? unnamed;
      this.#parts.commands.handle(event);
    }
  }

  /** @throws ClientError */
  #append(audio: string, eventId: string | null): void {
    const bytes = this.#base64.decode(audio);
    if (!bytes) throw invalidAudio(audio);
    const ms = durationMs(this.#parts.config.inputFormat, bytes.byteLength);
    if (this.#work.affords(ms)) this.#audio.hear(bytes);
    else this.#refusals.lacks("audio", ms, audio, eventId);
  }

  #binary(frame: Uint8Array): void {
    try {
      this.#frame(frame);
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      this.#budget.weigh(frame.byteLength, this.#context.now);
      this.#port.rejectedStream(error, null);
    }
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
    const ms = durationMs(this.#parts.config.inputFormat, frame.byteLength - FRAME_HEADER_BYTES);
    if (!this.#work.affords(ms)) return this.#refusals.lacks("audio", ms, frame);
    this.shows();
    this.#delivery.pulse.spoke();
    if (this.#delivery.heard(header.sequence)) this.#audio.hear(frame.subarray(FRAME_HEADER_BYTES), true);
  }
}
