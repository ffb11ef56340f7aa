/**
 * What a client sends, read once: the audio that nearly every message is by a scan, frames by their header, everything
 * else as JSON against its schema. A fault of the client's is answered here and ends nothing.
 */
import { Base64Decoder, scanAppend } from "../../protocol/append.ts";
import type { Heard } from "../../dialects/dialect.ts";
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
import { bytesPerSample, durationMs, sampleRateHz } from "../../audio/format.ts";
import type { Budget, Resource } from "./budget.ts";
import { Rate } from "../state/rate.ts";
import { costOf, MEMBERS_PER_EVENT } from "../state/event-cost.ts";
import { Steps, type WaitingAudio } from "./budget-steps.ts";
import { Gathered } from "./gathered.ts";
import { nameOf, frontOf, invalidAudio } from "./message-faults.ts";
import { excessError, jsonMost } from "../state/json-most.ts";
import type { ClientMessagesHost } from "./client-messages-host.ts";
import { WaitingAudios } from "./waiting-audio.ts";
import type { ClientPort } from "./client-port.ts";
import type { Context } from "../context.ts";
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
/** What was refused and not told is told by this deadline, so long after it. */
export const REFUSED = "refused";
/** There is more to do. */
export const STEP = "step";
const TELL_WITHIN_MS = 1000;
/** Work is counted in milliseconds of audio, each some 3.5 µs of CPU. An event is so much, and so many characters are one. */
const EVENT_WORK = 20;
const CHARS_PER_WORK = 1000;
/** A message of audio is so much at least: each is read, judged and passed on. */
const AUDIO_WORK = 8;
/** Audio in which nobody looks for speech costs less by this (`npm run bench -- handle`: 4 µs a frame, and 15). */
const PLAIN_AUDIO = 4;
/** Beyond a step's work at once so much may be done in a second before messages wait for their step: 7 % of the thread. */
const WORK_PER_SECOND = 20_000;
/** A message is small: room is made for it where others wait. */
const SMALL = 65_536;

export class ClientMessages {
  readonly #context: Context;
  readonly #port: ClientPort;
  readonly #budget: Budget;
  readonly #delivery: Delivery;
  readonly #host: ClientMessagesHost;
  readonly #base64 = new Base64Decoder();
  readonly #waiting = new WaitingAudios(this.#base64);
  readonly #steps: Steps;
  /** What was worked through lately, and since it was counted. */
  readonly #pace: Rate;
  #done = 0;
  /** Of that, what was spared because nobody looks for speech. */
  #spared = 0;
  readonly #gathered = new Gathered();

  constructor(
    context: Context,
    port: ClientPort,
    budget: Budget,
    delivery: Delivery,
    host: ClientMessagesHost,
  ) {
    this.#context = context;
    this.#port = port;
    this.#budget = budget;
    this.#delivery = delivery;
    this.#host = host;
    this.#pace = new Rate(context.limits.inputStepMs, WORK_PER_SECOND);
    this.#steps = new Steps({
      take: (data) => this.#waited(() => this.#work(data)),
      takeAudio: (waiting) => this.#waited(() => this.#workAudio(waiting)),
      pause: () => this.#hearGathered(),
      full: () => this.#done >= context.limits.inputStepMs,
      stepBytes: () => this.#stepBytes,
      hear: (bytes, restBytes, startedAt) => this.#part(bytes, restBytes, startedAt),
    });
  }

  /** A message of the client's wire. */
  take(data: WireMessage): void {
    const all = this.#port.decode(data);
    if (all === null) this.#take(data);
    else for (const heard of all) this.heard(heard, data.length);
  }

  /** What a message of so many bytes or characters is, in a wire that is not the port's own. */
  heard(heard: Heard, size: number): void {
    switch (heard.type) {
      case "message":
        return this.#take(heard.data);
      case "refused":
        return this.#refused(heard.error, heard.eventId ?? null, size);
      case "lost":
        return this.#context.metric("client_messages_lost", heard.messages);
      case "turn away":
        return this.#host.turnedAway(heard.code, heard.reason);
      case "hangup":
        return this.#host.hungUp();
    }
  }

  #take(data: WireMessage): void {
    this.#delivery.pulse.heard();
    const { clientMessageSize } = this.#context.limits;
    if (data.length <= SMALL && this.#steps.crowded(data.length, clientMessageSize)) this.#stepNow();
    if (data.length > clientMessageSize) this.#refuseSize(data);
    else if (this.#steps.size + data.length > clientMessageSize) this.#refuse("bytes", 0, data);
    else if (!this.#budget.bytes.take(data.length, this.#context.now)) this.#refuse("bytes", 0, data);
    else if (this.#mayWorkNow) this.#workNow(data);
    else this.#wait(data);
    this.#settle();
  }

  /** Nothing waits before it, and there is work left: of this moment, and of the half minute and five times real time beyond it. */
  get #mayWorkNow(): boolean {
    const { now } = this.#context;
    return !this.#steps.busy && this.#pace.has(0, now) && this.#budget.work.has(0, now);
  }

  #wait(data: WireMessage): void {
    const { busy } = this.#steps;
    const heard = this.#waiting.read(data, this.#port.extended);
    if (heard === null) this.#steps.wait(data);
    else {
      const ms = durationMs(this.#host.inputFormat, heard.audio.byteLength);
      if (this.#budget.takesAudio(ms, this.#context.now)) this.#steps.waitAudio({ ...heard, ms });
      else this.#refuse("audio", ms, data);
    }
    if (!busy) this.#schedule();
  }

  /** A message that its dialect could make nothing of, of so many bytes or characters. */
  #refused(error: ClientError, eventId: string | null, size: number): void {
    this.#delivery.pulse.heard();
    this.#budget.bytes.charge(size, this.#context.now);
    this.#budget.weigh(size, this.#context.now);
    if (eventId === null) this.#port.rejectedStream(error, null);
    else this.#port.rejected(error, eventId);
    this.#settle();
  }

  #settle(): void {
    if (!this.#budget.exhausted) return;
    this.#budget.settled(this.#context.now);
    this.#steps.drop();
    this.#context.metric("clients_flooding", 1);
    this.#host.flooded();
  }

  #workNow(data: WireMessage): void {
    this.#work(data);
    this.#charge();
  }

  #charge(): void {
    this.#pace.charge(this.#done, this.#context.now);
    this.#budget.work.charge(this.#done - this.#spared, this.#context.now);
    this.#done = 0;
    this.#spared = 0;
  }

  /** One of those that waited: small pieces of audio are heard together. */
  #waited(work: () => void): void {
    this.#gathered.open = true;
    try {
      work();
    } catch (error) {
      this.#failed(error, null);
    } finally {
      this.#gathered.open = false;
    }
    this.#settle();
  }

  #work(data: WireMessage): void {
    try {
      if (typeof data === "string") this.#text(data);
      else this.#binary(data);
    } catch (error) {
      this.#failed(error, null);
    }
  }

  /** Audio that was judged, unless the format became another one before its turn came. */
  #workAudio({ audio, ms: judgedMs, sequence }: WaitingAudio): void {
    const ms = durationMs(this.#host.inputFormat, audio.byteLength);
    this.#audioWork(ms);
    const more = ms - judgedMs;
    if (more > 0 && !this.#budget.takesAudio(more, this.#context.now))
      return this.#refuse("audio", ms, audio);
    this.#shows();
    this.#delivery.pulse.spoke();
    if (sequence === null || this.#delivery.heard(sequence)) this.#hear(audio);
  }

  /** An upload is worked through, or messages wait for it. */
  get busy(): boolean {
    return this.#steps.busy;
  }

  /** The deadline `step` came: some more of it. */
  step(): void {
    this.#stepNow();
    this.#settle();
  }

  #stepNow(): void {
    this.#steps.work();
    this.#charge();
    this.#schedule();
  }

  /** Ends what is under way. What it says goes out with the next input, for which the deadline stays. */
  finish(): void {
    this.#steps.finish();
    this.#context.hold(false);
  }

  /** By a message its client shows what it was told; by one of a connection that is gone, nothing of the present one. */
  #shows(): void {
    if (!this.#steps.former) this.#delivery.settle();
  }

  /** A connection opened: of the same client again, or of another, which has nothing to do with what the former still wanted. */
  opened(again: boolean): void {
    if (again) this.#steps.reconnected();
    else this.#steps.anew();
  }

  /** What the client has sent so far is all of it: half a sample that waits for its other half waits in vain. */
  breakOff(): void {
    this.#steps.after(() => this.#host.brokeOff());
  }

  /**
   * The next step, when it has been earned. Snapshots wait for the end of an upload: half of it would be taken again with all
   * of it.
   */
  #schedule(): void {
    const [{ busy }, { deadlines, now }] = [this.#steps, this.#context];
    if (busy) deadlines.set(STEP, now + Math.ceil(this.#budget.work.waitMs(0, now)));
    else deadlines.clear(STEP);
    this.#context.hold(busy);
  }

  get #stepBytes(): number {
    return this.#bytesOf(this.#context.limits.inputStepMs);
  }

  get #sliceBytes(): number {
    return this.#bytesOf(this.#context.limits.inputSliceMs);
  }

  /** Whole samples. */
  #bytesOf(ms: number): number {
    const { inputFormat } = this.#host;
    return Math.max(1, Math.floor((sampleRateHz(inputFormat) / 1000) * ms)) * bytesPerSample(inputFormat);
  }

  /** Audio of one message, which may be a long one: then the first step of it. */
  #hear(bytes: Uint8Array, lent = false): void {
    if (this.#gathered.open && bytes.byteLength < this.#sliceBytes) {
      if (this.#gathered.take(bytes) >= this.#sliceBytes) this.#hearGathered();
      return;
    }
    this.#hearGathered();
    this.#hearWhole(bytes, lent);
  }

  /** What was gathered is one message. */
  #hearGathered(): void {
    const bytes = this.#gathered.give();
    if (bytes === null) return;
    try {
      this.#hearWhole(bytes, true);
    } catch (error) {
      this.#failed(error, null);
    }
  }

  #hearWhole(bytes: Uint8Array, lent: boolean): void {
    const step = this.#stepBytes;
    const ms = durationMs(this.#host.inputFormat, bytes.byteLength);
    if (bytes.byteLength <= step) {
      this.#host.audio(bytes, { messageMs: ms, first: true, restMs: 0 });
      return;
    }
    this.#steps.begin(bytes.subarray(step), lent || this.#base64.lent(bytes), this.#context.now);
    const restMs = durationMs(this.#host.inputFormat, bytes.byteLength - step);
    this.#host.audio(bytes.subarray(0, step), { messageMs: ms, first: true, restMs });
    this.#schedule();
  }

  #part(bytes: Uint8Array, restBytes: number, startedAt: number): void {
    const { inputFormat } = this.#host;
    const messageMs = durationMs(inputFormat, bytes.byteLength + restBytes);
    const restMs = durationMs(inputFormat, restBytes) + this.#context.now - startedAt;
    this.#host.audio(bytes, { messageMs, first: false, restMs });
  }

  /** What was refused last is told, where nothing more was refused since. */
  tellRefused(): void {
    for (const error of this.#budget.untold(this.#context.now)) this.#port.rejected(error, null);
  }

  /**
   * Beyond its budget: neither read nor parsed, but for the name under which that is told once a second. `eventId`: that
   * name, where what is left of the message has none.
   */
  #refuse(resource: Resource, ms: number, data: WireMessage, eventId: string | null = null): void {
    this.#done += 1;
    const { deadlines, now } = this.#context;
    const error = this.#budget.refuse(resource, data.length, ms, now);
    if (error) this.#port.rejected(error, eventId ?? nameOf(data));
    else if (deadlines.get(REFUSED) === null) deadlines.set(REFUSED, now + TELL_WITHIN_MS);
  }

  #text(data: string): void {
    const append = scanAppend(data);
    if (append) this.#scanned(data, append.from, append.to);
    else if (this.#budget.events.take(1, this.#context.now)) this.#eventCame(data);
    else this.#refuse("events", 0, data);
  }

  #eventCame(data: string): void {
    this.#hearGathered();
    this.#parsed(data);
  }

  /** An append as nearly every message is: its base64 stands at `from` to `to`. */
  #scanned(data: string, from: number, to: number): void {
    const ms = durationMs(this.#host.inputFormat, ((to - from) * 3) / 4);
    if (!this.#affords(ms)) return this.#refuse("audio", ms, data);
    this.#shows();
    this.#delivery.pulse.spoke();
    const audio = data.slice(from, to);
    // Valid nearly always: the event_id is looked for when there is something to say.
    const bytes = this.#base64.decode(audio);
    if (bytes) this.#hear(bytes);
    else this.#port.rejectedStream(invalidAudio(audio), eventIdOf(parseJsonObject(data)));
  }

  #parsed(data: string): void {
    const most = jsonMost(this.#context.limits);
    const weight = excessOf(data, most);
    this.#done += EVENT_WORK + data.length / CHARS_PER_WORK;
    if (typeof weight !== "number") {
      const error = excessError(weight, most);
      this.#budget.weighExcess(data.length, this.#context.now);
      this.#port.rejected(error, nameOf(data));
      return;
    }
    this.#budget.events.charge(costOf(weight), this.#context.now);
    this.#done += (EVENT_WORK * weight) / MEMBERS_PER_EVENT;
    const message = parseJsonObject(data);
    if (data.length <= this.#context.limits.eventStepSize) return this.#read(message, data.length);
    this.#steps.doNext(() => this.#read(message, data.length));
    this.#schedule();
  }

  /** An event of so many characters was read. */
  #read(message: JsonObject | null, size: number): void {
    const written = this.#port.written;
    try {
      this.#event(message);
    } catch (error) {
      this.#budget.fault(size, this.#context.now);
      this.#failed(error, message);
    } finally {
      this.#context.cause = null;
    }
    // Thirty characters may ask for a megabyte: what an event makes the relay say is the client's as well.
    this.#budget.bytes.charge(this.#port.written - written, this.#context.now);
  }

  /** A message must not end the call, whatever goes wrong on its way: of a fault of ours the client is told as well. */
  #failed(error: unknown, message: JsonObject | null): void {
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
    if (event.type !== "session.resume") this.#shows();
    else if (this.#steps.former) return;
    if (EXTENSION_EVENTS.has(event.type) && !this.#port.extended) {
      throw new ClientError("invalid_value", `'${event.type}' needs the subprotocol 'duplex.v1'.`, "type");
    }
    if (event.type === APPEND || !STILL.has(event.type)) this.#delivery.pulse.spoke();
    if (!STILL.has(event.type)) this.#host.acted();
    if (WORDS.has(event.type)) this.#budget.heard();
    if (!this.#delivery.heard(sequence)) return;
    if (event.type === APPEND) this.#append(event.audio, eventIdOf(message));
    else {
      const unnamed = JUDGED.has(event.type) ? this.#context.unnamedCause() : null;
      this.#context.cause = eventIdOf(message) ?? unnamed;
      this.#host.event(event);
    }
  }

  /** @throws ClientError */
  #append(audio: string, eventId: string | null): void {
    const bytes = this.#base64.decode(audio);
    if (!bytes) throw invalidAudio(audio);
    const ms = durationMs(this.#host.inputFormat, bytes.byteLength);
    if (this.#affords(ms)) this.#hear(bytes);
    else this.#refuse("audio", ms, audio, eventId);
  }

  /** So many milliseconds are to be heard: most of what that costs is the detector's network. */
  #audioWork(ms: number): void {
    const work = Math.max(ms, AUDIO_WORK);
    this.#done += work;
    if (!this.#host.detects) this.#spared += work - Math.max(ms / PLAIN_AUDIO, AUDIO_WORK);
  }

  /** A message has so many milliseconds of audio. */
  #affords(ms: number): boolean {
    this.#audioWork(ms);
    return this.#budget.takesAudio(ms, this.#context.now);
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

  /** Too large to parse: what can be said of it stands at its front. */
  #refuseSize(data: WireMessage): void {
    const param = frontOf(data).includes('"input_audio_buffer.append"') ? "audio" : null;
    const limit = this.#context.limits.clientMessageSize;
    const error = new ClientError("message_too_large", `The message is larger than ${limit} bytes.`, param);
    this.#budget.weigh(data.length, this.#context.now);
    this.#port.rejected(error, nameOf(data));
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
    const ms = durationMs(this.#host.inputFormat, frame.byteLength - FRAME_HEADER_BYTES);
    if (!this.#affords(ms)) return this.#refuse("audio", ms, frame);
    this.#shows();
    this.#delivery.pulse.spoke();
    if (this.#delivery.heard(header.sequence)) this.#hear(frame.subarray(FRAME_HEADER_BYTES), true);
  }
}
