/**
 * How fast sockets are read. A runtime reads a socket as long as there is something to read, and has all others of its thread
 * wait for that: 30,000 small messages kept another object from answering for 1.4 s. After a burst the object takes a
 * breath, in which others are served and the network holds the sender back. Who speaks in time is never near it.
 */
import { Rate } from "../src/session/state/rate.ts";
import type { Dial } from "./dial.ts";

/** Messages that are read at once, and in a second beyond them: five minutes of audio in pieces of 20 ms take two. */
const AT_ONCE = 200;
const PER_SECOND = 8000;
/** So many are earned back in a pause: a shorter one is not worth it. */
const PAUSE = 100;

export class Breath {
  readonly #rate = new Rate(AT_ONCE, PER_SECOND);
  /** The end of the last pause, also by a clock that stands still or was set back. */
  #rested = 0;
  readonly #ctx: Pick<DurableObjectState, "blockConcurrencyWhile">;

  constructor(ctx: Pick<DurableObjectState, "blockConcurrencyWhile">) {
    this.#ctx = ctx;
  }

  /** One more message was read. */
  taken(clock: number): void {
    const now = Math.max(clock, this.#rested);
    this.#rate.charge(1, now);
    if (this.#rate.has(0, now)) return;
    const waitMs = Math.ceil(this.#rate.waitMs(PAUSE, now));
    this.#rested = now + waitMs;
    // Nothing is delivered to the object meanwhile. Where it ends meanwhile there is nothing to read for.
    this.#ctx.blockConcurrencyWhile(() => scheduler.wait(waitMs)).catch(() => {});
  }

  /** What is dialled is read likewise. */
  reading(dial: Dial): Dial {
    return (request, events) =>
      dial(request, {
        opened: (socket, head) => events.opened(socket, head),
        message: (data) => {
          events.message(data);
          this.taken(Date.now());
        },
        closed: (code, reason) => events.closed(code, reason),
      });
  }
}
