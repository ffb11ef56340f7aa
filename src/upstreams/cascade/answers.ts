/**
 * The answers of a cascade, one at a time: the text model writes, whole sentences are spoken while it goes on, and the answer is
 * over when its last sentence is. Whatever stage fails, the answer has an end, and nothing of it is asked for any more.
 */
import { tellUnasked } from "../common/unasked.ts";
import { lostFault, type StageFault } from "../channels/http-fault.ts";
import type {
  ChannelEffect,
  JsonObject,
  ResponseHead,
  UpstreamConfig,
  UpstreamEvent,
  UpstreamFault,
  WireMessage,
} from "../upstream.ts";
import { Answer, type AnswerState, type Ask } from "./answer.ts";
import { chatRequest, modalityOf } from "./chat-request.ts";
import type { History } from "./history.ts";
import { Requests } from "./requests.ts";
import { isSpeakable } from "./sentences.ts";
import type { CascadeSettings } from "./settings.ts";
import { speechOf, speechRequest } from "./speech.ts";
import { SPEECH_STAGE } from "./speech-reader.ts";
import { CANCELLED, COMPLETED, type Ending, INCOMPLETE, Telling } from "./telling.ts";
import { TEXT_STAGE, TextStream } from "./text-stream.ts";
import { usageOf } from "./usage.ts";

/** Answers that may wait for the one before them, or for the words of a turn. */
const MAX_WAITING = 16;
/** An answer in characters; what is written beyond it is not taken. */
const MAX_WRITTEN = 32_768;
/** Characters that are spoken with one request: what has come by then, up to so much. */
const MAX_SPOKEN = 800;
/** Of one response. The audio is two minutes or more; the text has some hundred bytes around each word. */
const MOST_TEXT_BYTES = 8 * 1024 * 1024;
const MOST_SPEECH_MS = 180_000;
const BUSY: UpstreamFault = { code: "upstream_busy", message: "Too many answers wait." };

export type AnswersState = {
  readonly numbered: number;
  readonly waiting: readonly Ask[];
  readonly current: AnswerState | null;
};

export class Answers {
  readonly #settings: CascadeSettings;
  readonly #history: History;
  readonly #telling: Telling;
  readonly #requests = new Requests();
  #config: UpstreamConfig | null = null;
  #numbered = 0;
  #waiting: Ask[] = [];
  #current: Answer | null = null;

  constructor(settings: CascadeSettings, history: History) {
    this.#settings = settings;
    this.#history = history;
    this.#telling = new Telling(history, settings.speech.bytesPerMs);
  }

  configure(config: UpstreamConfig): void {
    this.#config = config;
  }

  /** The session names an item. */
  named(key: string, id: string): void {
    this.#history.rename(key, id);
    if (this.#current?.entry === key) this.#current.entry = id;
  }

  /** What the present answer cost so far. */
  get unbilled(): JsonObject | null {
    return this.#current === null ? null : usageOf(this.#current.text.usage, this.#current.charged);
  }

  takeEffects(): readonly ChannelEffect[] {
    return this.#requests.take();
  }

  ask(ask: Ask, out: UpstreamEvent[]): void {
    this.#waiting.push(ask);
    const dropped = this.#waiting.length > MAX_WAITING ? this.#waiting.shift() : undefined;
    if (dropped !== undefined) this.#unasked(dropped, BUSY, out);
  }

  /** Something waits to be asked for. */
  get waits(): boolean {
    return this.#current === null && this.#waiting.length > 0;
  }

  /** Asks for the next one, where none is under way. Everything that it is to know is in the history. */
  next(): void {
    const ask = this.#config === null || this.#current !== null ? undefined : this.#waiting.shift();
    if (ask === undefined || this.#config === null) return;
    const key = `answer_${(this.#numbered += 1)}`;
    const modality = modalityOf(ask.options, this.#config);
    this.#current = new Answer(key, ask, modality, this.#write(ask), this.#settings);
  }

  /** Asks the text model. @returns the channel's name */
  #write(ask: Ask): string {
    const { text } = this.#settings;
    const channel = this.#name("text");
    const config = this.#config;
    if (config === null) return channel;
    this.#requests.open(
      channel,
      text,
      chatRequest(text, config, this.#history, ask.options),
      MOST_TEXT_BYTES,
    );
    return channel;
  }

  #name(stage: string): string {
    return `${stage}.${(this.#numbered += 1)}`;
  }

  /** The session wants it no more: nothing of it is written or spoken from now on. */
  cancel(responseId: string, out: UpstreamEvent[]): void {
    const at = this.#waiting.findIndex((ask) => ask.responseId === responseId);
    const [ask] = at < 0 ? [] : this.#waiting.splice(at, 1);
    if (ask !== undefined) this.#unasked(ask, null, out);
    else if (this.#current?.ask.responseId === responseId) this.#end(CANCELLED, out);
  }

  opened(channel: string, head: ResponseHead | null): void {
    const answer = this.#current;
    if (answer === null) return;
    if (channel === answer.channel && head !== null) answer.text.opened(head);
    else if (channel === answer.spoken?.channel)
      for (const data of answer.spoken.stream.opened(head)) this.#requests.send(channel, data);
  }

  data(channel: string, data: WireMessage, out: UpstreamEvent[]): void {
    const answer = this.#current;
    // A response is bytes.
    if (channel === answer?.channel && typeof data !== "string")
      this.#written(answer, answer.text.data(data), out);
    else if (answer !== null && channel === answer.spoken?.channel)
      this.#spoken(answer, answer.spoken.stream.data(data), out);
  }

  #spoken(answer: Answer, sound: Uint8Array | StageFault, out: UpstreamEvent[]): void {
    const channel = answer.spoken?.channel ?? null;
    if (!(sound instanceof Uint8Array)) {
      this.#requests.close(channel);
      this.#failedSpeech(answer, sound, out);
      return;
    }
    this.#telling.sound(answer, sound, out);
    this.#telling.wordTimes(answer);
    if (answer.spoken?.stream.whole !== true) return;
    this.#requests.close(channel);
    this.#endOfSpeech(answer, answer.spoken.stream.end(), out);
  }

  #endOfSpeech(answer: Answer, fault: StageFault | null, out: UpstreamEvent[]): void {
    if (fault === null) this.#sentenceOver(answer, out);
    else this.#failedSpeech(answer, fault, out);
  }

  /** See `Channels.closed`. */
  closed(channel: string, code: number, reason: string, out: UpstreamEvent[]): void {
    const answer = this.#current;
    if (answer === null) return;
    const { text, speech } = this.#settings;
    if (channel === answer.channel) {
      const end =
        code === 1000 || answer.text.finish !== null
          ? answer.text.end()
          : lostFault(TEXT_STAGE, code, reason, text.redactor);
      if (typeof end === "string") this.#written(answer, end, out);
      if (typeof end !== "string") this.#failedText(answer, end, out);
      else if (answer.channel !== null) this.#textOver(answer, out);
    } else if (channel === answer.spoken?.channel) {
      const { stream } = answer.spoken;
      const end = code === 1000 ? stream.end() : lostFault(SPEECH_STAGE, code, reason, speech.redactor);
      this.#endOfSpeech(answer, end, out);
    }
  }

  #written(answer: Answer, words: string | StageFault, out: UpstreamEvent[]): void {
    if (typeof words !== "string") return this.#failedText(answer, words, out);
    const taken = words.slice(0, MAX_WRITTEN - answer.written);
    answer.written += taken.length;
    if (taken !== "") this.#say(answer, taken, out);
    if (taken.length < words.length) answer.text.finish = "length";
    if (answer.channel !== null && (answer.text.whole || taken.length < words.length)) {
      this.#requests.close(answer.channel);
      this.#textOver(answer, out);
    }
  }

  #say(answer: Answer, words: string, out: UpstreamEvent[]): void {
    if (answer.modality === "text") return this.#telling.words("text", answer, words, out);
    this.#telling.message(answer, out);
    answer.queue.push(...answer.cutter.push(words));
    this.#speak(answer, out);
  }

  /** The next sentences go to the synthesiser, where it has none. */
  #speak(answer: Answer, out: UpstreamEvent[]): void {
    while (answer.spoken === null && answer.queue.length > 0) {
      let text = "";
      while (text === "" || text.length + (answer.queue[0]?.length ?? MAX_SPOKEN) <= MAX_SPOKEN)
        text += answer.queue.shift() ?? "";
      if (isSpeakable(text)) this.#ask(answer, text, false);
      else this.#telling.words("transcript", answer, text, out);
    }
    if (answer.channel === null && answer.spoken === null) this.#complete(answer, out);
  }

  #ask(answer: Answer, text: string, again: boolean): void {
    const { speech } = this.#settings;
    if (this.#config === null) return;
    const channel = this.#name("speech");
    const said = text.trim();
    answer.charged += text.length;
    answer.spoken = { text, channel, again, stream: speechOf(speech, said, this.#config.speed) };
    const asked = speechRequest(speech, this.#config, said);
    this.#requests.open(channel, speech, asked, MOST_SPEECH_MS * speech.bytesPerMs);
  }

  #sentenceOver(answer: Answer, out: UpstreamEvent[]): void {
    answer.spoken = null;
    this.#telling.mark(answer);
    this.#speak(answer, out);
  }

  #textOver(answer: Answer, out: UpstreamEvent[]): void {
    answer.channel = null;
    const rest = answer.cutter.end();
    if (rest !== "") answer.queue.push(rest);
    this.#speak(answer, out);
  }

  #complete(answer: Answer, out: UpstreamEvent[]): void {
    const { finish } = answer.text;
    if (finish === "length") this.#end({ ...INCOMPLETE, reason: "max_output_tokens" }, out);
    else if (finish === "content_filter") this.#end({ ...INCOMPLETE, reason: finish }, out);
    else this.#end(COMPLETED, out);
  }

  #failedText(answer: Answer, { fault, again }: StageFault, out: UpstreamEvent[]): void {
    this.#requests.close(answer.channel);
    if (again && !answer.again && !answer.text.said) {
      answer.again = true;
      answer.text = new TextStream(this.#settings.text.redactor);
      answer.channel = this.#write(answer.ask);
    } else this.#lost(answer, fault, again, out);
  }

  #failedSpeech(answer: Answer, { fault, again }: StageFault, out: UpstreamEvent[]): void {
    const { spoken } = answer;
    if (spoken === null) return;
    if (again && !spoken.again && spoken.stream.bytes === 0) this.#ask(answer, spoken.text, true);
    else this.#lost(answer, fault, again, out);
  }

  /**
   * A stage is lost. Of an answer that has begun to be said the session has the rest said by another connection, as of any
   * provider that is lost; any other fault is the end of this answer only.
   */
  #lost(answer: Answer, fault: UpstreamFault, again: boolean, out: UpstreamEvent[]): void {
    if (again && answer.said !== "" && !answer.ask.options.outOfBand)
      out.push({ type: "error", error: fault, fatal: true });
    else this.#end({ status: "failed", reason: null, error: fault }, out);
  }

  #end(ending: Ending, out: UpstreamEvent[]): void {
    const answer = this.#current;
    if (answer === null) return;
    this.#current = null;
    this.#requests.close(answer.channel);
    this.#requests.close(answer.spoken?.channel ?? null);
    this.#telling.end(answer, ending, out);
  }

  #unasked(ask: Ask, error: UpstreamFault | null, out: UpstreamEvent[]): void {
    tellUnasked(`answer_${(this.#numbered += 1)}`, ask.responseId, error, out);
  }

  snapshot(): AnswersState {
    return {
      numbered: this.#numbered,
      waiting: [...this.#waiting],
      current: this.#current?.snapshot() ?? null,
    };
  }

  restore(state: AnswersState): void {
    this.#numbered = state.numbered;
    this.#waiting = [...state.waiting];
    this.#current = state.current === null ? null : Answer.restore(state.current, this.#settings);
  }
}
