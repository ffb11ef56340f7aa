/**
 * A connection from which something must be heard now: a black hole takes everything and says nothing. One that was asked
 * has to say something; one that hears the caller and decides by itself has to make something of what it heard, and can
 * only when it hears the silence after it as well.
 */
import type { Context } from "../context.ts";

/** Silence that a provider may need to find the end of speech, beyond what the relay needs. */
const HEARS_MS = 600;

export class SilenceWatch {
  readonly #context: Context;
  /** Of its deadline. */
  readonly #name: string;
  #watching = false;
  #since = 0;
  /** It has to hear on for so long from then; null: it was asked. */
  #hearsFrom: number | null = null;
  /** When what was asked of it is due; null: nothing was. */
  #askedUntil: number | null = null;

  constructor(context: Context, name: string) {
    this.#context = context;
    this.#name = name;
  }

  /** Nothing at all was heard of it since. */
  get watching(): boolean {
    return this.#watching;
  }

  /** It was asked. Whether what was asked of it comes is watched by the answer's own deadline. */
  asked(withinMs: number): void {
    this.#hearsFrom = null;
    this.#askedUntil ??= this.#context.now + withinMs;
    this.#begin(withinMs);
  }

  /** The caller has spoken, and it decides by itself what that means. */
  hears(withinMs: number): void {
    if (this.#watching) return;
    this.#hearsFrom = this.#context.now;
    this.#begin(withinMs);
  }

  #begin(withinMs: number): void {
    if (this.#watching) return;
    this.#watching = true;
    this.#since = this.#context.now;
    this.#arm(withinMs);
  }

  #arm(inMs: number): void {
    this.#context.deadlines.set(this.#name, this.#context.now + inMs);
  }

  /** Something was heard. */
  over(): void {
    if (!this.#watching) return;
    this.ended();
    this.#context.deadlines.clear(this.#name);
  }

  /** It need not make anything of what it hears: what it was asked is expected all the same. */
  excused(): void {
    if (this.#askedUntil === null) this.over();
    else this.#context.deadlines.set(this.#name, this.#askedUntil);
  }

  /** The connection has ended, and its deadlines with it. */
  ended(): void {
    this.#watching = false;
    this.#askedUntil = null;
  }

  /**
   * Its deadline came. @returns whether it is silent; else it is waited for as long again, for what it could not hear.
   * @param tookAt when its slow line last carried something of what waited in its socket, or null
   */
  due(withinMs: number, tookAt: number | null): boolean {
    const { heardAt, paddedAt, now, limits } = this.#context;
    const readUntil = tookAt === null ? now : Math.min(tookAt + withinMs, this.#since + limits.firstOutputMs);
    if (readUntil > now) {
      this.#arm(readUntil - now);
      return false;
    }
    const from = this.#hearsFrom;
    const padded = from !== null && paddedAt >= from && paddedAt + HEARS_MS <= now;
    if (from === null || padded || heardAt >= from + HEARS_MS) return true;
    this.#arm(withinMs);
    return false;
  }

  restore(watching: boolean): void {
    this.#watching = watching;
  }
}
