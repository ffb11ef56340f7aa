/**
 * Looks for a way back: dials with growing pauses, and dials once more beside one that takes long, so that a slow line
 * keeps its time and a dead one does not take all of it. The first to open is handed over and the others are given up.
 */
import { Backoff, GIVE_UP_MS } from "./backoff.ts";

/** A try that takes longer gets another beside it, but goes on. */
const PATIENCE_MS = 5000;
/** Dials under way at once; the oldest is given up for a fourth. */
const MAX_DIALS = 3;
/** Tries that began within the window may end after it: the relay counts from when it noticed, up to 5 s later. */
const LAST_MS = GIVE_UP_MS + 5000;
/** A dial as young as this is not doubled because the page was shown or is online again. */
const YOUNG_MS = 1000;

export interface DiallerHooks {
  dial(signal: AbortSignal): Promise<WebSocket>;
  /** The `attempt`th try begins in `delayMs`. */
  pause(attempt: number, delayMs: number): void;
  opened(socket: WebSocket): void;
  /** A socket that was handed over is still expected to be answered. */
  waiting(): boolean;
  /** It makes no sense to try any longer. */
  exhausted(): void;
}

interface Dial {
  readonly controller: AbortController;
  readonly patience: ReturnType<typeof setTimeout>;
}

export class Dialler {
  readonly #hooks: DiallerHooks;
  readonly #backoff = new Backoff();
  readonly #dials = new Set<Dial>();
  #retry: { readonly timer: ReturnType<typeof setTimeout>; readonly at: number } | null = null;
  #last: ReturnType<typeof setTimeout> | undefined;
  #dialledAt = 0;

  constructor(hooks: DiallerHooks) {
    this.#hooks = hooks;
  }

  /** There is a connection, and it was answered. */
  answered(): void {
    this.stop();
    this.#backoff.opened();
  }

  /** The connection was lost. `atOnce`: there is reason to believe that the line is good. */
  lost(atOnce: boolean): void {
    this.#backoff.lost();
    this.#last = setTimeout(() => this.#hooks.exhausted(), LAST_MS);
    if (atOnce) this.#atOnce();
    else this.again();
  }

  /** Another try after the next pause, unless one is on its way. */
  again(): void {
    if (this.#retry !== null) return;
    const delayMs = this.#backoff.next();
    if (delayMs !== null) this.#schedule(delayMs);
    else if (this.#dials.size === 0 && !this.#hooks.waiting()) this.#hooks.exhausted();
  }

  /** What was handed over is not answered: another try beside it, unless there is one. */
  beside(): void {
    if (this.#dials.size === 0) this.again();
  }

  /** Does not wait for the end of the pause: the line may be good again. */
  now(): void {
    if (performance.now() - this.#dialledAt < YOUNG_MS && (this.#dials.size > 0 || this.#hooks.waiting()))
      return;
    if (this.#backoff.exhausted) return;
    this.#atOnce();
  }

  /** The try that waits for its pause, else one more. */
  #atOnce(): void {
    if (this.#retry === null) this.#backoff.next();
    this.#cancelRetry();
    this.#schedule(0);
  }

  /** As the timer does; called by clocks that a hidden page keeps. */
  clock(): void {
    if (this.#retry !== null && performance.now() >= this.#retry.at) this.#fire();
  }

  stop(): void {
    clearTimeout(this.#last);
    this.#cancelRetry();
    for (const dial of this.#dials) this.#giveUp(dial);
  }

  #schedule(delayMs: number): void {
    this.#retry = { timer: setTimeout(() => this.#fire(), delayMs), at: performance.now() + delayMs };
    this.#hooks.pause(this.#backoff.attempt, delayMs);
  }

  #cancelRetry(): void {
    clearTimeout(this.#retry?.timer);
    this.#retry = null;
  }

  #fire(): void {
    this.#cancelRetry();
    void this.#dial();
  }

  async #dial(): Promise<void> {
    const [oldest] = this.#dials;
    if (this.#dials.size >= MAX_DIALS && oldest !== undefined) this.#giveUp(oldest);
    this.#dialledAt = performance.now();
    const controller = new AbortController();
    const dial = { controller, patience: setTimeout(() => this.again(), PATIENCE_MS) };
    this.#dials.add(dial);
    const socket = await this.#hooks.dial(controller.signal).catch(() => null);
    // One that was given up is answered for: it is closed where it opens late.
    if (!this.#dials.has(dial)) {
      socket?.close(1000);
      return;
    }
    clearTimeout(dial.patience);
    this.#dials.delete(dial);
    if (socket === null) {
      if (this.#dials.size === 0) this.again();
      return;
    }
    this.#cancelRetry();
    for (const other of this.#dials) this.#giveUp(other);
    this.#hooks.opened(socket);
  }

  #giveUp(dial: Dial): void {
    clearTimeout(dial.patience);
    this.#dials.delete(dial);
    dial.controller.abort();
  }
}
