/**
 * One response: from `response.created` to `response.done`, streamed at the connection's pace. `cancel` may come at
 * any time and ends it at once, with the events of an unfinished item; what runs on in the background then finds
 * itself ended and stops.
 */
import type { Clock } from "./clock.ts";
import { encode, rateHz, type WireFormat } from "./codec.ts";
import { itemResource, type Conversation, type Item } from "./conversation.ts";
import { seconds, type Answer, type Part } from "./dialogue.ts";
import type { Outbox } from "./faults.ts";
import type { DrawId } from "./ids.ts";
import type { Knobs } from "./knobs.ts";
import { MessageWriter, writeCall } from "./message-writer.ts";
import { Pacer } from "./pacer.ts";
import { resampledLength, resampleRange } from "./resample.ts";
import type { Modality, VoiceChoice } from "./session-config.ts";
import type { Stats } from "./stats.ts";
import { audioTokens, inputUsage, textTokens, usageResource } from "./usage.ts";
import { fliteVoice, sentences, type Speech } from "./voice.ts";

export interface ResponsePlan {
  readonly id: string;
  /** Null: out of band. */
  readonly conversation: Conversation | null;
  readonly modality: Modality;
  readonly format: WireFormat;
  readonly voice: VoiceChoice;
  readonly speed: number;
  readonly maxOutputTokens: number | "inf";
  readonly metadata: Readonly<Record<string, string>> | null;
  /** What the answer is made from: counted as input tokens. */
  readonly context: readonly Item[];
  readonly instructions: string;
  readonly answer: Answer;
}

export interface ResponseHost {
  readonly outbox: Outbox;
  readonly knobs: Knobs;
  readonly drawId: DrawId;
  readonly voice: Speech;
  readonly clock: Clock;
  readonly stats: Stats;
  /** The last event of `response` went out. */
  responseEnded(response: DemoResponse): void;
}

/** A sentence or a playback: words, and samples read as they are streamed. */
interface Segment {
  readonly text: string;
  readonly length: number;
  read(start: number, end: number): Int16Array;
}

type Status = "in_progress" | "completed" | "cancelled" | "incomplete" | "failed";

/** A word of a text answer takes as long as this much speech. */
const WORD_MS = 60;

export class DemoResponse {
  readonly plan: ResponsePlan;
  readonly #host: ResponseHost;
  readonly #pacer: Pacer;
  readonly #output: Item[] = [];
  readonly #inputUsage: ReturnType<typeof inputUsage>;
  #writer: MessageWriter | null = null;
  #status: Status = "in_progress";
  #statusDetails: Record<string, unknown> | null = null;
  #outputText = 0;
  #outputAudio = 0;
  #firstAudioAt: number | null = null;

  constructor(plan: ResponsePlan, host: ResponseHost) {
    this.plan = plan;
    this.#host = host;
    this.#pacer = new Pacer(host.knobs.pace, host.clock);
    this.#inputUsage = inputUsage(plan.context, plan.instructions);
  }

  get ended(): boolean {
    return this.#status !== "in_progress";
  }

  /** Speech of this response was sent: the session's voice may not change any more. */
  get audible(): boolean {
    return this.#outputAudio > 0;
  }

  /** What is left to play, were the listener to have begun at the first audio, in milliseconds. */
  get unplayedMs(): number {
    if (this.#firstAudioAt === null || this.#writer === null) return 0;
    return Math.max(0, this.#writer.audioMs - (this.#host.clock.now() - this.#firstAudioAt));
  }

  start(): void {
    this.#host.stats.responses += 1;
    this.#host.outbox.send({ type: "response.created", response: this.#resource() });
    this.#host.outbox.answerStarts();
    this.#run().catch((error: unknown) => {
      const message = error instanceof Error ? error.message : "synthesis failed";
      this.#end("failed", {
        type: "failed",
        error: { type: "server_error", code: "synthesis_failed", message },
      });
    });
  }

  cancel(reason: "turn_detected" | "client_cancelled"): void {
    if (this.ended) return;
    this.#host.stats.cancelled += 1;
    this.#end("cancelled", { type: "cancelled", reason });
  }

  /** The connection is gone: nothing more is said. */
  abandon(): void {
    if (!this.ended) this.#status = "cancelled";
    this.#pacer.stop();
  }

  async #run(): Promise<void> {
    const { answer, modality } = this.plan;
    const { first_audio_ms, first_audio_spread_ms } = this.#host.knobs;
    const waitMs = first_audio_ms + first_audio_spread_ms * shareOf(this.plan.id);
    const notBefore = this.#host.clock.now() + waitMs;
    if (answer.type === "speak" && modality === "audio") {
      await this.#speak(answer.parts, notBefore);
    } else {
      await this.#pacer.sleep(notBefore - this.#host.clock.now());
      if (this.ended) return;
      if (answer.type === "call") this.#call(answer);
      else await this.#write(answer.parts);
    }
    this.#end("completed", null);
  }

  #call(answer: Extract<Answer, { type: "call" }>): void {
    for (const call of answer.calls) {
      const { drawId } = this.#host;
      this.#output.push(writeCall(this.#place(), drawId("item"), drawId("call"), call));
      this.#outputText += textTokens(call.name + call.arguments);
    }
  }

  async #write(parts: readonly Part[]): Promise<void> {
    const text = parts.map((part) => (part.type === "text" ? part.text : playbackText(part))).join("");
    const writer = this.#openMessage();
    for (const word of splitWords(text)) {
      await this.#nextPiece(WORD_MS);
      if (this.ended) return;
      if (this.#overBudget()) return this.#cutShort();
      writer.say(word);
      this.#outputText = textTokens(" ".repeat(writer.saidLength));
      this.#host.outbox.answered(WORD_MS);
    }
  }

  async #speak(parts: readonly Part[], notBefore: number): Promise<void> {
    const pieces = parts.flatMap((part) =>
      part.type === "text" ? sentences(part.text).map((text): Part => ({ type: "text", text })) : [part],
    );
    // The next sentence is made while this one streams.
    let next = this.#prepare(pieces[0]);
    for (let i = 0; i < pieces.length; i += 1) {
      const segment = await next;
      if (this.ended || segment === null) return;
      next = this.#prepare(pieces[i + 1]);
      // Should this answer end first, nobody waits for the next sentence any more.
      next.catch(() => undefined);
      if (i === 0) await this.#pacer.sleep(notBefore - this.#host.clock.now());
      if (this.ended) return;
      await this.#stream(segment);
      if (this.ended) return;
    }
  }

  async #prepare(piece: Part | undefined): Promise<Segment | null> {
    if (piece === undefined) return null;
    const { format, voice, speed } = this.plan;
    const toHz = rateHz(format);
    if (piece.type === "text") {
      const samples = await this.#host.voice.say(piece.text, fliteVoice(voice), speed, toHz);
      return { text: piece.text, length: samples.length, read: (start, end) => samples.subarray(start, end) };
    }
    return {
      text: playbackText(piece),
      length: resampledLength(piece.samples.length, piece.rateHz, toHz),
      read: (start, end) => resampleRange(piece.samples, piece.rateHz, toHz, start, end),
    };
  }

  async #stream(segment: Segment): Promise<void> {
    const writer = this.#writer ?? this.#openMessage();
    const hz = rateHz(this.plan.format);
    const step = Math.max(1, Math.round((this.#host.knobs.piece_ms * hz) / 1000));
    const words = splitWords(segment.text);
    let said = 0;
    for (let at = 0; at < segment.length; at += step) {
      const end = Math.min(segment.length, at + step);
      await this.#nextPiece(((end - at) * 1000) / hz);
      if (this.ended) return;
      if (this.#overBudget()) return this.#cutShort();
      // Each word goes out with the piece in which, by its place among the words, it is spoken.
      const until = Math.ceil((words.length * end) / segment.length);
      writer.say(words.slice(said, until).join(""));
      said = until;
      this.#sendAudio(writer, segment.read(at, end));
    }
    writer.say(words.slice(said).join(""));
  }

  #sendAudio(writer: MessageWriter, samples: Int16Array): void {
    const { knobs, outbox, stats } = this.#host;
    this.#firstAudioAt ??= this.#host.clock.now();
    writer.audio(encode(knobs.silence ? new Int16Array(samples.length) : samples, this.plan.format));
    stats.output_samples += samples.length;
    this.#outputAudio = audioTokens(writer.audioMs, "output");
    this.#outputText = textTokens(" ".repeat(writer.saidLength));
    outbox.answered((samples.length * 1000) / rateHz(this.plan.format));
  }

  /** Waits for the pace, and for a reader that is far behind. */
  async #nextPiece(ms: number): Promise<void> {
    await this.#pacer.next(ms);
    while (!this.ended && this.#host.outbox.open && this.#host.outbox.congested) await this.#pacer.sleep(10);
  }

  #overBudget(): boolean {
    const { maxOutputTokens } = this.plan;
    return maxOutputTokens !== "inf" && this.#outputText + this.#outputAudio >= maxOutputTokens;
  }

  #cutShort(): void {
    this.#end("incomplete", { type: "incomplete", reason: "max_output_tokens" });
  }

  #place() {
    const { outbox } = this.#host;
    const { conversation, id } = this.plan;
    return { outbox, conversation, responseId: id, outputIndex: this.#output.length };
  }

  #openMessage(): MessageWriter {
    const { modality, format } = this.plan;
    const settings = { modality, format, oddChunks: this.#host.knobs.odd_chunks };
    this.#writer = new MessageWriter(this.#place(), this.#host.drawId("item"), settings);
    this.#output.push(this.#writer.item);
    return this.#writer;
  }

  #end(status: Exclude<Status, "in_progress">, details: Record<string, unknown> | null): void {
    if (this.ended) return;
    this.#status = status;
    this.#statusDetails = details;
    this.#pacer.stop();
    this.#writer?.close(status === "completed" ? "completed" : "incomplete");
    const usage = usageResource(this.#inputUsage, this.#outputText, this.#outputAudio);
    this.#host.outbox.send({ type: "response.done", response: { ...this.#resource(), usage } });
    this.#host.outbox.send({ type: "rate_limits.updated", rate_limits: this.#host.stats.rateLimits() });
    this.#host.responseEnded(this);
  }

  #resource(): Record<string, unknown> {
    const { plan } = this;
    return {
      id: plan.id,
      object: "realtime.response",
      status: this.#status,
      status_details: this.#statusDetails,
      output: this.#output.map((item) => itemResource(item)),
      conversation_id: plan.conversation?.id ?? null,
      output_modalities: [plan.modality],
      max_output_tokens: plan.maxOutputTokens,
      audio: { output: { format: plan.format, voice: plan.voice } },
      metadata: plan.metadata,
      usage: null,
    };
  }
}

/** Words with the space after them; joined they are `text` again. */
function splitWords(text: string): string[] {
  return text.match(/\S+\s*|^\s+/g) ?? [];
}

/** The transcript of the caller's own words: there is no speech recognition here, and it does not pretend any. */
function playbackText(part: Extract<Part, { type: "playback" }>): string {
  return `[${seconds((part.samples.length * 1000) / part.rateHz, 2)} s of speech]`;
}

/** A number from 0 to 1 that a name has, spread evenly: names are drawn. */
function shareOf(name: string): number {
  let hash = 0;
  for (const letter of name) hash = (Math.imul(hash ^ letter.charCodeAt(0), 0x9e3779b1) + 1) | 0;
  return ((hash ^ (hash >>> 15)) >>> 0) / 2 ** 32;
}
