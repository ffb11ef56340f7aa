/**
 * What an agent says and hears, as answers and turns. Answers have no names: an `event_id` grows with the conversation and tells
 * what is older than an interruption, and whether something belongs to the answer that ran when the caller spoke.
 */
import { bytesPerSample, type ProviderFormat } from "../../audio/format.ts";
import { type Carry, PieceDecoder } from "../common/audio-carry.ts";
import { objectAt, textAt } from "../json.ts";
import { addCall, type Answer, closeMessage, messageOf } from "../common/unnamed-answer.ts";
import { Answers, type AnswersState } from "../common/unnamed-answers.ts";
import type { JsonObject, UpstreamEvent } from "../upstream.ts";

/** An hour of speech. */
const MAX_SAID_CHARS = 64 * 1024;

/** The words of the present message of an answer. */
type MessageState = {
  /** All of them, which come with its first sound; null: they have not come. */
  readonly said: string | null;
  readonly told: string;
  readonly sounds: boolean;
  /** They are told with the sound that they are of, as far as that says it. */
  readonly aligned: boolean;
};

const UNSAID: MessageState = { said: null, told: "", sounds: false, aligned: false };

export type ConversationState = {
  readonly textOnly: boolean;
  readonly odd: number;
  readonly speaking: boolean;
  readonly turns: number;
  readonly pieces: number;
  readonly interrupted: number;
  readonly last: number | null;
  readonly heardSince: boolean;
  readonly message: MessageState;
  readonly answers: AnswersState;
};

export class AgentConversation {
  readonly answers = new Answers();
  readonly #decoder = new PieceDecoder();
  readonly #carry: Carry = { odd: -1 };
  /** The conversation is written: nothing is spoken. */
  textOnly = false;
  /** The caller is heard, and neither their words nor an answer have come. */
  #speaking = false;
  /** Turns that the agent took, for their keys. */
  #turns = 0;
  /** Pieces of answers that came: another number whenever one does. */
  #pieces = 0;
  /** What is older than the last interruption is not played. */
  #interrupted = 0;
  /** `event_id` of what came last of the present answer. */
  #last: number | null = null;
  /** A turn of the caller's came while an answer ran: what has another `event_id` is the answer to it. */
  #heardSince = false;
  #message: MessageState = UNSAID;

  /** No message has to come at the end of an answer. */
  get held(): number {
    return this.answers.begun || this.answers.abandoned ? this.#pieces : 0;
  }

  /** @returns whether the agent waits for the result of a call that nobody will run. */
  call(call: JsonObject | null, name: string, id: string, out: UpstreamEvent[]): boolean {
    const answer = this.#answer(idAt(call), out);
    if (answer === null) return true;
    this.#rest(answer, out);
    addCall(answer, name, id, JSON.stringify(objectAt(call, "parameters") ?? {}), out);
    out.push(...this.answers.calls());
    this.#message = UNSAID;
    return false;
  }

  /** Nothing more is said. */
  settle(out: UpstreamEvent[]): void {
    if (this.answers.abandoned) this.answers.moveOn();
    if (this.answers.begun) this.#over(out);
  }

  /** The answer that something belongs to; null: nobody's. An agent that answers has ended the caller's turn. */
  #answer(id: number | null, out: UpstreamEvent[]): Answer | null {
    this.#pieces += 1;
    if (id !== null && id < this.#interrupted) return null;
    // What has another number is what was asked for since.
    if (this.answers.abandoned && this.answers.running && id !== this.#last) this.answers.moveOn();
    if (this.#heardSince && this.answers.begun && (id === null || id !== this.#last)) this.#over(out);
    const answer = this.answers.content(true, out);
    if (answer === null) return null;
    if (out.at(-1)?.type === "response.started") {
      const started = out.pop();
      this.#turnOver(out);
      if (started !== undefined) out.push(started);
      this.#carry.odd = -1;
      this.#message = UNSAID;
      this.#heardSince = false;
    }
    this.#last = id;
    return answer;
  }

  sound(event: JsonObject | null, output: ProviderFormat, out: UpstreamEvent[]): void {
    const data = textAt(event, "audio_base_64") ?? "";
    const answer = data === "" ? null : this.#answer(idAt(event), out);
    if (answer === null) return;
    const spoken = spokenOf(event);
    const aligned = this.#message.aligned || (spoken !== "" && !this.#message.sounds);
    this.#message = { ...this.#message, sounds: true, aligned };
    if (aligned) this.#tell(answer, "transcript", spoken, out);
    else this.#rest(answer, out);
    const bytes = this.#decoder.decode(data, bytesPerSample(output), this.#carry);
    if (bytes === null) out.push(nonsense("Audio of the provider is no base64."));
    else if (bytes.length > 0)
      out.push({ type: "audio", response: answer.key, item: messageOf(answer, out), bytes });
  }

  /** The words of a message, whole. A further message of the same answer is another item. */
  words(event: JsonObject | null, out: UpstreamEvent[]): void {
    const text = (textAt(event, "agent_response") ?? "").slice(0, MAX_SAID_CHARS);
    const answer = text === "" ? null : this.#answer(idAt(event), out);
    if (answer === null) return;
    if (this.textOnly) {
      this.#message = { ...this.#message, said: text };
      this.#over(out);
      return;
    }
    const { said, sounds, aligned } = this.#message;
    if (text === said) return;
    if (said !== null) {
      this.#rest(answer, out);
      closeMessage(answer, "completed", out);
      this.#carry.odd = -1;
      this.#message = { ...UNSAID, said: text };
      return;
    }
    this.#message = { ...this.#message, said: text };
    if (sounds && !aligned) this.#rest(answer, out);
  }

  /** A piece of a written answer; of a spoken one the words come whole. */
  textPart(part: JsonObject | null, out: UpstreamEvent[]): void {
    const text = textAt(part, "text") ?? "";
    if (!this.textOnly || text === "" || textAt(part, "type") !== "delta") return;
    const answer = this.#answer(idAt(part), out);
    if (answer !== null) this.#tell(answer, "text", text, out);
  }

  /** What of a message's words was not told, where what was is their beginning. */
  #rest(answer: Answer, out: UpstreamEvent[]): void {
    const { said, told } = this.#message;
    if (said?.startsWith(told))
      this.#tell(answer, this.textOnly ? "text" : "transcript", said.slice(told.length), out);
  }

  #tell(answer: Answer, type: "transcript" | "text", delta: string, out: UpstreamEvent[]): void {
    if (delta === "") return;
    const told = `${this.#message.told}${delta}`.slice(0, MAX_SAID_CHARS);
    this.#message = { ...this.#message, told };
    out.push({ type, response: answer.key, item: messageOf(answer, out), delta });
  }

  /** Of an answer that was asked for and has not begun it says nothing. */
  complete(out: UpstreamEvent[]): void {
    if (this.answers.begun || this.answers.abandoned) this.#over(out, () => this.answers.turnComplete());
  }

  #over(out: UpstreamEvent[], ended = () => this.answers.finish()): void {
    const answer = this.answers.begun ? this.answers.content(false, out) : null;
    if (answer !== null) this.#rest(answer, out);
    out.push(...ended());
    this.#message = UNSAID;
  }

  transcript(event: JsonObject | null, out: UpstreamEvent[]): void {
    const transcript = (textAt(event, "user_transcript") ?? "").trim();
    this.answers.moveOn();
    if (this.answers.begun) this.#heardSince = true;
    else this.#spoken(out);
    if (!this.#speaking && transcript === "") return;
    const itemId = this.#turnOver(out) ?? this.#committed(out);
    out.push({ type: "input.transcript.completed", itemId, transcript, usage: null });
  }

  interrupted(event: JsonObject | null, out: UpstreamEvent[]): void {
    const id = idAt(event);
    if (id !== null) this.#interrupted = Math.max(this.#interrupted, id);
    // What was written and asked for interrupts as well, and is no speech: that is told by its words.
    if (this.answers.running && !this.answers.begun) return this.answers.moveOn();
    out.push({ type: "interrupted" }, ...this.answers.interrupted());
    this.#spoken(out);
  }

  /** Words of the caller's come. Over an answer they are an interruption only where the agent says so. */
  tentative(out: UpstreamEvent[]): void {
    if (!this.answers.begun) this.#spoken(out);
  }

  #spoken(out: UpstreamEvent[]): void {
    if (this.#speaking) return;
    this.#speaking = true;
    out.push({ type: "speech", state: "started" });
  }

  /** @returns the key of the caller's turn, if one was under way. */
  #turnOver(out: UpstreamEvent[]): string | null {
    if (!this.#speaking) return null;
    this.#speaking = false;
    out.push({ type: "speech", state: "stopped" });
    return this.#committed(out);
  }

  #committed(out: UpstreamEvent[]): string {
    const item = `heard_${(this.#turns += 1)}`;
    out.push({ type: "committed", item });
    return item;
  }

  snapshot(): ConversationState {
    return {
      textOnly: this.textOnly,
      odd: this.#carry.odd,
      speaking: this.#speaking,
      turns: this.#turns,
      pieces: this.#pieces,
      interrupted: this.#interrupted,
      last: this.#last,
      heardSince: this.#heardSince,
      message: this.#message,
      answers: this.answers.snapshot(),
    };
  }

  restore(state: ConversationState): void {
    this.textOnly = state.textOnly;
    this.#carry.odd = state.odd;
    this.#speaking = state.speaking;
    this.#turns = state.turns;
    this.#pieces = state.pieces;
    this.#interrupted = state.interrupted;
    this.#last = state.last;
    this.#heardSince = state.heardSince;
    this.#message = state.message;
    this.answers.restore(state.answers);
  }
}

/** `event_id`: a number, or one in digits. */
export function idAt(event: JsonObject | null): number | null {
  const id = event?.["event_id"];
  const number = typeof id === "string" && /^\d{1,15}$/.test(id) ? Number(id) : id;
  return typeof number === "number" && Number.isSafeInteger(number) && number >= 0 ? number : null;
}

function nonsense(message: string): UpstreamEvent {
  return { type: "error", error: { code: "upstream_protocol_error", message }, fatal: false };
}

/** The characters that are spoken in a piece of sound, where the piece says so. */
function spokenOf(event: JsonObject | null): string {
  const chars = objectAt(event, "alignment")?.["chars"];
  return Array.isArray(chars) ? chars.filter((char) => typeof char === "string").join("") : "";
}
