/** When a shell's one timer is to ring, and when its object may sleep. */
import type { Called } from "./called.ts";
import type { Callers } from "./callers.ts";
import type { Polling } from "./polling.ts";
import type { SessionCore } from "./session-core.ts";
import type { ShellHost } from "./shell-host.ts";
import type { Sleep } from "./sleep.ts";
import { earlier } from "./timer.ts";

interface Scheduled {
  readonly session: SessionCore;
  readonly host: ShellHost;
  readonly called: Called;
  readonly callers: Callers;
  readonly polling: Polling;
  readonly sleep: Sleep;
}

export class Schedule {
  readonly #of: Scheduled;
  #timedOutAt = Number.NEGATIVE_INFINITY;

  constructor(of: Scheduled) {
    this.#of = of;
  }

  /** The session's deadline has come: it is told. */
  timedOut(now: number): void {
    this.#timedOutAt = now;
  }

  /** The earliest of all that is waited for; null: nothing. */
  next(): number | null {
    const { session, host, callers, polling } = this.#of;
    const { deadline } = session;
    // A deadline that its timeout did not move must not become a loop without end; a clock that was set back none that waits.
    const now = host.clock.now();
    const callAt = deadline === null ? null : Math.max(deadline, Math.min(this.#timedOutAt, now) + 1);
    polling.within(now);
    return earlier(earlier(callAt, earlier(polling.at, callers.deadline)), this.sleepAt);
  }

  /** Outgoing sockets and timers pin an object in memory; without either it hibernates and costs nothing. */
  get sleepAt(): number | null {
    const { session, host, called, polling, sleep } = this.#of;
    const { mark, stays = mark !== undefined } = host;
    if (stays || called.some || polling.at !== null || !session.quiet) return null;
    return sleep.at(this.deadline);
  }

  /** The session's, or that of a connection which says nothing. */
  get deadline(): number | null {
    return earlier(this.#of.session.deadline, this.#of.callers.deadline);
  }
}
