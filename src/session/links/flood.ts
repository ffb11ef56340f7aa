/** What an upstream may send: so many messages, and of these so many that are none of its protocol. */
import { Rate } from "../state/rate.ts";
import type { Context } from "../context.ts";

/** So much nonsense in one message, in bytes or characters, costs as much as another message of it. */
const NONSENSE_SIZE = 16_384;
/** An error costs as many messages: each is read, counted and may be told. */
const ERROR_MESSAGES = 20;

export class Flood {
  readonly #context: Context;
  readonly #messages: Rate;
  readonly #nonsense: Rate;
  /** Of the present message, bytes or characters. */
  #size = 0;

  constructor(context: Context) {
    const { limits } = context;
    this.#context = context;
    this.#messages = new Rate(limits.upstreamMessagesBurst, limits.upstreamMessagesPerSecond);
    this.#nonsense = new Rate(limits.upstreamNonsenseBurst, limits.upstreamNonsensePerSecond);
  }

  /** A message of this size comes. @returns false: it is one too many. */
  takes(size: number): boolean {
    this.#size = size;
    return this.#messages.take(1, this.#context.now);
  }

  /** It was an error, or nonsense. @returns null; what is wrong: there was too much of that. */
  tooMany(nonsense: boolean): string | null {
    const { now } = this.#context;
    if (nonsense) {
      const taken = this.#nonsense.take(1 + Math.floor(this.#size / NONSENSE_SIZE), now);
      return taken ? null : "The upstream goes on sending what is no message of its protocol.";
    }
    const taken = this.#messages.take(ERROR_MESSAGES - 1, now);
    return taken ? null : "The upstream reports more errors than any answer has.";
  }

  snapshot(): FloodSnapshot {
    const { now } = this.#context;
    return [this.#messages.paidAt(now), this.#nonsense.paidAt(now)];
  }

  restore([messages, nonsense]: FloodSnapshot): void {
    this.#messages.restore(messages);
    this.#nonsense.restore(nonsense);
  }
}

/** Of the candidates of one link: it belongs to an upstream, not to a connection, and that is dialled again earns it nothing. */
export class Floods {
  readonly #context: Context;
  readonly #floods = new Map<number, Flood>();

  constructor(context: Context) {
    this.#context = context;
  }

  of(candidate: number): Flood {
    let flood = this.#floods.get(candidate);
    if (flood === undefined) this.#floods.set(candidate, (flood = new Flood(this.#context)));
    return flood;
  }
}

/** When both will be earned back. */
export type FloodSnapshot = readonly [messages: number, nonsense: number];
