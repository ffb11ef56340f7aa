/**
 * One question to several upstreams, of which one gives the answer. Their answers run unannounced, as one that was asked for in
 * advance does (`turns/eager.ts`): the client hears of none until one can be heard, or calls a tool. The others are then
 * cancelled and taken back, so that they leave no trace. Who fails meanwhile is out; the last one left is an answer like any
 * other, and is announced at once.
 */
import type { ResponseParams } from "../../protocol/client-events.ts";
import { jsonSize, type Json, type JsonObject } from "../../protocol/json.ts";
import type { Context } from "../context.ts";
import type { Order, Strategy } from "../state/strategy.ts";
import { isHeard, type Outcome, type Round, type RoundSnapshot } from "./round.ts";
import type { ResponseRecord } from "../state/response.ts";
import type { Responses } from "./responses.ts";
import type { ResponseUpstreamEvent } from "../state/upstream-said.ts";
import type { ClientPort, Link } from "./ports.ts";

/** Read when it is asked for: some of these parts are made later. */
interface RoundParts {
  readonly context: Context;
  readonly port: ClientPort;
  readonly links: readonly Link[];
  readonly responses: Responses;
  readonly cast: { readonly strategy: Pick<Strategy, "name" | "oneVoice"> };
}

/** Characters of what a provider says of its limits. */
const MOST_LIMITS = 4096;

export class Rounds {
  readonly #parts: RoundParts;
  /** Those that are undecided, or decided before they are certain. */
  #rounds: Round[] = [];
  /** Upstreams whose last answer came to nothing. */
  readonly #dropped = new Set<number>();

  constructor(parts: RoundParts) {
    this.#parts = parts;
  }

  /** A question of the conversation is certain, and nobody gives the answer yet. */
  get open(): boolean {
    return this.#rounds.some(({ certain }) => certain);
  }

  /** Characters of what the questions were asked with. */
  get size(): number {
    // What came from a JSON schema is JSON.
    return this.#rounds.reduce((sum, { params }) => sum + jsonSize(params as JsonObject), 0);
  }

  /** Asks the question. @returns the name of the first answer. */
  ask({ first, later }: Order<Link>, params: ResponseParams, certain: boolean): string | undefined {
    const { context } = this.#parts;
    const round: Round = {
      ids: [],
      running: [],
      later: later.map(({ who, afterMs }) => ({
        stream: who.index,
        at: afterMs === null ? null : context.now + afterMs,
      })),
      losers: [],
      params,
      ...(context.cause !== null && { cause: context.cause }),
      plan: this.#parts.cast.strategy.name,
      certain,
      askedAt: context.now,
    };
    this.#rounds.push(round);
    context.metric("rounds", 1);
    for (const link of first) this.#put(round, link);
    this.#wait(round);
    this.#settle(round);
    return round.ids[0];
  }

  #put(round: Round, link: Link): void {
    const { context, responses } = this.#parts;
    this.#dropped.delete(link.index);
    const response = context.causedBy(round.cause ?? null, () =>
      responses.requestUnannounced(link, round.params),
    );
    round.ids = [...round.ids, response.id];
    context.metric("rounds_asked", 1, link.name);
    // More waits for its connection than is kept: it was given up for this very question.
    if (responses.get(response.id) === undefined) this.#lost(round, link.name);
    else round.running = [...round.running, response.id];
  }

  /** Names the moment at which the next one is asked. */
  #wait({ ids, later }: Round): void {
    const { deadlines } = this.#parts.context;
    const [next] = later;
    const at = next?.at ?? null;
    if (at !== null) deadlines.set(`round:${ids[0] ?? ""}`, at);
    else deadlines.clear(`round:${ids[0] ?? ""}`);
  }

  /** The deadline of a round came. */
  due(id: string): void {
    const round = this.#rounds.find(({ ids }) => ids[0] === id);
    if (round) this.#askNext(round);
  }

  #askNext(round: Round): void {
    const [next, ...later] = round.later;
    const link = next && this.#parts.links[next.stream];
    round.later = later;
    this.#wait(round);
    if (!link) return;
    link.ensure();
    if (link.alive) this.#put(round, link);
    else this.#lost(round, link.name);
    this.#settle(round);
  }

  #of(response: ResponseRecord): Round | undefined {
    return this.#rounds.find(({ running }) => running.includes(response.id));
  }

  /** Somebody else may still give its answer. */
  others(response: ResponseRecord): boolean {
    const round = this.#of(response);
    return round !== undefined && round.running.length + round.later.length > 1;
  }

  /** It may still be asked for the answer to a question that was put before. */
  mayAsk(stream: number): boolean {
    return this.#rounds.some(({ later }) => later.some((one) => one.stream === stream));
  }

  /** An upstream says something of an answer. @returns false: it is out, and what it says is of no account. */
  heard(response: ResponseRecord, event: ResponseUpstreamEvent): boolean {
    const round = this.#of(response);
    if (!round || !this.others(response)) return true;
    if (event.type === "response.done") {
      // Who says it all at once at the end, or only what can be read, has answered nevertheless.
      const answered = event.status === "completed" || event.status === "incomplete";
      if (!answered || !this.#parts.responses.waiting(response)) {
        this.drop(response);
        return false;
      }
    } else if (!isHeard(response, event)) return true;
    this.#win(round, response);
    return true;
  }

  /** What a provider says of its limits is told of the one that gives the answer. @returns whether it is to be told now. */
  tellsLimits(link: Link, limits: Json): boolean {
    const { cast, responses } = this.#parts;
    if (cast.strategy.oneVoice === null) return true;
    const asked = this.#rounds.find(({ running }) =>
      running.some((id) => responses.get(id)?.stream === link.index),
    );
    if (asked === undefined)
      return (
        !this.#dropped.has(link.index) ||
        responses.active.some(({ announced, stream }) => announced && stream === link.index)
      );
    const others = (asked.limits ?? []).filter(([stream]) => stream !== link.index);
    asked.limits = jsonSize(limits) > MOST_LIMITS ? others : [...others, [link.index, limits]];
    return false;
  }

  #win(round: Round, winner: ResponseRecord): void {
    const { links, responses } = this.#parts;
    const slower = round.running.filter((id) => id !== winner.id);
    round.running = [winner.id];
    for (const { stream } of round.later)
      round.losers = [...round.losers, { upstream: links[stream]?.name ?? "", outcome: "not_asked" }];
    round.later = [];
    this.#wait(round);
    for (const id of slower) this.#lose(round, responses.get(id), "slower");
    this.#settle(round);
  }

  /** It is cancelled there, and forgets what it began to say. */
  #lose(round: Round, response: ResponseRecord | undefined, outcome: Outcome): void {
    if (!response) return;
    round.losers = [...round.losers, { upstream: response.upstream, outcome }];
    this.#parts.context.metric("rounds_lost", 1, response.upstream);
    this.drop(response);
  }

  /** It can not give the answer, or not in time. */
  drop(response: ResponseRecord, overdue = false): void {
    this.#dropped.add(response.stream);
    this.#parts.responses.discard(response, overdue);
  }

  /** Nobody hears of it any more: its connection is gone, or it was taken back. */
  gone(response: ResponseRecord): void {
    const round = this.#of(response);
    if (!round) return;
    round.running = round.running.filter((id) => id !== response.id);
    this.#lost(round, response.upstream);
    this.#settle(round);
  }

  #lost(round: Round, upstream: string): void {
    round.losers = [...round.losers, { upstream, outcome: "failed" }];
  }

  /** One is left: it is the answer. None is, and there is somebody to ask. */
  #settle(round: Round): void {
    const [id, another] = round.running;
    if (id === undefined && round.later.length > 0) this.#askNext(round);
    else if (id === undefined) this.#over(round);
    else if (another === undefined && round.later.length === 0 && round.certain) this.#announce(round, id);
  }

  #over(round: Round): void {
    this.#rounds = this.#rounds.filter((other) => other !== round);
    this.#parts.context.deadlines.clear(`round:${round.ids[0] ?? ""}`);
  }

  #announce(round: Round, id: string, heard = true): void {
    const { cast, context, port, responses } = this.#parts;
    const response = responses.get(id);
    this.#over(round);
    if (!response) return;
    const limits = heard ? round.limits?.find(([stream]) => stream === response.stream)?.[1] : undefined;
    if (limits !== undefined) port.emit({ type: "rate_limits.updated", rate_limits: limits });
    responses.announce(response, heard);
    if (heard) context.metric("rounds_won", 1, response.upstream);
    port.tell({
      type: "relay.race",
      plan: round.plan ?? cast.strategy.name,
      response_id: id,
      upstream: heard ? response.upstream : null,
      after_ms: Math.round(context.now - round.askedAt),
      others: round.losers.map((loser) => ({ ...loser })),
    });
  }

  /** The turn that was answered in advance is over. @returns false: there is no such answer any more. */
  confirm(id: string): boolean {
    const round = this.#rounds.find(({ ids }) => ids.includes(id));
    if (round) {
      round.certain = true;
      this.#settle(round);
      return true;
    }
    const response = this.#parts.responses.get(id);
    return response !== undefined && this.#parts.responses.announce(response);
  }

  /** The question was asked in advance and in vain: nothing of it ever happened. */
  discard(id: string): void {
    const round = this.#rounds.find(({ ids }) => ids.includes(id));
    if (round) this.#over(round);
    for (const one of round?.running ?? [id]) {
      const response = this.#parts.responses.get(one);
      if (response) this.drop(response);
    }
  }

  /** The caller or the client stops what nobody has given yet: one of them is the answer, of which nothing is heard. */
  concede(): void {
    const { responses } = this.#parts;
    for (const round of this.#rounds.filter(({ certain }) => certain)) {
      const [id, ...others] = round.running;
      round.running = id === undefined ? [] : [id];
      round.later = [];
      for (const other of others) this.#lose(round, responses.get(other), "cut");
      if (id === undefined) this.#over(round);
      else this.#announce(round, id, false);
    }
  }

  /** All connections died with the session's object: whoever was asked for a question that is certain owes the answer. */
  halt(): void {
    for (const round of this.#rounds) {
      round.later = [];
      this.#wait(round);
      if (round.certain) this.#settle(round);
      else this.#over(round);
    }
  }

  /** Only where there are any. */
  snapshot(): { readonly rounds?: readonly RoundSnapshot[] } {
    return this.#rounds.length === 0 ? {} : { rounds: this.#rounds.map((round) => ({ ...round })) };
  }

  restore(rounds: readonly RoundSnapshot[] = []): void {
    this.#rounds = rounds.map((round) => ({ ...round }));
  }
}
