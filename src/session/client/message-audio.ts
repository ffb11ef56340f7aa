/** Audio of a client's messages, as it is heard: long messages in steps, small ones that waited together. */
import { bytesPerSample, durationMs, sampleRateHz } from "../../audio/format.ts";
import type { Context } from "../context.ts";
import type { Steps } from "./budget-steps.ts";
import type { MessageParts } from "./message-parts.ts";
import { Gathered } from "./gathered.ts";

export interface MessageAudioHost {
  /** These bytes are only valid until the next are read. */
  lent(bytes: Uint8Array): boolean;
  /** There is more of it to do. */
  begun(): void;
  /** Something went wrong on the way of what was gathered. */
  failed(error: unknown): void;
}

export class MessageAudio {
  readonly #context: Context;
  readonly #steps: Steps;
  readonly #parts: MessageParts;
  readonly #host: MessageAudioHost;
  readonly #gathered = new Gathered();

  constructor(parts: MessageParts, steps: Steps, host: MessageAudioHost) {
    this.#parts = parts;
    this.#context = parts.context;
    this.#steps = steps;
    this.#host = host;
  }

  /** Small pieces that this brings are heard together. */
  together(work: () => void): void {
    this.#gathered.open = true;
    try {
      work();
    } finally {
      this.#gathered.open = false;
    }
  }

  get stepBytes(): number {
    return this.#bytesOf(this.#context.limits.inputStepMs);
  }

  get #sliceBytes(): number {
    return this.#bytesOf(this.#context.limits.inputSliceMs);
  }

  /** Whole samples. */
  #bytesOf(ms: number): number {
    const { inputFormat } = this.#parts.config;
    return Math.max(1, Math.floor((sampleRateHz(inputFormat) / 1000) * ms)) * bytesPerSample(inputFormat);
  }

  /** Audio of one message, which may be a long one: then the first step of it. */
  hear(bytes: Uint8Array, lent = false): void {
    if (this.#gathered.open && bytes.byteLength < this.#sliceBytes) {
      if (this.#gathered.take(bytes) >= this.#sliceBytes) this.hearGathered();
      return;
    }
    this.hearGathered();
    this.#hearWhole(bytes, lent);
  }

  /** What was gathered is one message. */
  hearGathered(): void {
    const bytes = this.#gathered.give();
    if (bytes === null) return;
    try {
      this.#hearWhole(bytes, true);
    } catch (error) {
      this.#host.failed(error);
    }
  }

  #hearWhole(bytes: Uint8Array, lent: boolean): void {
    const step = this.stepBytes;
    const ms = durationMs(this.#parts.config.inputFormat, bytes.byteLength);
    if (bytes.byteLength <= step) {
      this.#parts.reactions.audio(bytes, { messageMs: ms, first: true, restMs: 0 });
      return;
    }
    this.#steps.begin(bytes.subarray(step), lent || this.#host.lent(bytes), this.#context.now);
    const restMs = durationMs(this.#parts.config.inputFormat, bytes.byteLength - step);
    this.#parts.reactions.audio(bytes.subarray(0, step), { messageMs: ms, first: true, restMs });
    this.#host.begun();
  }

  /** The next step of one. */
  hearPart(bytes: Uint8Array, restBytes: number, startedAt: number): void {
    const { inputFormat } = this.#parts.config;
    const messageMs = durationMs(inputFormat, bytes.byteLength + restBytes);
    const restMs = durationMs(inputFormat, restBytes) + this.#context.now - startedAt;
    this.#parts.reactions.audio(bytes, { messageMs, first: false, restMs });
  }
}
