/** What an agent says and hears, as answers and turns. Nothing of Deepgram's has a name but the calls of functions. */
import { type Carry, wholeSamples } from "../common/audio-carry.ts";
import { Heard, type HeardState } from "../common/heard.ts";
import { nameAt, textAt } from "../json.ts";
import { addCall, type Answer, messageOf } from "../common/unnamed-answer.ts";
import { Answers, type AnswersState } from "../common/unnamed-answers.ts";
import type { JsonObject, UpstreamEvent } from "../upstream.ts";

export type ConversationState = {
  readonly odd: number;
  readonly speaking: boolean;
  readonly turns: number;
  readonly pieces: number;
  readonly answers: AnswersState;
  readonly heard: HeardState;
};

export interface CalledFunction {
  readonly id: string;
  readonly name: string;
}

export class AgentConversation {
  /** It takes no text while it speaks. */
  readonly answers = new Answers(true);
  readonly heard = new Heard();
  /** It takes the turns. */
  readonly #serves: boolean;
  readonly #carry: Carry = { odd: -1 };
  /** It takes the turns: the caller is heard, and their words have not come. */
  #speaking = false;
  #turns = 0;
  /** Pieces of answers that came: another number whenever one does. */
  #pieces = 0;

  constructor(serves: boolean) {
    this.#serves = serves;
  }

  get held(): number {
    const answer = this.answers.begun || this.answers.abandoned ? this.#pieces : 0;
    return answer + (this.heard.open ? this.heard.length + 0.5 : 0);
  }

  /** Nothing more is said. */
  settle(out: UpstreamEvent[]): void {
    out.push(...this.heard.end());
    if (this.answers.begun) out.push(...this.answers.finish());
    else if (this.answers.abandoned) this.answers.moveOn();
  }

  /** It says nothing of an answer that was asked for and has not begun. */
  audioDone(out: UpstreamEvent[]): void {
    if (this.answers.begun || this.answers.abandoned) out.push(...this.answers.turnComplete());
  }

  /** The answer that something belongs to; null: nobody's. An agent that answers has ended the caller's turn. */
  #answer(out: UpstreamEvent[]): Answer | null {
    this.#pieces += 1;
    const begun = this.answers.begun;
    const answer = this.answers.content(this.#serves, out);
    if (answer === null || begun) return answer;
    this.#carry.odd = -1;
    const started = out.pop();
    if (this.#speaking) this.#turnOver(out);
    out.push(...this.heard.end());
    if (started !== undefined) out.push(started);
    return answer;
  }

  sound(message: Uint8Array, out: UpstreamEvent[]): void {
    const answer = message.length === 0 ? null : this.#answer(out);
    if (answer === null) return;
    const bytes = wholeSamples(message, 2, this.#carry);
    if (bytes.length > 0)
      out.push({ type: "audio", response: answer.key, item: messageOf(answer, out), bytes });
  }

  /** The agent's words come sentence by sentence. */
  said(text: string, out: UpstreamEvent[]): void {
    const answer = this.#answer(out);
    if (answer === null) return;
    const open = answer.message !== null;
    const item = messageOf(answer, out);
    const delta = open && !/^\s/.test(text) ? ` ${text}` : text;
    out.push({ type: "transcript", response: answer.key, item, delta });
  }

  /** The caller's words. Nothing else is known of a turn at another connection, so they are told to whom they are no matter. */
  words(text: string, out: UpstreamEvent[]): void {
    if (!this.#serves) {
      out.push(...this.heard.words(this.heard.length > 0 ? ` ${text}` : text));
      return;
    }
    if (!this.#speaking) out.push({ type: "speech", state: "started" });
    const itemId = this.#turnOver(out);
    out.push({ type: "input.transcript.completed", itemId, transcript: text.trim(), usage: null });
  }

  #turnOver(out: UpstreamEvent[]): string {
    this.#speaking = false;
    const item = `heard_${(this.#turns += 1)}`;
    out.push({ type: "speech", state: "stopped" }, { type: "committed", item });
    return item;
  }

  interrupted(out: UpstreamEvent[]): void {
    const ended = this.answers.interrupted();
    if (this.#serves) out.push({ type: "interrupted" });
    out.push(...ended);
    if (!this.#serves || this.#speaking) return;
    this.#speaking = true;
    out.push({ type: "speech", state: "started" });
  }

  /**
   * An answer that calls functions is over with that.
   * @returns those that were told, or null: nobody will run them.
   */
  calls(functions: readonly JsonObject[], out: UpstreamEvent[]): readonly CalledFunction[] | null {
    const answer = this.#answer(out);
    if (answer === null) return null;
    const called = functions.flatMap((one) => {
      const of = calledOf(one);
      if (of !== null) addCall(answer, of.name, of.id, textAt(one, "arguments") || "{}", out);
      return of ?? [];
    });
    out.push(...this.answers.calls());
    return called;
  }

  snapshot(): ConversationState {
    return {
      odd: this.#carry.odd,
      speaking: this.#speaking,
      turns: this.#turns,
      pieces: this.#pieces,
      answers: this.answers.snapshot(),
      heard: this.heard.snapshot(),
    };
  }

  restore(state: ConversationState): void {
    this.#carry.odd = state.odd;
    this.#speaking = state.speaking;
    this.#turns = state.turns;
    this.#pieces = state.pieces;
    this.answers.restore(state.answers);
    this.heard.restore(state.heard);
  }
}

/** The function that is called, where both of its names are names. */
export function calledOf(call: JsonObject): CalledFunction | null {
  const [name, id] = [nameAt(call, "name"), nameAt(call, "id")];
  return name === null || id === null ? null : { id, name };
}
