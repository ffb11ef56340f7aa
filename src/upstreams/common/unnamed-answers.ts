/**
 * Which answer is which, at a provider that names none: one is generated at a time. What asks for it and what ends it is the
 * adapter's to say. An answer that was given up goes on at the provider until it is interrupted or complete; until then what
 * comes is its, and nobody's.
 */
import { isJsonObject, type Json } from "../../protocol/json.ts";
import type { JsonObject, UpstreamEvent, UpstreamFault } from "../upstream.ts";
import { tellUnasked } from "./unasked.ts";
import {
  type Answer,
  beginAnswer,
  CANCELLED,
  COMPLETED,
  endAnswer,
  type Ending,
  failed,
  newAnswer,
} from "./unnamed-answer.ts";

/** Answers that may wait for the one before them. */
const MAX_WAITING = 16;
const BUSY: UpstreamFault = { code: "upstream_busy", message: "Too many answers wait." };

/** The model called functions and waits for what they return, or was told it; `said`: it spoke before it called. */
type Called = { readonly told: boolean; readonly said: boolean };

/** What an answer that was given up is at, at the provider. */
type Abandoned = "generating" | "interrupted" | "ending";

export type AnswersState = {
  readonly numbered: number;
  readonly waiting: readonly string[];
  readonly current: { readonly [member in keyof Answer]: Answer[member] } | null;
  readonly abandoned: Abandoned | null;
  readonly called?: Called | null;
  readonly usage: JsonObject | null;
};

export class Answers {
  /** The next one is asked for when what was given up is over: the provider takes no question while it speaks. */
  readonly #patient: boolean;
  #numbered = 0;
  #waiting: string[] = [];
  #current: Answer | null = null;
  /** An answer before the current one, nobody's any more, whose end was not told yet. */
  #abandoned: Abandoned | null = null;
  /** The turn in which functions were called may go on, and its end may come, after the session knows of the calls. */
  #called: Called | null = null;
  /** What was told after an answer had ended counts with the next one. */
  #usage: JsonObject | null = null;

  constructor(patient = false) {
    this.#patient = patient;
  }

  /** @returns whether it is to be asked for now; otherwise it waits. */
  ask(responseId: string, out: UpstreamEvent[]): boolean {
    // What follows the calls does not end before their results are told, and those are what is asked with.
    if (this.#called?.told === false) out.push(...this.#end(COMPLETED));
    if (this.#free) {
      this.#begin(responseId);
      return true;
    }
    this.#waiting.push(responseId);
    const dropped = this.#waiting.length > MAX_WAITING ? this.#waiting.shift() : undefined;
    if (dropped !== undefined) this.#unasked(dropped, BUSY, out);
    return false;
  }

  /** The next one that may be asked for, or null. */
  next(): string | null {
    const id = this.#free ? this.#waiting.shift() : undefined;
    if (id === undefined) return null;
    this.#begin(id);
    return id;
  }

  get running(): boolean {
    return this.#current !== null;
  }

  /** The session's name of one that the model began by itself. */
  named(key: string, responseId: string): void {
    if (this.#current?.key === key) this.#current.answers ??= responseId;
  }

  /** The present one has begun. */
  get begun(): boolean {
    return this.#current?.begun ?? false;
  }

  /** The present one was asked for by nobody. */
  get unasked(): boolean {
    return this.#current?.answers === null;
  }

  /** One that was given up is still generated. */
  get abandoned(): boolean {
    return this.#abandoned === "generating";
  }

  /** What was given up is over: the provider is at something else. */
  moveOn(): void {
    this.#abandoned = null;
  }

  /** All of it was generated, and its end is awaited. */
  get ending(): boolean {
    return this.#current?.complete ?? false;
  }

  /** The provider cannot be told to stop; the next activity or content interrupts it. One that nobody asked for is called by its key. */
  cancel(responseId: string, out: UpstreamEvent[]): void {
    const at = this.#waiting.indexOf(responseId);
    if (at >= 0) {
      this.#waiting.splice(at, 1);
      this.#unasked(responseId, null, out);
    } else if (this.#current?.answers === responseId || this.#current?.key === responseId) {
      this.#abandoned = this.#current.complete ? "ending" : "generating";
      this.#called = null;
      out.push(...this.#end(CANCELLED));
    }
  }

  /**
   * Something of the model's comes.
   * @param unasked a model that takes the turns begins by itself
   * @param late it is words of what was said, which may come after the end of that
   * @returns the answer it belongs to, or null: nobody's
   */
  content(unasked: boolean, out: UpstreamEvent[], late = false): Answer | null {
    if (this.#abandoned === "generating") return null;
    const goesOn = this.#called?.told === false;
    if (this.#current === null) {
      if (!(unasked || goesOn) || (late && this.#abandoned === "interrupted")) return null;
      this.#begin(null, goesOn);
      // The turn in which it called ends aloud.
      if (this.#called !== null) this.#called = { ...this.#called, said: true };
    }
    const answer = this.#current;
    if (answer === null) return null;
    if (!late) answer.complete = false;
    // What follows the end of the one before can only be this one's, whether that end was told or not.
    this.#abandoned = null;
    beginAnswer(answer, out);
    return answer;
  }

  /** The model waits for the results of its calls: what it says of them is another answer. */
  calls(): readonly UpstreamEvent[] {
    if (this.#current !== null) this.#called = { told: false, said: this.#current.said };
    return this.#end(COMPLETED);
  }

  /** Everything was generated. What was said while a function runs is over with that: the turn is not. */
  generated(): readonly UpstreamEvent[] {
    if (this.#abandoned === "generating") this.#abandoned = "ending";
    else if (this.#current?.goesOn === true) return this.#end(COMPLETED);
    else if (this.#current?.begun === true) this.#current.complete = true;
    return [];
  }

  interrupted(): readonly UpstreamEvent[] {
    if (this.#abandoned !== null) {
      this.#abandoned = "interrupted";
      return [];
    }
    // What was told of the calls may itself interrupt what was said while they ran; the end of that is still to come.
    if (this.#current?.begun !== true) return [];
    this.#called = null;
    this.#abandoned = "interrupted";
    return this.#end({ ...CANCELLED, reason: "turn_detected" });
  }

  turnComplete(): readonly UpstreamEvent[] {
    if (this.#abandoned !== null) {
      this.#abandoned = null;
      return [];
    }
    return this.#callerOver() ? [] : this.finish();
  }

  /** Nothing more of the present answer comes. */
  finish(): readonly UpstreamEvent[] {
    return this.#current === null ? [] : this.#end(COMPLETED);
  }

  /**
   * The end of a turn in which functions were called may come when what they returned was told: it is not the end of the answer
   * to that, which is over when no more of it comes.
   */
  #callerOver(): boolean {
    const [called, answer] = [this.#called, this.#current];
    this.#called = null;
    if (answer === null || called?.told !== true || (answer.begun && !called.said)) return false;
    answer.complete = true;
    return true;
  }

  /** No end came of an answer that was generated. */
  settle(): readonly UpstreamEvent[] {
    if (!this.ending) return [];
    this.#abandoned = "ending";
    return this.finish();
  }

  failed(fault: UpstreamFault): readonly UpstreamEvent[] {
    return this.#current === null ? [] : this.#end(failed(fault));
  }

  used(usage: JsonObject): void {
    this.#usage = this.#usage === null ? usage : addUsage(this.#usage, usage);
  }

  /** Of answers that have not ended. */
  get unbilled(): JsonObject | null {
    return this.#usage;
  }

  snapshot(): AnswersState {
    const current = this.#current === null ? null : { ...this.#current };
    return {
      numbered: this.#numbered,
      waiting: [...this.#waiting],
      current,
      abandoned: this.#abandoned,
      called: this.#called,
      usage: this.#usage,
    };
  }

  restore(state: AnswersState): void {
    this.#numbered = state.numbered;
    this.#waiting = [...state.waiting];
    this.#current = state.current === null ? null : { ...state.current };
    this.#abandoned = state.abandoned;
    this.#called = state.called ?? null;
    this.#usage = state.usage;
  }

  get #free(): boolean {
    return this.#current === null && !(this.#patient && this.abandoned);
  }

  #begin(answers: string | null, goesOn = false): void {
    const key = `turn_${(this.#numbered += 1)}`;
    if (answers !== null)
      this.#called = this.#called?.told === false ? { ...this.#called, told: true } : null;
    this.#current = newAnswer(key, answers, goesOn);
  }

  #end(ending: Ending): readonly UpstreamEvent[] {
    const answer = this.#current;
    this.#current = null;
    if (answer === null) return [];
    const out: UpstreamEvent[] = [];
    endAnswer(answer, ending, this.#usage, out);
    this.#usage = null;
    return out;
  }

  /** It was never asked for. */
  #unasked(answers: string, error: UpstreamFault | null, out: UpstreamEvent[]): void {
    tellUnasked(`turn_${(this.#numbered += 1)}`, answers, error, out);
  }
}

/** Two counts of the same shape, member by member. */
function addUsage(a: JsonObject, b: JsonObject): JsonObject {
  const sum: Record<string, Json> = { ...a };
  for (const [key, value] of Object.entries(b)) {
    const other = sum[key];
    if (isJsonObject(value)) sum[key] = isJsonObject(other) ? addUsage(other, value) : value;
    else if (typeof value === "number") sum[key] = value + (typeof other === "number" ? other : 0);
  }
  return sum;
}
