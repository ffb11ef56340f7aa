/** When a link that was lost is dialled again by itself. */
import type { Context } from "../context.ts";
import type { Patience } from "./patience.ts";

export class Redial {
  readonly #context: Context;
  readonly #link: number;
  readonly #patience: Patience;

  constructor(context: Context, link: number, patience: Patience) {
    this.#context = context;
    this.#link = link;
    this.#patience = patience;
  }

  get #name(): string {
    return `link:${this.#link}:redial`;
  }

  /** Null: not by itself. */
  get dueAt(): number | null {
    return this.#context.deadlines.get(this.#name);
  }

  at(time: number): void {
    this.#context.deadlines.set(this.#name, time);
  }

  /** By chance, and not before the minute's dials allow. `dials`: how many there were, which makes another chance. */
  between(leastMs: number, mostMs: number, dials: number): void {
    const ms = this.#context.chanceBetween(leastMs, mostMs, `${this.#link}:${dials}`);
    this.at(Math.max(this.#context.now + ms, this.#patience.freeAt("dials")));
  }

  clear(): void {
    this.#context.deadlines.clear(this.#name);
  }
}
