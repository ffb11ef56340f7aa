/**
 * The caller's words, judged before an answer to them is asked for: what was typed, and the transcript of what was said. An
 * answer that may not be asked for yet waits here; what is refused is forgotten, here and by every upstream.
 */
import { jsonSize, type Json, type JsonObject } from "../../protocol/json.ts";
import type { ResponseParams } from "../../protocol/client-events.ts";
import type { Context } from "../context.ts";
import type { Link } from "./ports.ts";
import type { Conversation } from "../memory/conversation.ts";
import type { Entry } from "../memory/entry.ts";
import { itemsOf, OWN, textsOf, wordsOf, type Words } from "./callers-words.ts";
import { isJudged, judgedOf, pieceAt, type Judged } from "./judged-words.ts";
import type { InputGuardPlan } from "../state/guard-plan.ts";
import { passes, type Judgement, type Questions } from "./questions.ts";
import { isAside, replaces, type Waiting } from "./waiting.ts";

export interface InputGuardHost {
  readonly context: Context;
  readonly questions: Questions;
  readonly conversation: Conversation;
  readonly links: readonly Link[];
  /** Asks for an answer that waited. */
  ask(group: readonly Link[], params: ResponseParams): void;
  /** Puts an answer to its upstream that `withholds` kept from it. */
  put(responseId: string): void;
  /** These words are refused: no answer to them is asked for. */
  refused(itemIds: readonly string[], judgement: Judgement): void;
  /** They pass, though nobody judged them in time. */
  unjudged(itemIds: readonly string[]): void;
}

const NOT_JUDGED: Judgement = { decision: "closed", category: null };

export class InputGuard {
  readonly #host: InputGuardHost;
  readonly #plan: InputGuardPlan;
  #waiting: Waiting[] = [];
  /** Answers whose question has passed, and which another upstream, or another connection, is to be asked for. */
  readonly #withheld = new Set<string>();
  readonly #judged = new Map<string, Judged>();
  /** Names of words that only an answer is asked with, by those words. */
  readonly #own = new Map<string, string>();
  #named = 0;

  constructor(host: InputGuardHost, plan: InputGuardPlan) {
    this.#host = host;
    this.#plan = plan;
  }

  /** An answer waits to be asked for. */
  get waits(): boolean {
    return this.#waiting.length > 0 || this.#withheld.size > 0;
  }

  /** So many do. */
  get count(): number {
    return this.#waiting.length;
  }

  /** One of the conversation does. */
  get answers(): boolean {
    return !this.#waiting.every(isAside);
  }

  /** One of the conversation does that brings its own input: no turn's answer is its. */
  get brings(): boolean {
    return this.#waiting.some((one) => !isAside(one) && one.params.input !== undefined);
  }

  /** Characters of what they are to be asked with. */
  get size(): number {
    // What came from a JSON schema is JSON.
    return this.#waiting.reduce((sum, { params }) => sum + jsonSize(params as JsonObject), 0);
  }

  /** The answer must not be asked for now: it is when the words have passed, or never. */
  holds(group: readonly Pick<Link, "index">[], params: ResponseParams): boolean {
    const { cause } = this.#host.context;
    const streams = group.map(({ index }) => index);
    const asked: Waiting = { streams, params, ...(cause !== null && { cause }) };
    const others = this.#waiting.filter((one) => !replaces(asked, one));
    this.#waiting = others;
    this.#prune([...others, asked]);
    if (!this.#look([asked])) return true;
    const open = this.#open([asked]);
    if (open.length === 0) {
      if (!this.waits) this.#clear();
      return false;
    }
    this.#waiting = [...others, asked];
    this.#await();
    return true;
  }

  /**
   * An answer that may be asked for must not be asked of this upstream now: it knows words that came since, and nobody has
   * judged them. It is put to it when they have passed or are gone.
   */
  withholds(responseId: string): boolean {
    // Before anything is refused: what is left then is put at once.
    this.#withheld.add(responseId);
    if (!this.#look([])) return true;
    if (this.#open([]).length > 0) {
      this.#await();
      return true;
    }
    this.#withheld.delete(responseId);
    return false;
  }

  #await(): void {
    const { deadlines, now } = this.#host.context;
    if (deadlines.get("guard:input") === null) deadlines.set("guard:input", now + this.#plan.waitMs);
  }

  #clear(): void {
    this.#host.context.deadlines.clear("guard:input");
  }

  /** Nobody wants the answers of the conversation any more. @returns whether one waited. */
  withdraw(): boolean {
    const { answers } = this;
    this.#waiting = this.#waiting.filter(isAside);
    if (!this.waits) this.#clear();
    return answers;
  }

  /** Nobody wants any of them any more. */
  drop(): void {
    this.#waiting = [];
    if (!this.waits) this.#clear();
  }

  /** Unless there are other words that came since: those have to be judged too. */
  #putWithheld(): void {
    if (this.#withheld.size === 0 || !this.#look([])) return;
    if (this.#open([]).length > 0) return this.#await();
    const withheld = [...this.#withheld];
    this.#withheld.clear();
    for (const id of withheld) this.#host.put(id);
  }

  /** Words came, were judged or are gone. */
  changed(): void {
    if (!this.waits || !this.#look(this.#waiting)) return;
    if (this.#open(this.#waiting).length === 0) this.#release();
  }

  #release(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#putWithheld();
    if (!this.waits) this.#clear();
    for (const { streams, params, cause = null } of waiting) {
      const group = this.#host.links.filter(({ index }) => streams.includes(index));
      this.#host.context.causedBy(cause, () => this.#host.ask(group, params));
    }
  }

  /** The deadline came. */
  due(): void {
    const open = this.#open(this.#waiting);
    // Of what was waited for nothing is left.
    if (open.length === 0) return this.#release();
    const ids = open.map(({ id }) => id);
    if (this.#plan.fail === "closed") return this.#refuse(ids, NOT_JUDGED);
    const untold = ids.filter((id) => this.#judged.get(id)?.told !== true);
    for (const { id, text } of open) {
      this.#judged.set(id, { text, left: [], told: true });
      // What moderators still say of them is of no use, and others wait to be asked about.
      this.#host.questions.forgetOf("input", id);
    }
    if (untold.length > 0) this.#host.unjudged(itemsOf(untold));
    this.#release();
  }

  /** Asks about words that nobody was asked about. @returns false: some were refused. */
  #look(waiting: readonly Waiting[]): boolean {
    for (const { id, text } of this.#wordsOf(waiting))
      if (text !== null && !this.#ask(id, judgedOf(this.#judged.get(id), text), text)) return false;
    return true;
  }

  /** About as much as may be asked at once: about the rest when that is answered. @returns false: it is refused. */
  #ask(id: string, known: Judged, text: string): boolean {
    const { context, questions } = this.#host;
    let { left, next: at } = known;
    while (at !== undefined && questions.room("input")) {
      const { piece, next: after } = pieceAt(text, at);
      at = after;
      if (piece.trim() === "") continue;
      const dueAt = context.deadlines.get("guard:input") ?? context.now + this.#plan.waitMs;
      const asked = questions.ask("input", id, piece, dueAt);
      if (typeof asked === "number") left = [...left, asked];
      else if (!passes(asked)) {
        this.#refuse([id], asked);
        return false;
      }
    }
    const { next: _, ...rest } = known;
    this.#judged.set(id, { ...rest, left, ...(at !== undefined && { next: at }) });
    return true;
  }

  /** Words that are not known, or not judged. */
  #open(waiting: readonly Waiting[]): readonly Words[] {
    return this.#wordsOf(waiting).filter(({ id, text }) => !isJudged(this.#judged.get(id), text));
  }

  /** Nothing that the caller says in this item is still to be judged. */
  passed(entry: Entry): boolean {
    return wordsOf(entry).every(({ id, text }) => text === null || isJudged(this.#judged.get(id), text));
  }

  /** A question was settled. */
  judged(id: string, question: number, judgement: Judgement): void {
    const known = this.#judged.get(id);
    // Something else may be asked in its place.
    if (!known?.left.includes(question)) return this.changed();
    if (!passes(judgement)) return this.#refuse([id], judgement);
    const open = judgement.decision === "open";
    const left = known.left.filter((one) => one !== question);
    this.#judged.set(id, { ...known, left, ...(open && { told: true }) });
    if (open && known.told !== true) this.#host.unjudged(itemsOf([id]));
    this.changed();
  }

  #refuse(ids: readonly string[], judgement: Judgement): void {
    this.#waiting = [];
    for (const id of ids) {
      this.#judged.delete(id);
      this.#host.questions.forgetOf("input", id);
    }
    this.#host.refused(itemsOf(ids), judgement);
    this.#putWithheld();
    if (!this.waits) this.#clear();
  }

  /** The caller's words of the conversation, and those that only these answers are asked with. */
  #wordsOf(waiting: readonly Waiting[]): readonly Words[] {
    const own = waiting.flatMap(({ params }) => textsOf(params.input as Json | undefined));
    const named = own.map((text) => ({ id: text === null ? OWN : this.#nameOf(text), text }));
    return [...this.#host.conversation.entries.flatMap(wordsOf), ...named];
  }

  #nameOf(text: string): string {
    const known = this.#own.get(text);
    if (known !== undefined) return known;
    this.#named += 1;
    const name = `${OWN}${this.#named}`;
    this.#own.set(text, name);
    return name;
  }

  /** Of items that are gone nobody asks again. */
  #prune(waiting: readonly Waiting[]): void {
    const there = new Set(this.#wordsOf(waiting).map(({ id }) => id));
    for (const id of this.#judged.keys()) {
      if (there.has(id)) continue;
      this.#judged.delete(id);
      this.#host.questions.forgetOf("input", id);
    }
    for (const [text, id] of this.#own) if (!there.has(id)) this.#own.delete(text);
  }

  snapshot(): InputGuardSnapshot {
    const own = this.#own.size === 0 ? {} : { own: [...this.#own], named: this.#named };
    const withheld = this.#withheld.size === 0 ? {} : { withheld: [...this.#withheld] };
    return { waiting: [...this.#waiting], judged: [...this.#judged], ...own, ...withheld };
  }

  /** Those of before kept sums of words: they are judged anew. */
  restore({ waiting, judged, own = [], named = 0, withheld = [] }: InputGuardSnapshot): void {
    this.#waiting = [...waiting];
    this.#judged.clear();
    for (const [id, one] of judged)
      if (one.text !== undefined) this.#judged.set(id, { ...one, text: one.text });
    this.#withheld.clear();
    for (const id of withheld) this.#withheld.add(id);
    this.#own.clear();
    for (const [text, id] of own) this.#own.set(text, id);
    this.#named = named;
  }
}

export interface InputGuardSnapshot {
  readonly waiting: readonly Waiting[];
  readonly judged: readonly (readonly [string, Partial<Pick<Judged, "text">> & Omit<Judged, "text">])[];
  readonly own?: readonly (readonly [text: string, name: string])[];
  readonly named?: number;
  readonly withheld?: readonly string[];
}
