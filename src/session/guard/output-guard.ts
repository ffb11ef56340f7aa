/**
 * The words of answers, judged before they and their sound pass. The gate asks here how much of what comes next may pass; what
 * may not waits in its lane, undone. A sentence is judged whole where its words come in time: of one that has waited for half of
 * the window, what there is of it. Nothing waits longer than the window.
 */
import { durationMs } from "../../audio/format.ts";
import type { Context } from "../context.ts";
import type { LaneEvent } from "../state/upstream-said.ts";
import type { ResponseRecord } from "../state/response.ts";
import {
  addWords,
  advance,
  clearedMs,
  isWorded,
  newPart,
  takeWords,
  waitFrom,
  waits,
  type GuardedPart,
} from "./guarded-part.ts";
import type { OutputGuardPlan } from "../state/guard-plan.ts";
import { passes, type Judgement, type Questions } from "./questions.ts";
import { endOfSentence, lettersIn } from "./sentences.ts";

export interface OutputGuardHost {
  readonly context: Context;
  readonly questions: Questions;
  /** Words of this upstream come no later than their sound. */
  wordsFirst(stream: number): boolean;
  /** Something of the answer may pass now, or it has been refused. */
  moved(responseId: string): void;
  /** Something of it passes because nobody judged it in time: told once. */
  unjudged(responseId: string): void;
}

interface Answer {
  readonly id: string;
  readonly wordsFirst: boolean;
  parts: GuardedPart[];
  veto: Judgement | null;
  toldUnjudged: boolean;
}

/** Where nothing waits a moderator has so long to say it all the same. */
const UNHELD_MS = 2000;
/** Words that come while others wait are asked about no more often than this. */
const ASK_EVERY_MS = 250;
/** Parts of one answer that are not over: more are of no provider's. */
const MOST_PARTS = 64;
const TOO_MANY: Judgement = { decision: "closed", category: null };

export class OutputGuard {
  readonly #host: OutputGuardHost;
  readonly #plan: OutputGuardPlan;
  readonly #answers = new Map<string, Answer>();

  constructor(host: OutputGuardHost, plan: OutputGuardPlan) {
    this.#host = host;
    this.#plan = plan;
  }

  /** Something came of an answer; how much of it may pass says `room`. */
  noted(response: ResponseRecord, event: LaneEvent): void {
    const answer = this.#answers.get(response.id) ?? this.#begin(response);
    if (answer.veto) return;
    if (event.type === "audio") {
      this.#part(answer, event).audioMs += durationMs(event.format, event.bytes.byteLength);
    } else if (event.type === "transcript" || event.type === "text") {
      const part = this.#part(answer, event, event.type === "transcript");
      addWords(part, event.delta);
      this.#askSentences(answer, part);
    } else if (event.type === "part.done" || event.type === "item.done" || event.type === "response.done") {
      for (const part of answer.parts) {
        // What is withheld for its words alone is refused at its end, and where its provider fails there is none.
        if (isOf(part, event) && (!mayFail(event) || isWorded(part))) this.#end(answer, part);
      }
    } else return;
    this.#aim(answer);
  }

  #begin({ id, stream }: ResponseRecord): Answer {
    const wordsFirst = this.#host.wordsFirst(stream);
    const answer = { id, wordsFirst, parts: [], veto: null, toldUnjudged: false };
    this.#answers.set(id, answer);
    return answer;
  }

  #part(answer: Answer, { item, part = 0 }: OfPart, spoken = true): GuardedPart {
    const known = answer.parts.find((one) => one.item === item && one.part === part);
    if (known) return known;
    const made = newPart(item, part, spoken);
    answer.parts = [...answer.parts.filter((one) => !isOver(one)), made];
    if (answer.parts.length > MOST_PARTS) answer.veto = TOO_MANY;
    return made;
  }

  #askSentences(answer: Answer, part: GuardedPart): void {
    for (;;) {
      const end = endOfSentence(part.tail, part.asked > part.sentenceAt);
      if (end === 0 || answer.veto) return;
      this.#ask(answer, part, end);
      part.sentenceAt = part.asked;
    }
  }

  #ask(answer: Answer, part: GuardedPart, chars: number): void {
    const { context, questions } = this.#host;
    const { holdMs } = this.#plan;
    const { words, text } = takeWords(part, chars);
    const letters = lettersIn(words);
    part.lettersAll += letters;
    part.askedAt = context.now;
    const heldMs = holdMs === 0 ? UNHELD_MS : holdMs;
    const dueAt = Math.max(context.now + heldMs / 2, (part.waitsSince ?? context.now) + heldMs);
    const known = letters === 0 ? null : questions.ask("output", answer.id, text, dueAt);
    if (known !== null && typeof known === "object") this.#judge(answer, known);
    const question = typeof known === "number" ? known : null;
    part.pieces = [...part.pieces, { question, end: part.asked, letters }];
    advance(part);
  }

  /** Nothing more of it comes. */
  #end(answer: Answer, part: GuardedPart): void {
    if (part.ended) return;
    part.ended = true;
    if (part.tail !== "") this.#ask(answer, part, part.tail.length);
    // There is sound, and no words for it that could be judged.
    if (part.audioMs > 0 && !isWorded(part))
      this.#judge(answer, { decision: this.#plan.fail, category: null });
  }

  #judge(answer: Answer, judgement: Judgement): void {
    if (!passes(judgement)) answer.veto ??= judgement;
    else if (judgement.decision === "open" && !answer.toldUnjudged) {
      answer.toldUnjudged = true;
      this.#host.unjudged(answer.id);
    }
  }

  /** A question about an answer was settled; one that had passed by its deadline may be refused after all. */
  judged(id: string, question: number, judgement: Judgement): void {
    const answer = this.#answers.get(id);
    if (!answer || answer.veto) return;
    this.#judge(answer, judgement);
    for (const part of answer.parts) {
      part.pieces = part.pieces.map((one) => (one.question === question ? { ...one, question: null } : one));
      if (answer.veto === null) advance(part);
    }
    this.#aim(answer);
    this.#host.moved(id);
  }

  /** Notes what waits, and names the moment at which it is not waited with any longer. */
  #aim(answer: Answer): void {
    const { deadlines, now } = this.#host.context;
    let at = Infinity;
    for (const part of answer.parts) {
      if (this.#plan.holdMs === 0 || !waits(part, answer.wordsFirst)) part.waitsSince = null;
      else if (part.waitsSince === null) waitFrom(part, now);
      at = Math.min(at, this.#asksAt(part), this.#grantsAt(part));
    }
    if (at === Infinity || answer.veto) deadlines.clear(`guard:answer:${answer.id}`);
    else deadlines.set(`guard:answer:${answer.id}`, at);
  }

  /** When words that make no sentence yet are asked about as they are. */
  #asksAt({ waitsSince, tail, askedAt, ended }: GuardedPart): number {
    if (waitsSince === null || ended || lettersIn(tail) === 0) return Infinity;
    return Math.max(waitsSince + this.#plan.holdMs / 2, askedAt + ASK_EVERY_MS);
  }

  /** When sound has waited for words in vain: all that had come when it began to wait have been let pass. */
  #grantsAt({ spoken, waitsSince, waitsChars, passed }: GuardedPart): number {
    const { holdMs, fail } = this.#plan;
    if (!spoken || fail === "closed" || waitsSince === null || passed < waitsChars) return Infinity;
    return waitsSince + holdMs;
  }

  /** The deadline of an answer came. */
  due(id: string): void {
    const { now } = this.#host.context;
    const answer = this.#answers.get(id);
    if (!answer || answer.veto) return;
    for (const part of answer.parts) {
      if (this.#grantsAt(part) <= now) {
        part.grantedMs = part.waitsMs;
        this.#judge(answer, { decision: "open", category: null });
        waitFrom(part, now);
      }
      if (this.#asksAt(part) <= now) this.#ask(answer, part, part.tail.length);
    }
    this.#aim(answer);
    this.#host.moved(id);
  }

  /** How much of what comes next may pass: milliseconds of sound, characters of words; Infinity: all of it. */
  room(response: ResponseRecord, event: LaneEvent): number {
    const answer = this.#answers.get(response.id);
    if (!answer) return Infinity;
    if (answer.veto) return 0;
    if (this.#plan.holdMs === 0) return Infinity;
    const found = "item" in event ? answer.parts.find((one) => isPartOf(one, event)) : undefined;
    if (!found) return Infinity;
    if (event.type === "audio") {
      const ms = clearedMs(found, answer.wordsFirst) - found.sentMs;
      return ms >= durationMs(event.format, event.bytes.byteLength) ? Infinity : ms;
    }
    if (event.type !== "transcript" && event.type !== "text") return Infinity;
    const chars = found.passed - found.sent;
    return chars >= event.delta.length ? Infinity : chars;
  }

  /** It passes now. */
  passed(response: ResponseRecord, event: LaneEvent): void {
    if (!("item" in event)) return;
    const part = this.#answers.get(response.id)?.parts.find((one) => isPartOf(one, event));
    if (!part) return;
    if (event.type === "audio") part.sentMs += durationMs(event.format, event.bytes.byteLength);
    else if (event.type === "audio.refused") part.sentMs += event.ms;
    else if (event.type === "transcript" || event.type === "text") part.sent += event.delta.length;
  }

  /** Words of it are not judged, or refused: what follows them, a tool call too, does not go ahead. */
  withholds(response: ResponseRecord): boolean {
    const answer = this.#answers.get(response.id);
    if (!answer || this.#plan.holdMs === 0) return answer?.veto != null;
    const withheld = (part: GuardedPart): boolean =>
      part.passed < part.chars || waits(part, answer.wordsFirst);
    return answer.veto !== null || answer.parts.some(withheld);
  }

  /** Sound of it waits for words that have not come. */
  lacksWords(response: ResponseRecord): boolean {
    const answer = this.#answers.get(response.id);
    if (!answer || answer.veto || this.#plan.holdMs === 0) return false;
    return answer.parts.some((part) => !part.ended && part.audioMs > part.sentMs && !isWorded(part));
  }

  vetoOf(response: ResponseRecord): Judgement | null {
    return this.#answers.get(response.id)?.veto ?? null;
  }

  /** Nothing of it waits any more: it has ended, or was taken back. */
  forget(response: ResponseRecord): void {
    if (!this.#answers.delete(response.id)) return;
    this.#host.questions.forgetOf("output", response.id);
    this.#host.context.deadlines.clear(`guard:answer:${response.id}`);
  }

  snapshot(): OutputGuardSnapshot {
    return [...this.#answers.values()].map((answer) => ({
      ...answer,
      parts: answer.parts.map((part) => ({ ...part })),
    }));
  }

  restore(answers: OutputGuardSnapshot): void {
    this.#answers.clear();
    for (const answer of answers)
      this.#answers.set(answer.id, { ...answer, parts: answer.parts.map((part) => ({ ...part })) });
  }
}

interface OfPart {
  readonly item: string;
  readonly part?: number;
}

function isPartOf(part: GuardedPart, event: OfPart): boolean {
  return part.item === event.item && part.part === (event.part ?? 0);
}

/** What may be followed by the news that the answer has failed. */
function mayFail(event: Extract<LaneEvent, { type: `${string}.done` }>): boolean {
  return event.type === "part.done" || (event.type === "item.done" && event.status !== "completed");
}

/** What the event ends. */
function isOf(part: GuardedPart, event: Extract<LaneEvent, { type: `${string}.done` }>): boolean {
  if (event.type === "response.done") return true;
  return part.item === event.item && (event.type === "item.done" || part.part === event.part);
}

/** All of it has passed. */
function isOver({ ended, chars, sent, audioMs, sentMs }: GuardedPart): boolean {
  return ended && sent === chars && sentMs >= audioMs - 1;
}

export type OutputGuardSnapshot = readonly Readonly<Answer>[];
