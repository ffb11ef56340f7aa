/**
 * What a client sends, read once: the audio that nearly every message is by a scan, frames by their header, everything
 * else as JSON against its schema. A fault of the client's is answered here and ends nothing.
 */
import { Base64Decoder } from "../../protocol/append.ts";
import type { Heard } from "../../dialects/dialect.ts";
import type { ClientError } from "../../protocol/client-error.ts";
import type { WireMessage } from "../../upstreams/upstream.ts";
import { durationMs } from "../../audio/format.ts";
import type { Budget } from "./budget.ts";
import { Steps, type WaitingAudio } from "./budget-steps.ts";
import type { MessageParts } from "./message-parts.ts";
import { WaitingAudios } from "./waiting-audio.ts";
import type { ClientPort } from "./client-port.ts";
import type { Context } from "../context.ts";
import type { Delivery } from "./ports.ts";
import { MessageWork } from "./message-work.ts";
import { MessageAudio } from "./message-audio.ts";
import { MessageRefusals } from "./message-refusals.ts";
import { MessageReader } from "./message-reader.ts";

/** There is more to do. */
export const STEP = "step";
/** A message is small: room is made for it where others wait. */
const SMALL = 65_536;

export class ClientMessages {
  readonly #context: Context;
  readonly #port: ClientPort;
  readonly #budget: Budget;
  readonly #delivery: Delivery;
  readonly #parts: MessageParts;
  readonly #base64 = new Base64Decoder();
  readonly #waiting = new WaitingAudios(this.#base64);
  readonly #steps: Steps;
  readonly #work: MessageWork;
  readonly #audio: MessageAudio;
  readonly #refusals: MessageRefusals;
  readonly #reader: MessageReader;

  constructor(parts: MessageParts) {
    const { context, port, budget, delivery } = parts;
    this.#context = context;
    this.#port = port;
    this.#budget = budget;
    this.#delivery = delivery;
    this.#parts = parts;
    this.#work = new MessageWork(parts);
    this.#refusals = new MessageRefusals(context, port, budget, this.#work);
    this.#steps = new Steps({
      take: (data) => this.#waited(() => this.#reader.read(data)),
      takeAudio: (waiting) => this.#waited(() => this.#workAudio(waiting)),
      pause: () => this.#audio.hearGathered(),
      full: () => this.#work.full,
      stepBytes: () => this.#audio.stepBytes,
      hear: (bytes, restBytes, startedAt) => this.#audio.hearPart(bytes, restBytes, startedAt),
    });
    this.#audio = new MessageAudio(parts, this.#steps, {
      lent: (bytes) => this.#base64.lent(bytes),
      begun: () => this.#schedule(),
      failed: (error) => this.#reader.failed(error, null),
    });
    this.#reader = new MessageReader({
      parts,
      base64: this.#base64,
      work: this.#work,
      audio: this.#audio,
      refusals: this.#refusals,
      steps: this.#steps,
      more: () => this.#schedule(),
    });
  }

  /** A message of the client's wire. */
  take(data: WireMessage): void {
    const all = this.#port.socket.decode(data);
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
        return this.#parts.presence.putOut(heard.code, heard.reason);
      case "hangup":
        return this.#parts.presence.hungUp();
    }
  }

  #take(data: WireMessage): void {
    this.#delivery.pulse.heard();
    const { clientMessageSize } = this.#context.limits;
    if (data.length <= SMALL && this.#steps.crowded(data.length, clientMessageSize)) this.#stepNow();
    if (data.length > clientMessageSize) this.#refusals.size(data);
    else if (this.#steps.size + data.length > clientMessageSize) this.#refusals.lacks("bytes", 0, data);
    else if (!this.#budget.bytes.take(data.length, this.#context.now)) this.#refusals.lacks("bytes", 0, data);
    else if (this.#mayWorkNow) this.#workNow(data);
    else this.#wait(data);
    this.#settle();
  }

  /** Nothing waits before it, and there is work left. */
  get #mayWorkNow(): boolean {
    return !this.#steps.busy && this.#work.left;
  }

  #wait(data: WireMessage): void {
    const { busy } = this.#steps;
    const heard = this.#waiting.read(data, this.#port.extended);
    if (heard === null) this.#steps.wait(data);
    else {
      const ms = durationMs(this.#parts.config.inputFormat, heard.audio.byteLength);
      if (this.#budget.takesAudio(ms, this.#context.now)) this.#steps.waitAudio({ ...heard, ms });
      else this.#refusals.lacks("audio", ms, data);
    }
    if (!busy) this.#schedule();
  }

  /** A message that its dialect could make nothing of, of so many bytes or characters. */
  #refused(error: ClientError, eventId: string | null, size: number): void {
    this.#delivery.pulse.heard();
    this.#refusals.unread(error, eventId, size);
    this.#settle();
  }

  #settle(): void {
    if (!this.#budget.exhausted) return;
    this.#budget.settled(this.#context.now);
    this.#steps.drop();
    this.#context.metric("clients_flooding", 1);
    this.#parts.presence.flooded();
  }

  #workNow(data: WireMessage): void {
    this.#reader.read(data);
    this.#work.charge();
  }

  /** One of those that waited: small pieces of audio are heard together. */
  #waited(work: () => void): void {
    try {
      this.#audio.together(work);
    } catch (error) {
      this.#reader.failed(error, null);
    }
    this.#settle();
  }

  /** Audio that was judged, unless the format became another one before its turn came. */
  #workAudio({ audio, ms: judgedMs, sequence }: WaitingAudio): void {
    const ms = durationMs(this.#parts.config.inputFormat, audio.byteLength);
    this.#work.audio(ms);
    const more = ms - judgedMs;
    if (more > 0 && !this.#budget.takesAudio(more, this.#context.now))
      return this.#refusals.lacks("audio", ms, audio);
    this.#reader.shows();
    this.#delivery.pulse.spoke();
    if (sequence === null || this.#delivery.heard(sequence)) this.#audio.hear(audio);
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
    this.#work.charge();
    this.#schedule();
  }

  /** Ends what is under way. What it says goes out with the next input, for which the deadline stays. */
  finish(): void {
    this.#steps.finish();
    this.#context.hold(false);
  }

  /** A connection opened: of the same client again, or of another, which has nothing to do with what the former still wanted. */
  opened(again: boolean): void {
    if (again) this.#steps.reconnected();
    else this.#steps.anew();
  }

  /** What the client has sent so far is all of it: half a sample that waits for its other half waits in vain. */
  breakOff(): void {
    this.#steps.after(() => this.#parts.input.breakOff());
  }

  /**
   * The next step, when it has been earned. Snapshots wait for the end of an upload: half of it would be taken again with all
   * of it.
   */
  #schedule(): void {
    const [{ busy }, { deadlines }] = [this.#steps, this.#context];
    if (busy) deadlines.set(STEP, this.#work.dueAt);
    else deadlines.clear(STEP);
    this.#context.hold(busy);
  }

  /** The deadline `refused` came. */
  tellRefused(): void {
    this.#refusals.tell();
  }
}
