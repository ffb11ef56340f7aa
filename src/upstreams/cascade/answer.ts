/** One answer as the adapter knows it, from the ask to its last sample. Plain data: what is done with it is `answers.ts`. */
import type { JsonObject, RespondOptions } from "../upstream.ts";
import type { Mark } from "./history.ts";
import { SentenceCutter } from "./sentences.ts";
import type { CascadeSettings } from "./settings.ts";
import { speechOf } from "./speech.ts";
import type { Speech } from "./speech-reader.ts";
import { TextStream, type TextState } from "./text-stream.ts";

export type Ask = { readonly responseId: string; readonly options: RespondOptions };

/** Text on its way to sound. */
export interface Spoken {
  readonly text: string;
  channel: string;
  stream: Speech;
  /** Its request was made a second time. */
  again: boolean;
  /** Where its text and its sound begin in the answer's; none before its first sample. */
  from?: Mark;
}

export class Answer {
  readonly key: string;
  readonly ask: Ask;
  readonly modality: "audio" | "text";
  /** The session was told that it began. */
  begun = false;
  /** Its message, once there is a word; null before. */
  message: string | null = null;
  /** What the history calls it: the session gives it a name of its own. Null: it is not in there. */
  entry: string | null = null;
  /** Its request to the text model; null: the text is all there. */
  channel: string | null;
  text: TextStream;
  /** The text model was asked a second time. */
  again = false;
  readonly cutter = new SentenceCutter();
  /** Characters that were written. */
  written = 0;
  /** Sentences that wait for the one before them. */
  queue: string[] = [];
  spoken: Spoken | null = null;
  /** What was told of its words, and milliseconds of audio that were. */
  said = "";
  ms = 0;
  /** Characters that the synthesiser was asked to say, as it is paid for. */
  charged = 0;

  constructor(key: string, ask: Ask, modality: "audio" | "text", channel: string, settings: CascadeSettings) {
    this.key = key;
    this.ask = ask;
    this.modality = modality;
    this.channel = channel;
    this.text = new TextStream(settings.text.redactor);
  }

  snapshot(): AnswerState {
    const { spoken } = this;
    return {
      key: this.key,
      ask: this.ask,
      modality: this.modality,
      begun: this.begun,
      message: this.message,
      entry: this.entry,
      channel: this.channel,
      text: this.text.snapshot(),
      again: this.again,
      pending: this.cutter.snapshot(),
      written: this.written,
      queue: [...this.queue],
      spoken: spoken === null ? null : { ...spoken, stream: spoken.stream.snapshot() },
      said: this.said,
      ms: this.ms,
      charged: this.charged,
    };
  }

  static restore(state: AnswerState, settings: CascadeSettings): Answer {
    const answer = new Answer(state.key, state.ask, state.modality, state.channel ?? "", settings);
    answer.begun = state.begun;
    answer.message = state.message;
    answer.entry = state.entry;
    answer.channel = state.channel;
    answer.text.restore(state.text);
    answer.again = state.again;
    answer.cutter.restore(state.pending);
    answer.written = state.written;
    answer.queue = [...state.queue];
    answer.said = state.said;
    answer.ms = state.ms;
    answer.charged = state.charged;
    if (state.spoken === null) return answer;
    const stream = speechOf(settings.speech, state.spoken.text.trim(), 1);
    stream.restore(state.spoken.stream);
    answer.spoken = { ...state.spoken, stream };
    return answer;
  }
}

export type AnswerState = {
  readonly key: string;
  readonly ask: Ask;
  readonly modality: "audio" | "text";
  readonly begun: boolean;
  readonly message: string | null;
  readonly entry: string | null;
  readonly channel: string | null;
  readonly text: TextState;
  readonly again: boolean;
  readonly pending: string;
  readonly written: number;
  readonly queue: readonly string[];
  readonly spoken: {
    readonly text: string;
    readonly channel: string;
    readonly again: boolean;
    readonly from?: Mark;
    readonly stream: JsonObject;
  } | null;
  readonly said: string;
  readonly ms: number;
  readonly charged: number;
};
