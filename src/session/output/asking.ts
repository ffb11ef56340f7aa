/**
 * Who is asked for an answer, and when the relay asks by itself. What may not be asked now is not forgotten: a turn that
 * ends over an answer that may not be interrupted is owed one at that answer's end, and a `response.create` in the middle
 * of the caller's turn waits for the turn's end, where one answer covers both.
 */
import { ClientError } from "../../protocol/client-error.ts";
import type { ResponseParams } from "../../protocol/client-events.ts";
import type { ResponseRecord } from "../state/response.ts";
import { Answerers, anyOf } from "./answerers.ts";
import type { AskingParts } from "./asking-parts.ts";
import { HeldRequest, type HeldSnapshot } from "./held-request.ts";
import { isBeside, isPlain, OwedAsks, type OwedAsk, type OwedSnapshot } from "./owed-asks.ts";
import type { RoundSnapshot } from "./round.ts";
import type { Link } from "./ports.ts";

export class Asking {
  readonly #parts: AskingParts;
  readonly #who: Answerers;
  readonly #held: HeldRequest;
  readonly owed = new OwedAsks();

  constructor(parts: AskingParts) {
    this.#parts = parts;
    this.#who = new Answerers(parts);
    this.#held = new HeldRequest(parts);
  }

  /** Answers are the relay's to ask for, not only the client's. */
  get may(): boolean {
    const { config } = this.#parts;
    return config.turnDetection?.create_response === true && !config.transcriptionOnly;
  }

  /** A `response.create` waits for the end of the caller's turn. */
  get holding(): boolean {
    return this.#held.waits;
  }

  /** An answer of the conversation runs, or waits to be asked for by the client's wish. */
  get underway(): boolean {
    return this.holding || this.#guarded || this.#parts.responses.underway;
  }

  /** An answer waits until the caller's words have been judged. */
  get #guarded(): boolean {
    return this.#parts.guard?.input?.answers === true;
  }

  /** A turn is over: everyone is asked, at once or at the end of an answer that may not be interrupted. */
  turn(): void {
    const held = this.#held.take();
    if (held) this.#askHeld(held);
    else if (this.may) this.answer();
    // What brings its own input is no answer to the turn.
    if (held?.input) this.#oweTurn();
    else if (held) this.#held.covers(this.#parts.responses.answering);
  }

  /** The client itself ended the turn: it is answered if an answer was asked for. */
  committed(): void {
    if (this.#held.waits) this.turn();
  }

  /** The client is cancelling these: one that it had asked for in the caller's turn was the turn's answer too. */
  cancelled(responses: readonly ResponseRecord[]): void {
    const { budget, context, port } = this.#parts;
    if (!responses.some((one) => this.#held.gaveUp(one))) return;
    const refusal = budget.refusedAnswer();
    if (refusal) port.rejected(refusal, null);
    else context.uncaused(() => this.#oweTurn());
  }

  #oweTurn(): void {
    if (this.may) for (const group of this.#who.groups(this.#who.answerers)) this.#owe(group, {});
  }

  /** Refused, the client is told so of its event. */
  #askHeld(held: ResponseParams): void {
    this.#held.causing(() => this.#askAll(this.#who.answering, held));
  }

  /** Asks for the answer to the last turn: those who take the turns themselves answer theirs unasked. */
  answer(): void {
    const asked = this.#who.answerers.filter(({ capabilities }) => capabilities.turns === "client");
    this.#askAll(asked.length > 0 ? asked : this.#who.answerers, {});
  }

  #owe([first]: readonly Link[], params: ResponseParams): void {
    if (!first) return;
    const { cause } = this.#parts.context;
    // What is not the turn's is nobody's wish but the client's.
    const wished = !this.may || !isPlain(params);
    this.owed.add({ stream: this.#who.debtorOf(first), params, wished, ...(cause !== null && { cause }) });
  }

  #askAll(links: readonly Link[], params: ResponseParams): void {
    const groups = this.#who.groups(links);
    const brings = this.#parts.guard?.input?.brings === true;
    const busy = groups.filter((group) => brings || this.#who.busy(group));
    for (const group of busy) this.#owe(group, params);
    for (const group of groups) if (!busy.includes(group)) this.ask(group, params);
  }

  /** Asks these for one answer now; of too many at once, at the end of one that runs. */
  ask(wanted: readonly Link[], params: ResponseParams): void {
    const { context, responses, rounds } = this.#parts;
    const beside = isBeside(params);
    // Who takes part may have changed since it was wanted.
    const group = this.#who.oneVoice && !beside ? this.#who.answering : wanted;
    // What is answered beside the conversation says nothing to the caller's silence.
    if (!beside) context.deadlines.clear("idle");
    for (const link of group) this.owed.covered(this.#who.debtorOf(link), params);
    if (!beside) this.#supersede(group);
    for (const link of group) link.ensure();
    if (this.#parts.guard?.input?.holds(group, params)) return;
    // Before, their words might be refused, and nobody would say what tools gave.
    if (!beside) for (const { index } of this.#who.concerned(group)) this.#parts.tools?.superseded(index);
    const order = this.#who.orderOf(group);
    if (responses.room) this.#parts.shadows?.ask(params);
    if (!responses.room) this.#owe(group, params);
    else if (order) rounds.ask(order, params, true);
    else {
      const link = anyOf(group);
      if (link) responses.request(link, params);
    }
  }

  /** What these, or who left them, had still to be asked for is answered with this. */
  #supersede(group: readonly Link[]): void {
    const { recovery, responses } = this.#parts;
    for (const link of this.#who.concerned(group)) {
      // Who is dialled now would be asked for the rest of what broke off as well.
      if (responses.room) recovery.superseded(link);
    }
  }

  /** The caller's turn may be over: its answers are asked for in advance. @returns their names, and whose they are. */
  inAdvance(
    links: readonly Pick<Link, "index">[],
  ): readonly { readonly id: string; readonly stream: number }[] {
    const { responses, rounds, shadows } = this.#parts;
    shadows?.ask({});
    return this.#who.groups(this.#who.present.filter((link) => links.includes(link))).flatMap((group) => {
      const order = this.#who.orderOf(group);
      const link = anyOf(group);
      const id = order ? rounds.ask(order, {}, false) : link && responses.requestUnannounced(link, {}).id;
      return id === undefined ? [] : [{ id, stream: group[0]?.index ?? 0 }];
    });
  }

  /** Of several that answer a turn each for itself this one's answer in advance came to nothing. */
  anew(stream: number): void {
    this.ask(this.#who.groupOf(stream), {});
  }

  /** The caller goes on: what was asked in advance was no question. */
  takenBack(): void {
    this.#parts.shadows?.stop();
  }

  /** Something ended or changed: asks for what is owed and may be asked for now. */
  settle(): void {
    const { context, port, responses } = this.#parts;
    if (this.#held.waits && !this.#waits) this.release();
    if (!this.may) this.owed.onlyWished();
    for (const one of port.live ? this.owed.all : []) {
      const group = this.#owing(one);
      if (group.length === 0 || !responses.room) continue;
      this.owed.remove(one);
      context.causedBy(one.cause ?? null, () => this.ask(group, one.params));
    }
  }

  /** Who can be asked now for what is owed. */
  #owing({ params, stream }: OwedAsk): readonly Link[] {
    if (isBeside(params)) return this.#who.aside.slice(0, 1);
    // Over the caller nothing is answered, and one that is judged is asked for before what is owed.
    if (this.#parts.turns.openItem !== null || this.#guarded) return [];
    const group = this.#who.groupOf(stream);
    return this.#who.busy(group) ? [] : group;
  }

  /** The turn goes on for too long, or came to nothing: the client's `response.create` is asked for. */
  release(): void {
    const held = this.#held.take();
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
    const waiting = this.owed.kept + (this.#parts.guard?.input?.count ?? 0);
    const running = responses.active.filter(({ own }) => own === undefined).length;
    if (running + waiting >= context.limits.activeResponses) {
      throw new ClientError(
        "too_many_responses",
        `At most ${context.limits.activeResponses} responses at once.`,
      );
    }
    if (conversation !== "none" || this.#who.aside.length > 0) return;
    throw new ClientError(
      "unsupported",
      "No upstream of this session answers out of band.",
      "response.conversation",
    );
  }

  /** The client's `response.create`, which somebody can answer. */
  respond(params: ResponseParams): void {
    const { turns, context } = this.#parts;
    if (params.conversation !== "none") {
      // What was asked for in advance does not know what the client has said since.
      turns.takeBack();
      if (this.#waits) {
        this.#held.hold(params, context.cause);
        context.persist();
      } else this.#askAll(this.#who.answering, params);
      return;
    }
    this.ask(this.#who.aside.slice(0, 1), params);
  }

  /**
   * The calls that this upstream made have their results: it is asked to go on, over the caller's turn at its end.
   * @returns false: not yet.
   */
  goOn(stream: number): boolean {
    const { budget, context, port, responses, turns } = this.#parts;
    const group = this.#who.groupOf(stream);
    if (group.length === 0) return true;
    // The words of the turn may be refused, and with them its answer.
    if (this.#parts.guard?.input && (this.holding || this.#waits)) return false;
    if (this.holding) return true;
    if (this.#guarded || this.#who.busy(group) || !responses.room) return false;
    const refusal = budget.refusedAnswer();
    if (refusal) {
      port.rejected(refusal, null);
      return true;
    }
    // What was asked for in advance does not know of the results.
    turns.takeBack();
    if (this.#waits) this.#held.hold({}, null);
    else this.ask(group, {});
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
    return this.#held.take() !== null;
  }

  snapshot(): AskingSnapshot {
    return { ...this.#held.snapshot(), ...this.owed.snapshot(), ...this.#parts.rounds.snapshot() };
  }

  restore(snapshot: AskingSnapshot): void {
    this.#held.restore(snapshot);
    this.owed.restore(snapshot);
    this.#parts.rounds.restore(snapshot.rounds);
  }
}

export interface AskingSnapshot extends OwedSnapshot, HeldSnapshot {
  readonly rounds?: readonly RoundSnapshot[];
}
