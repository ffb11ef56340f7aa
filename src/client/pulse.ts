/** The clock of one connection: says something when nothing was said, and knows when nothing comes any more. */

/** How often acknowledgements go out and the other two times are looked at. */
const TICK_MS = 500;
/** Nothing sent for so long: say that we are there (docs/wire.md). */
const BEAT_MS = 2000;
/** Nothing received for so long: the connection is dead, whatever the socket says (docs/wire.md). */
export const DEAD_MS = 5000;

export interface PulseHooks {
  /** Every 500 ms. */
  tick(): void;
  /** The other side keeps this heartbeat too. Of one that does not, silence says nothing. */
  mutual(): boolean;
  /** Nothing was sent for 2 s. */
  beat(): void;
  /** Nothing was received for 5 s. */
  dead(): void;
}

export class Pulse {
  readonly #hooks: PulseHooks;
  readonly #timer: ReturnType<typeof setInterval>;
  #sentAt = performance.now();
  #receivedAt = performance.now();
  #tickedAt = performance.now();

  constructor(hooks: PulseHooks) {
    this.#hooks = hooks;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  sent(): void {
    this.#sentAt = performance.now();
  }

  /** Browsers slow the timers of hidden pages down to one a minute, but not messages: they keep the time too. */
  received(): void {
    this.#receivedAt = performance.now();
    if (this.#receivedAt - this.#tickedAt >= TICK_MS) this.#tick();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = performance.now();
    // A page that stood still has heard nothing because it was not listening.
    if (now - this.#tickedAt >= DEAD_MS) this.#receivedAt = now;
    this.#tickedAt = now;
    const mutual = this.#hooks.mutual();
    if (mutual && now - this.#receivedAt >= DEAD_MS) {
      this.#hooks.dead();
      return;
    }
    this.#hooks.tick();
    if (mutual && now - this.#sentAt >= BEAT_MS) this.#hooks.beat();
  }
}
