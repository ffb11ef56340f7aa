/**
 * A remote end-of-turn model, asked once per silence that may end a turn. It never holds anything up: what comes late
 * is as if it had not been asked, and one that fails again and again is left alone for a while.
 */
import type { Context } from "../context.ts";

/** A verdict that comes later is not waited for. */
const DEADLINE_MS = 250;
/** The shell answers every question; a question that died with an isolate is given up after this. */
const LOST_MS = 5000;
/** So many questions in a row without an answer in time: the model rests, longer each time. */
const MOST_FAILURES = 3;
const FIRST_REST_MS = 10_000;
const MOST_REST_MS = 300_000;
/** Probabilities that count as a verdict; between them the model is in doubt. */
const OVER = 0.6;
const OPEN = 0.4;

/** The turn is over; it is not; or nothing is known. */
export type Verdict = "over" | "open" | null;

interface Question {
  readonly id: number;
  readonly askedAt: number;
  /** The silence that it is about lasts, and its answer is not late. */
  current: boolean;
}

export class Consultant {
  readonly #context: Context;
  #count = 0;
  #question: Question | null = null;
  #failures = 0;
  #rests = 0;
  #restUntil = 0;
  #verdict: Verdict = null;

  constructor(context: Context) {
    this.#context = context;
  }

  /** What the model says of the present silence. */
  get verdict(): Verdict {
    return this.#verdict;
  }

  /** One question at a time, none while the model rests. */
  get free(): boolean {
    const { now } = this.#context;
    if (now < this.#restUntil) return false;
    return this.#question === null || now - this.#question.askedAt >= LOST_MS;
  }

  /** `samples`: the turn's last seconds at 16 kHz. */
  ask(samples: Int16Array): void {
    const { now } = this.#context;
    this.#count += 1;
    this.#question = { id: this.#count, askedAt: now, current: true };
    this.#context.deadlines.set("consult", now + DEADLINE_MS);
    this.#context.metric("consults", 1);
    this.#context.act({ type: "consult", id: this.#count, samples });
  }

  /** The answer; null: none could be had. @returns whether it says something about the present silence. */
  answered(id: number, probability: number | null): boolean {
    const question = this.#question;
    if (question?.id !== id) return false;
    this.#question = null;
    this.#context.metric("consult_ms", this.#context.now - question.askedAt);
    const known = probability !== null && probability >= 0 && probability <= 1;
    // One that is late was counted when it was.
    if (this.#context.deadlines.get("consult") !== null) {
      this.#context.deadlines.clear("consult");
      if (known) this.#succeeded();
      else this.#failed("consult_failures");
    }
    if (!question.current || !known) return false;
    this.#verdict = probability >= OVER ? "over" : probability <= OPEN ? "open" : null;
    return this.#verdict !== null;
  }

  /** The deadline came. */
  late(): void {
    if (this.#question) this.#question.current = false;
    this.#failed("consult_late");
  }

  /** The silence is over, one way or the other: what is said of it does not matter any more. */
  forget(): void {
    this.#verdict = null;
    if (this.#question) this.#question.current = false;
  }

  #succeeded(): void {
    this.#failures = 0;
    this.#rests = 0;
  }

  #failed(metric: "consult_failures" | "consult_late"): void {
    this.#context.metric(metric, 1);
    this.#failures += 1;
    if (this.#failures < MOST_FAILURES) return;
    this.#failures = 0;
    const restMs = Math.min(MOST_REST_MS, FIRST_REST_MS * 2 ** this.#rests);
    this.#rests = Math.min(this.#rests + 1, 10);
    this.#restUntil = this.#context.now + restMs;
    this.#context.metric("consult_rests", 1);
  }

  snapshot(): ConsultantSnapshot {
    return {
      count: this.#count,
      question: this.#question ? { ...this.#question } : null,
      failures: this.#failures,
      rests: this.#rests,
      restUntil: this.#restUntil,
      verdict: this.#verdict,
    };
  }

  restore(snapshot: ConsultantSnapshot): void {
    this.#count = snapshot.count;
    this.#question = snapshot.question ? { ...snapshot.question } : null;
    this.#failures = snapshot.failures;
    this.#rests = snapshot.rests;
    this.#restUntil = snapshot.restUntil;
    this.#verdict = snapshot.verdict;
  }
}

export interface ConsultantSnapshot {
  readonly count: number;
  readonly question: Question | null;
  readonly failures: number;
  readonly rests: number;
  readonly restUntil: number;
  readonly verdict: Verdict;
}
