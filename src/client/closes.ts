/** What the codes of a close mean (docs/wire.md). */

/** Another connection has the session now. */
export const TAKEN_OVER = 4001;
/** The relay means it: ended, malformed input, policy, size, taken over, refused (4003), not there any more (4004). */
export const FINAL_CODES: ReadonlySet<number> = new Set([
  1000,
  1002,
  1003,
  1007,
  1008,
  1009,
  TAKEN_OVER,
  4003,
  4004,
]);
/** Answers to who comes back: the session is not to be had any more. */
export const LOST_CODES: ReadonlySet<number> = new Set([4003, 4004]);
/** This side left a connection on which nothing came. */
export const SILENT = 4008;
/** What says that the client does not come back: the session ends with it. */
export const GOODBYE = "end";

/** A `session.resume` that was given up may take effect as long as the relay takes one. */
const GHOST_MS = 30_000;

/** Sockets that were given up on which the session was asked for and which may still get it: they put the present one out. */
export class Ghosts {
  #since: number[] = [];

  add(): void {
    this.#since.push(performance.now());
  }

  /** Whether one of them may have taken the session; each does so once. */
  took(): boolean {
    const since = performance.now() - GHOST_MS;
    this.#since = this.#since.filter((at) => at >= since);
    return this.#since.shift() !== undefined;
  }
}
