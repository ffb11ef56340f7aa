/** Audio of the caller that never reached an upstream: summed up, and told once a second at most. */
import type { Context } from "../context.ts";
import { TICKS_PER_MS } from "../state/ticks.ts";

const EVERY_MS = 1000;

export class Missed {
  readonly #context: Context;
  /** Of its deadline. */
  readonly #name: string;
  readonly #upstream: string;
  readonly #tell: (ms: number) => void;
  /** Milliseconds that were not told yet, and when some were. */
  #ms = 0;
  #at = Number.NEGATIVE_INFINITY;
  /** Up to this position of the caller's audio all that was missed is known: the next connection misses it too. */
  #toTicks = 0;

  constructor(context: Context, link: number, upstream: string, tell: (ms: number) => void) {
    this.#context = context;
    this.#name = `link:${link}:missed`;
    this.#upstream = upstream;
    this.#tell = tell;
  }

  /** All between two positions, but for what was missed before. */
  between(fromTicks: number, toTicks: number): void {
    const from = Math.max(fromTicks, this.#toTicks);
    this.#toTicks = Math.max(this.#toTicks, toTicks);
    if (toTicks > from) this.add((toTicks - from) / TICKS_PER_MS);
  }

  add(ms: number): void {
    this.#context.metric("input_dropped_ms", ms, this.#upstream);
    this.#ms += ms;
    const at = this.#at + EVERY_MS;
    if (at <= this.#context.now) this.tell();
    else if (this.#context.deadlines.get(this.#name) === null) this.#context.deadlines.set(this.#name, at);
  }

  tell(): void {
    const ms = this.#ms;
    this.#ms = 0;
    this.#at = this.#context.now;
    this.#context.deadlines.clear(this.#name);
    if (ms > 0) this.#tell(ms);
  }

  snapshot(): MissedSnapshot {
    return { missedMs: this.#ms, missedAt: this.#at, ...(this.#toTicks > 0 && { missedTo: this.#toTicks }) };
  }

  restore({ missedMs, missedAt, missedTo = 0 }: MissedSnapshot): void {
    this.#ms = missedMs;
    this.#at = missedAt;
    this.#toTicks = missedTo;
  }
}

export interface MissedSnapshot {
  readonly missedMs: number;
  readonly missedAt: number;
  /** Ticks. A release that did not know it told the same again. */
  readonly missedTo?: number;
}
