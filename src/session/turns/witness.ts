/**
 * A provider that takes the turns may die without a word, and nothing was asked of it that it could owe. What the relay
 * itself hears of the caller, and what the provider made of it, says what is to be expected.
 */
import type { Endpointer } from "../../audio/endpointer.ts";
import type { Context } from "../context.ts";
import type { Link } from "../links/link.ts";

export interface WitnessHost {
  /** A turn has an answer without the client's asking. */
  mayAsk(): boolean;
  ask(link: Link): void;
}

/** A provider that heard so much voice has something to say of it. */
const SURE_MS = 1200;
/** It may take less for a noise, and say nothing: only a long silence after it tells. */
const LEAST_MS = 300;

export class Witness {
  readonly #context: Context;
  readonly #links: readonly Link[];
  readonly #endpointer: Endpointer;
  readonly #host: WitnessHost;

  constructor(context: Context, links: readonly Link[], endpointer: Endpointer, host: WitnessHost) {
    this.#context = context;
    this.#links = links;
    this.#endpointer = endpointer;
    this.#host = host;
  }

  /** Speech of so long, pre-roll and hangover included, has ended. */
  heard(speechMs: number): void {
    const { prefixPaddingMs, hangoverMs } = this.#endpointer.options;
    const voicedMs = speechMs - prefixPaddingMs - hangoverMs;
    if (voicedMs < LEAST_MS) return;
    const patienceMs = voicedMs < SURE_MS ? this.#context.limits.firstOutputMs : 0;
    for (const link of this.#links) if (link.capabilities.turns === "server") link.watch(patienceMs);
  }

  /** It made a turn of what it heard: an answer is to follow. */
  committed(link: Link): void {
    if (!this.#host.mayAsk()) return;
    this.#context.deadlines.set(name(link), this.#context.now + this.#context.limits.firstOutputMs);
  }

  /** It has made a turn, and its answer has not begun. */
  owes(link: Link): boolean {
    return this.#context.deadlines.get(name(link)) !== null;
  }

  /** It answers, or hears the caller go on, or is gone: its successor is told the conversation. */
  answered(link: Link): void {
    this.#context.deadlines.clear(name(link));
  }

  /** The deadline of `committed` came: it is asked, as if it did not take the turns. */
  due(index: number): void {
    const link = this.#links[index];
    if (link?.phase !== "ready") return;
    this.#context.metric("turns_unanswered", 1, link.name);
    this.#host.ask(link);
  }
}

function name(link: Link): string {
  return `unanswered:${link.index}`;
}
