/**
 * What is said on both sides: the model's answers, the caller's turns and their words. Nothing of it has a name at Google but
 * the calls of functions.
 */
import { isRateHz } from "../../audio/format.ts";
import { type Carry, PieceDecoder } from "../common/audio-carry.ts";
import { Heard, type HeardState } from "../common/heard.ts";
import { addCall, type Answer, messageOf } from "../common/unnamed-answer.ts";
import { Answers, type AnswersState } from "../common/unnamed-answers.ts";
import { objectAt, objectsAt, textAt } from "../json.ts";
import type { JsonObject, UpstreamConfig, UpstreamEvent } from "../upstream.ts";

const MAX_PARTS = 256;

export type ConversationState = {
  readonly rate: number;
  readonly odd: number;
  readonly speaking: boolean;
  readonly turns: number;
  readonly answers: AnswersState;
  readonly heard: HeardState;
};

type PcmFormat = { readonly type: "audio/pcm"; readonly rate: number };

export interface CalledFunction {
  readonly id: string;
  readonly name: string;
  readonly args: string;
}

export class GeminiConversation {
  readonly answers = new Answers();
  readonly heard = new Heard();
  /** The provider takes the turns. */
  readonly #serves: boolean;
  readonly #decoder = new PieceDecoder();
  readonly #carry: Carry = { odd: -1 };
  /** It takes the turns: the caller is heard, and the model has not answered yet. */
  #speaking = false;
  /** Turns that the provider took, for their keys. */
  #turns = 0;
  #output: PcmFormat = { type: "audio/pcm", rate: 24_000 };
  config: UpstreamConfig | null = null;

  constructor(serves: boolean) {
    this.#serves = serves;
  }

  /** The same object as long as it is the same format. */
  get output(): PcmFormat {
    return this.#output;
  }

  /** A transcript that may still grow, or an answer whose end is late. */
  get held(): number {
    const ending = this.answers.ending ? 0.5 : 0;
    return this.heard.open ? this.heard.length + ending : ending;
  }

  /** `serverContent`. */
  content(content: JsonObject, out: UpstreamEvent[]): void {
    const heard = textAt(objectAt(content, "inputTranscription"), "text");
    if (heard !== null && heard !== "") this.#words(heard, out);
    if (objectAt(content, "inputTranscription")?.["finished"] === true) out.push(...this.heard.end());
    const parts = objectsAt(objectAt(content, "modelTurn"), "parts").slice(0, MAX_PARTS);
    for (const part of parts) this.#part(part, parts.length > 1, out);
    const said = textAt(objectAt(content, "outputTranscription"), "text");
    if (said !== null && said !== "") this.#say("transcript", said, out);
    if (content["generationComplete"] === true) out.push(...this.answers.generated());
    if (content["interrupted"] === true) {
      const ended = this.answers.interrupted();
      if (ended.length > 0 && this.#serves) out.push({ type: "interrupted" });
      this.#over(ended, out);
    }
    if (content["turnComplete"] === true) this.#over(this.answers.turnComplete(), out);
  }

  #part(part: JsonObject, several: boolean, out: UpstreamEvent[]): void {
    if (part["thought"] === true) return;
    const blob = objectAt(part, "inlineData");
    const mimeType = textAt(blob, "mimeType") ?? "";
    const data = textAt(blob, "data");
    if (data !== null && mimeType.startsWith("audio/pcm")) this.#sound(data, mimeType, several, out);
    const text = textAt(part, "text");
    if (text !== null && text !== "" && this.config?.modality === "text") this.#say("text", text, out);
  }

  #sound(data: string, mimeType: string, several: boolean, out: UpstreamEvent[]): void {
    const answer = this.#begun(out);
    if (answer === null) return;
    const rate = Number(/rate=(\d+)/.exec(mimeType)?.[1] ?? 24_000);
    if (isRateHz(rate)) this.#format(rate);
    const bytes = this.#decoder.decode(data, 2, this.#carry);
    if (bytes === null) {
      const error = { code: "upstream_protocol_error", message: "Audio of the provider is no base64." };
      out.push({ type: "error", error, fatal: false });
    } else if (bytes.length > 0) {
      const item = messageOf(answer, out);
      // The decoder's memory is one, and the next part of the same message would write over it.
      out.push({ type: "audio", response: answer.key, item, bytes: several ? bytes.slice() : bytes });
    }
  }

  #say(type: "transcript" | "text", delta: string, out: UpstreamEvent[]): void {
    const answer = this.#begun(out, type === "transcript");
    if (answer === null) return;
    const item = messageOf(answer, out);
    out.push({ type, response: answer.key, item, delta });
  }

  /**
   * An answer that calls functions is over with that.
   * @returns whether they were told; otherwise nobody will run them.
   */
  calls(functions: readonly CalledFunction[], out: UpstreamEvent[]): boolean {
    const answer = this.#begun(out);
    if (answer === null) return false;
    for (const { id, name, args } of functions) addCall(answer, name, id, args, out);
    this.#over(this.answers.calls(), out);
    return true;
  }

  /** The answer that something belongs to. A provider that takes the turns has ended the caller's by it. */
  #begun(out: UpstreamEvent[], late = false): Answer | null {
    if (this.#serves && this.#speaking) {
      this.#speaking = false;
      out.push({ type: "speech", state: "stopped" });
      this.#committed(out);
    }
    const answer = this.answers.content(this.#serves, out, late);
    if (answer !== null && out.at(-1)?.type === "response.started") this.#carry.odd = -1;
    return answer;
  }

  #committed(out: UpstreamEvent[]): void {
    const item = `heard_${(this.#turns += 1)}`;
    out.push({ type: "committed", item }, ...this.heard.committed(item));
  }

  /** They keep no order with the answer: those that come with it are of the turn that it answers. */
  #words(text: string, out: UpstreamEvent[]): void {
    if (this.#serves) {
      const answered = this.answers.begun && !this.answers.ending && !this.#speaking;
      if (!answered) this.spoken(out);
      else if (!this.heard.named) this.#committed(out);
    }
    if (this.config?.transcription !== null) out.push(...this.heard.words(text));
  }

  /** The provider hears the caller. */
  spoken(out: UpstreamEvent[]): void {
    if (!this.#serves || this.#speaking) return;
    this.#speaking = true;
    out.push(...this.heard.end(), { type: "speech", state: "started" });
  }

  #over(ended: readonly UpstreamEvent[], out: UpstreamEvent[]): void {
    if (ended.length > 0) out.push(...this.heard.end(), ...ended);
  }

  #format(rate: number): void {
    if (this.#output.rate !== rate) this.#output = { type: "audio/pcm", rate };
  }

  snapshot(): ConversationState {
    return {
      rate: this.#output.rate,
      odd: this.#carry.odd,
      speaking: this.#speaking,
      turns: this.#turns,
      answers: this.answers.snapshot(),
      heard: this.heard.snapshot(),
    };
  }

  restore(state: ConversationState): void {
    this.#format(state.rate);
    this.#carry.odd = state.odd;
    this.#speaking = state.speaking;
    this.#turns = state.turns;
    this.answers.restore(state.answers);
    this.heard.restore(state.heard);
  }
}
