/**
 * Who is asked for an answer, and when the relay asks by itself. What may not be asked now is not forgotten: a turn that
 * ends over an answer that may not be interrupted is owed one at that answer's end, and a `response.create` in the middle
 * of the caller's turn waits for the turn's end, where one answer covers both.
 */
import { ClientError } from "../../protocol/client-error.ts";
import type { ResponseParams } from "../../protocol/client-events.ts";
import type { Context } from "../context.ts";
import type { Conversation } from "../memory/conversation.ts";
import type { Order } from "../state/strategy.ts";
import { questionOf } from "./question.ts";
import type { Responses } from "./responses.ts";
import type { RoundSnapshot, Rounds } from "./rounds.ts";
import type {
  Budget,
  Cast,
  ClientPort,
  Configuration,
  Guard,
  Link,
  Recovery,
  Shadows,
  Tools,
  TurnTaking,
} from "./ports.ts";

/** Read when it is asked for: some of these parts are made later. */
interface AskingParts {
  readonly context: Context;
  readonly port: ClientPort;
  readonly config: Configuration;
  readonly conversation: Pick<Conversation, "entries">;
  /** Upstreams that are heard, and of these those that take part now. */
  readonly speakers: readonly Link[];
  readonly cast: Cast;
  readonly shadows: Shadows | null;
  readonly recovery: Recovery;
  readonly responses: Responses;
  readonly rounds: Rounds;
  readonly turns: TurnTaking;
  readonly guard: Pick<Guard, "input"> | null;
  readonly tools: Pick<Tools, "superseded"> | null;
  readonly budget: Budget;
}

export class Asking {
  readonly #parts: AskingParts;
  /** The client's `response.create` that waits for the end of the caller's turn. */
  #held: ResponseParams | null = null;
  /** Of the event that said so. */
  #heldCause: string | null = null;
  /** Streams that owe an answer, with what was asked for; of several that are one voice the first. */
  #owed = new Map<number, ResponseParams>();
  /** Of these, those whose answer the client asked for: it is owed though answers are not the relay's to ask for. */
  #wished = new Set<number>();

  constructor(parts: AskingParts) {
    this.#parts = parts;
  }

  /** Answers are the relay's to ask for, not only the client's. */
  get may(): boolean {
    const { config } = this.#parts;
    return config.turnDetection?.create_response === true && !config.transcriptionOnly;
  }

  /** A `response.create` waits for the end of the caller's turn. */
  get holding(): boolean {
    return this.#held !== null;
  }

  /** An answer of the conversation runs, or waits to be asked for by the client's wish. */
  get underway(): boolean {
    return this.holding || this.#guarded || this.#parts.responses.underway;
  }

  /** An answer waits until the caller's words have been judged. */
  get #guarded(): boolean {
    return this.#parts.guard?.input?.answers === true;
  }

  /** Upstreams that answer turns: a duplex one speaks when it likes. */
  get #answerers(): readonly Link[] {
    return this.#present.filter((link) => link.capabilities.turns !== "none");
  }

  /** Who is asked by the client, which may know why it asks one that speaks when it likes. */
  get #answering(): readonly Link[] {
    return this.#answerers.length > 0 ? this.#answerers : this.#present;
  }

  get #present(): readonly Link[] {
    return this.#parts.cast.present;
  }

  get #oneVoice(): boolean {
    return this.#parts.cast.strategy.oneVoice !== null;
  }

  /** A turn is over: everyone is asked, at once or at the end of an answer that may not be interrupted. */
  turn(): void {
    const held = this.#take();
    if (held) this.#askHeld(held);
    else if (this.may) this.answer();
    // What brings its own input is no answer to the turn.
    if (held?.input && this.may) for (const group of this.#groups(this.#answerers)) this.#owe(group, {});
  }

  /** The client itself ended the turn: it is answered if an answer was asked for. */
  committed(): void {
    if (this.#held) this.turn();
  }

  /** Refused, the client is told so of its event. */
  #askHeld(held: ResponseParams): void {
    this.#parts.context.causedBy(this.#heldCause, () => this.#askAll(this.#answering, held));
  }

  #take(): ResponseParams | null {
    const held = this.#held;
    this.#held = null;
    this.#parts.context.deadlines.clear("held");
    return held;
  }

  /** Asks for the answer to the last turn: those who take the turns themselves answer theirs unasked. */
  answer(): void {
    const asked = this.#answerers.filter(({ capabilities }) => capabilities.turns === "client");
    this.#askAll(asked.length > 0 ? asked : this.#answerers, {});
  }

  /** Those that give one answer together. */
  #groups(links: readonly Link[]): readonly (readonly Link[])[] {
    if (this.#oneVoice) return links.length > 0 ? [links] : [];
    return links.map((link) => [link]);
  }

  /** The group that owes by the name of this stream. */
  #groupOf(stream: number): readonly Link[] {
    return this.#oneVoice ? this.#answering : this.#present.filter(({ index }) => index === stream);
  }

  /** The name by which it owes: of those that are one voice, whoever takes part, the first. */
  #debtorOf({ index }: Link): number {
    return this.#oneVoice ? (this.#parts.speakers[0]?.index ?? index) : index;
  }

  #owe([first]: readonly Link[], params: ResponseParams): void {
    if (!first) return;
    const debtor = this.#debtorOf(first);
    this.#owed.set(debtor, params);
    if (this.may) this.#wished.delete(debtor);
    else this.#wished.add(debtor);
  }

  /** An answer is given by one of these, or will be. */
  #busy(group: readonly Link[]): boolean {
    const { responses, rounds } = this.#parts;
    // Also by one that takes no part in the next.
    if (this.#oneVoice) return rounds.open || responses.answering.length > 0;
    return responses.answering.some(({ stream }) => group.some(({ index }) => index === stream));
  }

  #askAll(links: readonly Link[], params: ResponseParams): void {
    const groups = this.#groups(links);
    const busy = groups.filter((group) => this.#busy(group));
    for (const group of busy) this.#owe(group, params);
    for (const group of groups) if (!busy.includes(group)) this.ask(group, params);
  }

  /** Asks these for one answer now; of too many at once, at the end of one that runs. */
  ask(wanted: readonly Link[], params: ResponseParams): void {
    const { context, responses, rounds } = this.#parts;
    const beside = params.conversation === "none";
    // Who takes part may have changed since it was wanted.
    const group = this.#oneVoice && !beside ? this.#answering : wanted;
    // What is answered beside the conversation says nothing to the caller's silence.
    if (!beside) context.deadlines.clear("idle");
    for (const link of group) this.#paid(this.#debtorOf(link), beside);
    if (!beside) this.#supersede(group);
    for (const link of group) link.ensure();
    if (this.#parts.guard?.input?.holds(group, params)) return;
    const order = this.#orderOf(group);
    if (responses.room) this.#parts.shadows?.ask(params);
    if (!responses.room) this.#owe(group, params);
    else if (order) rounds.ask(order, params, true);
    else {
      const link = anyOf(group);
      if (link) responses.request(link, params);
    }
  }

  /** What is answered beside the conversation is no answer to a turn. */
  #paid(debtor: number, beside: boolean): void {
    const owed = this.#owed.get(debtor);
    if (owed !== undefined && (owed.conversation === "none") === beside) this.#owed.delete(debtor);
  }

  /** What these, or who left them, had still to be asked for is answered with this. */
  #supersede(group: readonly Link[]): void {
    const { recovery, responses, speakers, tools } = this.#parts;
    for (const link of this.#oneVoice ? speakers : group) {
      tools?.superseded(link.index);
      // Who is dialled now would be asked for the rest of what broke off as well.
      if (responses.room) recovery.superseded(link);
    }
  }

  /** Null: there is at most one that can be asked. */
  #orderOf(group: readonly Link[]): Order<Link> | null {
    const able = group.filter(({ alive }) => alive);
    const { cast, conversation, speakers } = this.#parts;
    const { oneVoice } = cast.strategy;
    if (able.length < 2 || oneVoice === null) return null;
    return oneVoice(
      able,
      questionOf(conversation.entries, (index) => speakers[index]?.name),
    );
  }

  /** The caller's turn may be over: its answers are asked for in advance. @returns their names, and whose they are. */
  inAdvance(
    links: readonly Pick<Link, "index">[],
  ): readonly { readonly id: string; readonly stream: number }[] {
    const { responses, rounds, shadows } = this.#parts;
    shadows?.ask({});
    return this.#groups(this.#present.filter((link) => links.includes(link))).flatMap((group) => {
      const order = this.#orderOf(group);
      const link = anyOf(group);
      const id = order ? rounds.ask(order, {}, false) : link && responses.requestUnannounced(link, {}).id;
      return id === undefined ? [] : [{ id, stream: group[0]?.index ?? 0 }];
    });
  }

  /** Of several that answer a turn each for itself this one's answer in advance came to nothing. */
  anew(stream: number): void {
    this.ask(this.#groupOf(stream), {});
  }

  /** The caller goes on: what was asked in advance was no question. */
  takenBack(): void {
    this.#parts.shadows?.stop();
  }

  /** Something ended or changed: asks for what is owed and may be asked for now. */
  settle(): void {
    const { responses, port, turns } = this.#parts;
    if (this.#held && !this.#waits) this.release();
    if (this.#owed.size === 0 || !port.live || turns.openItem !== null) return;
    if (!this.may)
      for (const stream of this.#owed.keys()) if (!this.#wished.has(stream)) this.#owed.delete(stream);
    for (const [stream, params] of this.#owed) {
      const group = this.#groupOf(stream);
      if (group.length > 0 && !this.#busy(group) && responses.room) this.ask(group, params);
    }
  }

  /** The turn goes on for too long, or came to nothing: the client's `response.create` is asked for. */
  release(): void {
    const held = this.#take();
    if (held) this.#askHeld(held);
  }

  /** An answer now would talk over the caller, and the turn's own would never come. */
  get #waits(): boolean {
    const { config, turns } = this.#parts;
    return this.may && config.turnDetection?.interrupt_response === true && turns.phase === "speaking";
  }

  /** Before a `response.create` of the client's. @throws ClientError when nobody can answer it now. */
  requireSomebody({ conversation }: ResponseParams): void {
    const { context, responses } = this.#parts;
    const waiting = this.#parts.guard?.input?.count ?? 0;
    const running = responses.active.filter(({ own }) => own === undefined).length;
    if (running + waiting >= context.limits.activeResponses) {
      throw new ClientError(
        "too_many_responses",
        `At most ${context.limits.activeResponses} responses at once.`,
      );
    }
    if (conversation !== "none" || this.#aside.length > 0) return;
    throw new ClientError(
      "unsupported",
      "No upstream of this session answers out of band.",
      "response.conversation",
    );
  }

  /** Upstreams that can be asked for an answer out of band. */
  get #aside(): readonly Link[] {
    return this.#present.filter((link) => link.capabilities.outOfBand);
  }

  /** The client's `response.create`, which somebody can answer. */
  respond(params: ResponseParams): void {
    const { turns, context } = this.#parts;
    if (params.conversation !== "none") {
      // What was asked for in advance does not know what the client has said since.
      turns.takeBack();
      if (this.#waits) {
        this.#held = params;
        this.#heldCause = context.cause;
        context.deadlines.set("held", context.now + context.limits.heldMs);
        context.persist();
      } else this.#askAll(this.#answering, params);
      return;
    }
    this.ask(this.#aside.slice(0, 1), params);
  }

  /**
   * The calls that this upstream made have their results: it is asked to go on, over the caller's turn at its end.
   * @returns false: not yet.
   */
  goOn(stream: number): boolean {
    const { budget, context, port, responses, turns } = this.#parts;
    const group = this.#groupOf(stream);
    if (this.holding || group.length === 0) return true;
    if (this.#guarded || this.#busy(group) || !responses.room) return false;
    const refusal = budget.refusedAnswer();
    if (refusal) {
      port.rejected(refusal, null);
      return true;
    }
    // What was asked for in advance does not know of the results.
    turns.takeBack();
    if (this.#waits) {
      this.#held = {};
      this.#heldCause = null;
      context.deadlines.set("held", context.now + context.limits.heldMs);
    } else this.ask(group, {});
    context.persist();
    return true;
  }

  /** The client takes back its `response.create` that waits. @returns whether one did. */
  withdraw(): boolean {
    const guarded = this.#parts.guard?.input?.withdraw() === true;
    return this.forget() || guarded;
  }

  /** The same of one that waits for the end of the caller's turn. */
  forget(): boolean {
    return this.#take() !== null;
  }

  snapshot(): AskingSnapshot {
    const wished = this.#wished.size > 0 ? { wished: [...this.#wished] } : {};
    const cause = this.#held && this.#heldCause !== null ? { heldCause: this.#heldCause } : {};
    return { held: this.#held, ...cause, owed: [...this.#owed], ...wished, ...this.#parts.rounds.snapshot() };
  }

  restore(snapshot: AskingSnapshot): void {
    this.#held = snapshot.held;
    this.#heldCause = snapshot.heldCause ?? null;
    this.#owed = new Map(snapshot.owed);
    this.#wished = new Set(snapshot.wished);
    this.#parts.rounds.restore(snapshot.rounds);
  }
}

/** Who is asked where one is: who is there, else who is dialled for it. */
function anyOf(group: readonly Link[]): Link | undefined {
  return group.find(({ alive }) => alive) ?? group[0];
}

export interface AskingSnapshot {
  readonly held: ResponseParams | null;
  readonly heldCause?: string;
  readonly owed: readonly (readonly [number, ResponseParams])[];
  readonly wished?: readonly number[];
  readonly rounds?: readonly RoundSnapshot[];
}
