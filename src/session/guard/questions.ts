/**
 * Words that moderators are asked about. Those that judge at once are asked first; services are asked by the shell, which
 * hands each answer in. A question settles by the first that refuses, when all have answered, or at its deadline.
 */
import type { Context } from "../context.ts";
import { moderatorOf } from "./moderators/index.ts";
import type { Moderator, Verdict } from "./moderators/moderator.ts";
import type { GuardPlan, Side } from "../state/guard-plan.ts";

/** `veto`: refused. `open`, `closed`: not judged in time, and so let pass or refused. */
export type Decision = "pass" | "veto" | "open" | "closed";

export interface Judgement {
  readonly decision: Decision;
  /** Of a veto. */
  readonly category: string | null;
}

interface Question {
  readonly id: number;
  readonly side: Side;
  /** Whose words they are. */
  readonly owner: string;
  readonly askedAt: number;
  /** Moderators that have not answered. */
  left: readonly number[];
  /** One could not be had, or the deadline has come: it passed by that, and may still be refused. */
  failed: boolean;
  passed: boolean;
}

export interface QuestionsHost {
  readonly context: Context;
  judged(side: Side, owner: string, id: number, judgement: Judgement): void;
}

const PASSES: Judgement = { decision: "pass", category: null };
/**
 * More are not asked at once. Of what an agent says, what is beyond is as if nobody could be had; of what a caller says, it waits: a
 * text may have seventy pieces, and a client tells a whole history at once. An object may have six requests without a response
 * (Durable Objects, limits): an upstream that has to be dialled meanwhile is not to wait for all of them.
 */
const MOST_OPEN: Readonly<Record<Side, number>> = { input: 5, output: 64 };

export function passes({ decision }: Judgement): boolean {
  return decision === "pass" || decision === "open";
}

export class Questions {
  readonly #host: QuestionsHost;
  readonly #plan: GuardPlan;
  readonly #moderators: Readonly<Record<Side, readonly Moderator[]>>;
  #count = 0;
  #open = new Map<number, Question>();

  constructor(host: QuestionsHost, plan: GuardPlan) {
    this.#host = host;
    this.#plan = plan;
    const of = (side: Side) => (plan[side]?.moderators ?? []).map((choice) => moderatorOf(choice));
    this.#moderators = { input: of("input"), output: of("output") };
  }

  /** One more may be asked. */
  room(side: Side): boolean {
    let open = 0;
    for (const question of this.#open.values()) if (question.side === side) open += 1;
    return open < MOST_OPEN[side];
  }

  /** @returns what is known at once, or the question's name. */
  ask(side: Side, owner: string, text: string, dueAt: number): Judgement | number {
    const { context } = this.#host;
    context.metric("guard_asked", 1);
    const left: number[] = [];
    for (const [index, moderator] of this.#moderators[side].entries()) {
      if (!("judge" in moderator)) left.push(index);
      else {
        const category = moderator.judge(text);
        if (category !== null) return this.#vetoed(category);
      }
    }
    if (left.length === 0) return PASSES;
    if (!this.room(side)) return this.#failed(side);
    this.#count += 1;
    const id = this.#count;
    this.#open.set(id, { id, side, owner, askedAt: context.now, left, failed: false, passed: false });
    context.deadlines.set(`guard:question:${id}`, dueAt);
    for (const moderator of left) context.act({ type: "moderate", id, side, moderator, text });
    return id;
  }

  #vetoed(category: string): Judgement {
    this.#host.context.metric("guard_vetoed", 1);
    return { decision: "veto", category };
  }

  #failed(side: Side): Judgement {
    return { decision: this.#plan[side]?.fail ?? "open", category: null };
  }

  /** One has answered; `verdict` absent: it could not be had. */
  answered(id: number, moderator: number, verdict: { readonly category: Verdict } | null): void {
    const { context } = this.#host;
    const question = this.#open.get(id);
    if (!question?.left.includes(moderator)) return;
    question.left = question.left.filter((one) => one !== moderator);
    context.metric("guard_ms", context.now - question.askedAt);
    if (verdict === null) {
      context.metric("guard_failures", 1);
      question.failed = true;
    } else if (verdict.category !== null) return this.#settle(question, this.#vetoed(verdict.category));
    if (question.failed && this.#plan[question.side]?.fail === "closed")
      this.#settle(question, this.#failed(question.side));
    else if (question.left.length === 0)
      this.#settle(question, question.failed ? this.#failed(question.side) : PASSES);
  }

  /** The deadline came. What passes by it may be refused when the answer comes. */
  due(id: number): void {
    const question = this.#open.get(id);
    if (!question) return;
    this.#host.context.metric("guard_late", 1);
    const judgement = this.#failed(question.side);
    if (judgement.decision === "closed") return this.#settle(question, judgement);
    // What a caller said is answered then: whatever is said of it later is of no use.
    if (question.side === "input") return this.#settle(question, judgement);
    question.passed = true;
    this.#host.judged(question.side, question.owner, id, judgement);
  }

  #settle(question: Question, judgement: Judgement): void {
    this.#forget(question.id);
    if (question.passed && passes(judgement)) return;
    this.#host.judged(question.side, question.owner, question.id, judgement);
  }

  #forget(id: number): void {
    this.#open.delete(id);
    this.#host.context.deadlines.clear(`guard:question:${id}`);
  }

  /** Nobody wants to know any more. */
  forgetOf(side: Side, owner: string): void {
    for (const question of this.#open.values())
      if (question.side === side && question.owner === owner) this.#forget(question.id);
  }

  snapshot(): QuestionsSnapshot {
    return { count: this.#count, open: [...this.#open.values()].map((question) => ({ ...question })) };
  }

  restore({ count, open }: QuestionsSnapshot): void {
    this.#count = count;
    this.#open = new Map(open.map((question) => [question.id, { ...question }]));
  }
}

export interface QuestionsSnapshot {
  readonly count: number;
  readonly open: readonly Readonly<Question>[];
}
