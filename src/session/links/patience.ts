/**
 * How long a link goes on trying. Failures in a row end its redials; being configured is no success yet, only something
 * that was of use is. And whatever is of use: a minute holds so many dials, asks and successors and no more, so that no
 * provider, however it fails, makes the relay run hot or the bill grow by itself.
 */
import { isInaudible } from "../../audio/level.ts";
import type { UpstreamEvent } from "../../upstreams/upstream.ts";
import type { Connection } from "./connection.ts";
import type { Context } from "../context.ts";

/** Dials of the connection that serves; answers asked for by the relay after a failure; successors dialled. */
export type Effort = "dials" | "asks" | "successors";
const EFFORTS: readonly Effort[] = ["dials", "asks", "successors"];

const MINUTE_MS = 60_000;
/** Times the usual wait after a dial that was one of too many. */
const OVERLOAD_WAITS = 4;
/** A connection that took a turn and lived for so long was of use, though it answered nothing that was heard. */
const LIVED_MS = 10_000;

export class Patience {
  readonly #context: Context;
  /** Times of the last minute's efforts, oldest first; each list is as long as its limit at most. */
  readonly #spent: Record<Effort, number[]> = { dials: [], asks: [], successors: [] };
  /** Connections in a row that were of no use. */
  #failures = 0;
  /** Connections in a row that refused their greeting. */
  #refusals = 0;

  constructor(context: Context) {
    this.#context = context;
  }

  get failures(): number {
    return this.#failures;
  }

  /** When the next one may be made: now, or when the oldest of the last minute's is past. */
  freeAt(effort: Effort): number {
    const { now } = this.#context;
    const spent = this.#spent[effort];
    const nth = spent.at(-this.#most(effort));
    return nth === undefined ? now : Math.max(now, nth + MINUTE_MS);
  }

  #most(effort: Effort): number {
    const { dialsPerMinute, asksPerMinute, successorsPerMinute } = this.#context.limits;
    return { dials: dialsPerMinute, asks: asksPerMinute, successors: successorsPerMinute }[effort];
  }

  /** @returns whether one may be made now, which is counted. */
  spend(effort: Effort): boolean {
    if (this.freeAt(effort) > this.#context.now) return false;
    const spent = this.#spent[effort];
    spent.push(this.#context.now);
    if (spent.length > this.#most(effort)) spent.shift();
    return true;
  }

  /** The connection that served is lost. */
  lost(connection: Connection): void {
    if (wasOfUse(connection, this.#context.now)) this.#failures = 0;
    this.#failures += 1;
    this.#refusals = connection.refused ? this.#refusals + 1 : 0;
  }

  /** Nothing is tried again by itself: it failed too often, or all that there are refused to be greeted so. */
  exhausted(candidates: number): boolean {
    return this.#failures > this.#context.limits.redials * candidates || this.#refusals >= candidates;
  }

  /** Somewhere else to turn: at once, until all were tried; then with patience, and more of it with one that is overrun. */
  waitMs(candidates: number, overloaded: boolean): number {
    const { redialFirstMs, redialMostMs } = this.#context.limits;
    const rounds = Math.floor(this.#failures / candidates);
    const firstMs = overloaded ? OVERLOAD_WAITS * redialFirstMs : redialFirstMs;
    return rounds === 0 ? 0 : Math.min(redialMostMs, firstMs * 2 ** (rounds - 1));
  }

  snapshot(): PatienceSnapshot {
    return {
      failures: this.#failures,
      refusals: this.#refusals,
      dials: [...this.#spent.dials],
      asks: [...this.#spent.asks],
      successors: [...this.#spent.successors],
    };
  }

  restore(snapshot: PatienceSnapshot): void {
    this.#failures = snapshot.failures;
    this.#refusals = snapshot.refusals;
    for (const effort of EFFORTS) this.#spent[effort] = [...snapshot[effort]];
  }
}

/** Something of it was heard, or it worked for a while. */
export function wasOfUse(connection: Connection, now: number): boolean {
  const livedMs = connection.openedAt === null ? 0 : now - connection.openedAt;
  return connection.useful || (connection.acknowledged && livedMs >= LIVED_MS) || livedMs >= MINUTE_MS;
}

/** What a provider says when it made something of what the caller said. */
const ACKNOWLEDGES: ReadonlySet<UpstreamEvent["type"]> = new Set([
  "speech",
  "committed",
  "input.transcript.delta",
  "input.transcript.completed",
]);

/** Whether a connection is of use shows in what it says, and that it will be of none any more. */
export function noteUse(connection: Connection, event: UpstreamEvent): void {
  if (event.type === "leaves") connection.departs = true;
  if (connection.useful) return;
  if (event.type === "audio") connection.useful = !isInaudible(connection.capabilities.output, event.bytes);
  else if (event.type === "item.done") connection.useful = event.arguments !== undefined;
  else if (event.type === "text" || event.type === "arguments") connection.useful = true;
  else if (ACKNOWLEDGES.has(event.type)) connection.acknowledged = true;
}

export interface PatienceSnapshot {
  readonly failures: number;
  readonly refusals: number;
  readonly dials: readonly number[];
  readonly asks: readonly number[];
  readonly successors: readonly number[];
}
