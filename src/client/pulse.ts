/** The clock of one connection: says something when nothing was said, and knows when nothing comes any more. */

/** How often acknowledgements go out and the other times are looked at. */
const TICK_MS = 500;
/** Nothing sent for so long: say that we are there (docs/wire.md). */
const BEAT_MS = 2000;
/** Nothing received for so long: the connection is dead, whatever the socket says (docs/wire.md). */
const DEAD_MS = 5000;
/** Asked whether anybody is there: an answer takes less. */
const PROBE_MS = 1500;
/** The relay is never silent for longer: it says something every 2 s, and the network takes its time. */
const SILENT_MS = 2500;

export interface PulseHooks {
  /** Every 500 ms. */
  tick(): void;
  /** The other side keeps this heartbeat too. Of one that does not, silence says nothing. */
  mutual(): boolean;
  /** Nothing was sent for 2 s, or an answer is asked for. */
  beat(): void;
  /** Nothing was received for 5 s, or a probe was not answered. */
  dead(probed: boolean): void;
  /** The page's timers are slow, but messages reach it: silence is silence. */
  slowed(): boolean;
}

export class Pulse {
  readonly #hooks: PulseHooks;
  readonly #timer: ReturnType<typeof setInterval>;
  #sentAt = performance.now();
  #receivedAt = performance.now();
  #tickedAt = performance.now();
  #beatAt = performance.now();
  #probe: { readonly timer: ReturnType<typeof setTimeout>; readonly until: number } | null = null;

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
    this.#endProbe();
    this.clock();
  }

  /** Any other clock that runs while the page's timers do not. */
  clock(): void {
    if (performance.now() - this.#tickedAt >= TICK_MS) this.#tick();
  }

  /** There is reason to doubt the connection: it has 1.5 s to show that it is alive. */
  probe(): void {
    if (!this.#hooks.mutual()) return;
    this.#endProbe();
    const now = performance.now();
    const waitMs = Math.max(PROBE_MS, this.#receivedAt + SILENT_MS - now);
    this.#probe = { timer: setTimeout(() => this.#tick(), waitMs), until: now + waitMs };
    this.#beat(now);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#endProbe();
  }

  #endProbe(): void {
    clearTimeout(this.#probe?.timer);
    this.#probe = null;
  }

  #tick(): void {
    const now = performance.now();
    const sinceTickMs = now - this.#tickedAt;
    this.#tickedAt = now;
    const mutual = this.#hooks.mutual();
    if (mutual && this.#silent(now, sinceTickMs)) {
      this.#hooks.dead(this.#probe !== null);
      return;
    }
    this.#hooks.tick();
    if (mutual && now - this.#sentAt >= BEAT_MS) this.#beat(now);
  }

  /** Whether the silence is the connection's, and not that of a page that stood still and has heard nothing yet. */
  #silent(now: number, sinceTickMs: number): boolean {
    if (this.#probe !== null) return now >= this.#probe.until;
    if (now - this.#receivedAt < DEAD_MS) return false;
    if (sinceTickMs < DEAD_MS || this.#hooks.slowed()) return true;
    // Asked before the page stood still, and it has had the time to answer.
    if (this.#beatAt > this.#receivedAt && now - this.#beatAt >= DEAD_MS) return true;
    this.probe();
    return false;
  }

  #beat(now: number): void {
    this.#beatAt = now;
    this.#hooks.beat();
  }
}
