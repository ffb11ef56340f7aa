/**
 * One call in real time: a file as the caller's voice, a simulated listener as the ear. Speaks `duplex.v1` with
 * binary audio, or the plain OpenAI dialect.
 */
import { readFrameHeader, writeFrame, FRAME_AUDIO, FRAME_HEADER_BYTES } from "../../src/protocol/frame.ts";
import { parseJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import { objectAt, textAt } from "../../src/upstreams/json.ts";
import { Ledger, type OpenAnswer } from "./ledger.ts";
import type { LastingLine } from "./lasting-line.ts";
import type { Line } from "./line.ts";
import { Listener } from "./listener.ts";
import { FRAME_MS, Microphone, RATE_HZ } from "./microphone.ts";
import { seconds } from "./timeline.ts";
import { answerTool, TOOLS } from "./tool.ts";

export interface CallOptions {
  /** At 24 kHz. */
  readonly speech: Int16Array;
  /** Audio as binary messages of `duplex.v1`; else as OpenAI's base64 events. */
  readonly binary: boolean;
  /** Hang up after so many answered turns, repeating the file for them; null: say the file once. */
  readonly turns: number | null;
  /** Offer the tool `get_time`. */
  readonly tools: boolean;
  readonly report: (atMs: number, what: string) => void;
}

/** `over`: everything said was answered. `unheard`: no speech was found. `unanswered`: a turn got no answer. */
export type Outcome = "over" | "unheard" | "unanswered" | "lost";

const ACK_EVERY_MS = 200;
/** Nothing audible for this long means that an answer is over, or that none is coming after the file's end. */
const QUIET_MS = 1500;
const ANSWER_LIMIT_MS = 15_000;

export class Call {
  readonly ledger = new Ledger();
  readonly listener = new Listener(RATE_HZ);
  readonly microphone: Microphone;
  readonly errors: string[] = [];
  interruptions = 0;
  readonly #options: CallOptions;
  readonly #line: Line | LastingLine;
  #startedAt = 0;
  #fileOverMs = 0;
  #lastAckMs = 0;
  #turnsAtRewind = -1;

  constructor(line: Line | LastingLine, options: CallOptions) {
    this.#line = line;
    this.#options = options;
    this.microphone = new Microphone(options.speech);
  }

  get nowMs(): number {
    return performance.now() - this.#startedAt;
  }

  /** Talks until the answers are over. */
  async run(): Promise<Outcome> {
    await this.#line.until("session.created");
    this.#send({ type: "session.update", session: this.#session() });
    await this.#line.until("session.updated");
    this.#startedAt = performance.now();
    this.#line.listen((message) =>
      typeof message === "string" ? this.#event(message) : this.#audio(message),
    );
    for (;;) {
      // Every frame has its own moment, so that late timers never add up.
      const early = this.microphone.frames * FRAME_MS - this.nowMs;
      if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
      if (this.#line.closed !== null) return "lost";
      this.#sendFrame();
      this.listener.advance(this.nowMs);
      this.#acknowledge();
      const outcome = this.#outcome();
      if (outcome !== null) return outcome;
    }
  }

  #session(): JsonObject {
    const format = { type: "audio/pcm", rate: RATE_HZ };
    return {
      type: "realtime",
      audio: { input: { format }, output: { format } },
      ...(this.#options.tools ? { tools: TOOLS, tool_choice: "auto" } : {}),
    };
  }

  #send(event: JsonObject): void {
    this.#line.send(JSON.stringify(event));
  }

  #sendFrame(): void {
    const samples = this.microphone.frame();
    const bytes = new Uint8Array(samples.buffer);
    if (this.#options.binary) {
      // The line numbers what it sends.
      const header = { kind: FRAME_AUDIO, stream: 0, response: 0, sequence: 0 };
      this.#line.send(writeFrame(header, bytes));
    } else {
      this.#send({ type: "input_audio_buffer.append", audio: bytes.toBase64() });
    }
    if (!this.microphone.over) this.#fileOverMs = this.microphone.sentMs;
  }

  #acknowledge(): void {
    if (!this.#options.binary || this.nowMs - this.#lastAckMs < ACK_EVERY_MS) return;
    this.#lastAckMs = this.nowMs;
    for (const { itemId, playedMs } of this.listener.sounding) this.#ack(itemId, playedMs);
  }

  #ack(itemId: string, playedMs: number): void {
    if (itemId !== "")
      this.#send({ type: "playback.ack", item_id: itemId, content_index: 0, played_ms: playedMs });
  }

  #audio(message: Uint8Array): void {
    const header = readFrameHeader(message);
    if (header === null || header.kind !== FRAME_AUDIO) return;
    const answer = this.ledger.byOrdinal(header.stream, header.response);
    if (answer !== null) this.#hear(answer, answer.itemId, message.subarray(FRAME_HEADER_BYTES));
  }

  #hear(answer: OpenAnswer, itemId: string, bytes: Uint8Array): void {
    const samples = new Int16Array(bytes.slice(0, bytes.byteLength & ~1).buffer);
    if (answer.firstAudioAtMs === null) {
      answer.firstAudioAtMs = this.nowMs;
      const wordEndMs = this.microphone.lastWordEndMs(answer.createdAtMs);
      answer.afterSpeechMs = wordEndMs === null ? null : this.nowMs - wordEndMs;
      const after =
        answer.afterSpeechMs === null ? "" : `, ${Math.round(answer.afterSpeechMs)} ms after the last word`;
      this.#report(`first audio${from(answer)}${after}`);
    }
    answer.audioMs += (samples.length * 1000) / RATE_HZ;
    this.listener.add(answer.stream, answer.responseId, itemId, samples);
  }

  #event(text: string): void {
    const event = parseJsonObject(text);
    if (event === null) {
      this.#fail("the server sent a message that is no JSON object");
      return;
    }
    const type = textAt(event, "type") ?? "";
    if (type.startsWith("response.")) this.#response(type, event);
    else this.#conversation(type, event);
  }

  #conversation(type: string, event: JsonObject): void {
    switch (type) {
      case "input_audio_buffer.speech_started":
        this.ledger.speechStarted(event);
        this.#report("speech started");
        // What is complete but not yet heard. An answer in progress is the relay's to cancel, and a duplex voice goes on.
        this.#interrupt((answer) => answer.status !== "in_progress");
        break;
      case "input_audio_buffer.speech_stopped":
        this.ledger.speechStopped(event);
        this.#report("speech stopped");
        break;
      case "input_audio_buffer.committed":
        this.#report(`turn ${this.ledger.committed(this.nowMs).turn} committed`);
        break;
      case "conversation.item.input_audio_transcription.completed":
        this.#report(`caller: “${textAt(event, "transcript") ?? ""}”`);
        break;
      case "relay.upstream":
        this.#report(`upstream ${textAt(event, "upstream") ?? "?"}: ${textAt(event, "status") ?? "?"}`);
        break;
      case "error":
        this.#error(objectAt(event, "error"));
        break;
    }
  }

  #response(type: string, event: JsonObject): void {
    const answer = this.ledger.answer(event);
    switch (type) {
      case "response.created": {
        const response = objectAt(event, "response");
        if (response !== null)
          this.#report(`answer begins${from(this.ledger.created(response, this.nowMs))}`);
        break;
      }
      case "response.output_item.added":
        this.ledger.itemAdded(event);
        break;
      case "response.output_audio.delta":
        if (answer !== null) {
          this.#hear(
            answer,
            textAt(event, "item_id") ?? "",
            Uint8Array.fromBase64(textAt(event, "delta") ?? ""),
          );
        }
        break;
      case "response.output_audio_transcript.delta":
      case "response.output_text.delta":
        if (answer !== null) answer.transcript += textAt(event, "delta") ?? "";
        break;
      case "response.output_item.done":
        this.#tool(answer, objectAt(event, "item"));
        break;
      case "response.done":
        this.#done(this.ledger.done(objectAt(event, "response")));
        break;
    }
  }

  #done(answer: OpenAnswer | null): void {
    if (answer === null) return;
    if (answer.status === "cancelled") this.#interrupt((each) => each === answer);
    const words = answer.transcript === "" ? "" : `: “${answer.transcript}”`;
    this.#report(`answer ${answer.status}${from(answer)}, ${seconds(answer.audioMs)} of audio${words}`);
    if (answer.tools.length > 0 && this.#options.tools) this.#send({ type: "response.create" });
  }

  #tool(answer: OpenAnswer | null, item: JsonObject | null): void {
    if (answer === null || textAt(item, "type") !== "function_call") return;
    const name = textAt(item, "name") ?? "";
    answer.tools.push(name);
    this.#report(`calls ${name}`);
    if (!this.#options.tools) return;
    const result = {
      type: "function_call_output",
      call_id: textAt(item, "call_id") ?? "",
      output: answerTool(name),
    };
    this.#send({ type: "conversation.item.create", item: result });
  }

  /** The caller speaks, or an answer was cancelled: what is not yet heard never will be. */
  #interrupt(which: (answer: OpenAnswer) => boolean): void {
    this.listener.advance(this.nowMs);
    const cut = new Set(this.ledger.answers.filter(which).map((answer) => answer.responseId));
    for (const { itemId, playedMs } of this.listener.flush((responseId) => cut.has(responseId))) {
      const answer = this.ledger.byItem(itemId);
      if (answer !== null) answer.interruptedAtMs = playedMs;
      this.interruptions += 1;
      this.#report(`interrupted after ${seconds(playedMs)}${answer === null ? "" : from(answer)}`);
      if (this.#options.binary) this.#ack(itemId, playedMs);
      else {
        this.#send({
          type: "conversation.item.truncate",
          item_id: itemId,
          content_index: 0,
          audio_end_ms: playedMs,
        });
      }
    }
  }

  #error(error: JsonObject | null): void {
    // Answered to a cancel or truncation that crossed with the end of the answer: no fault of anybody.
    if (textAt(error, "code") === "response_cancel_not_active") return;
    this.#fail(
      `${textAt(error, "code") ?? textAt(error, "type") ?? "error"}: ${textAt(error, "message") ?? ""}`,
    );
  }

  #fail(what: string): void {
    this.errors.push(what);
    this.#report(`error: ${what}`);
  }

  /** Something happened to the line. */
  note(what: string): void {
    this.#report(what);
  }

  #report(what: string): void {
    this.#options.report(this.nowMs, what);
  }

  /** Null while the call goes on. */
  #outcome(): Outcome | null {
    const { turns } = this.ledger;
    const wanted = this.#options.turns;
    const settled = this.#settled();
    if (settled && wanted !== null && this.#answered() >= wanted) return "over";
    if (!this.microphone.over) return null;
    const waitedMs = this.nowMs - Math.max(this.#fileOverMs, turns.at(-1)?.committedAtMs ?? 0);
    if (waitedMs > ANSWER_LIMIT_MS && (!settled || this.#answered() < turns.length)) {
      if (this.listener.quietMs > QUIET_MS) return turns.length === 0 ? "unheard" : "unanswered";
    }
    if (!settled || waitedMs < QUIET_MS) return null;
    if (wanted === null || turns.length === this.#turnsAtRewind)
      return turns.length === 0 ? "unheard" : "over";
    this.#turnsAtRewind = turns.length;
    this.microphone.rewind();
    return null;
  }

  #answered(): number {
    return this.ledger.turns.filter((turn) => turn.answers.length > 0).length;
  }

  /** Nobody speaks, every turn has its answer, every answer is done or has fallen silent, and all of it was heard. */
  #settled(): boolean {
    if (this.ledger.speaking || this.listener.quietMs < QUIET_MS) return false;
    if (this.#answered() < this.ledger.turns.length) return false;
    return this.ledger.answers.every((answer) => {
      if (answer.status !== "in_progress") return answer.tools.length === 0 || !this.#isLast(answer);
      return answer.firstAudioAtMs !== null && this.listener.quietMs > QUIET_MS;
    });
  }

  /** A tool's answer is followed by another that speaks the result. */
  #isLast(answer: OpenAnswer): boolean {
    return this.#options.tools && this.ledger.answers.at(-1) === answer;
  }
}

function from(answer: OpenAnswer): string {
  return answer.upstream === null ? "" : ` (${answer.upstream})`;
}
