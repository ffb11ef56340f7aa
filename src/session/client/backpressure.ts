/**
 * A client that does not read: what was sent waits in its socket, where only `bufferedAmount` shows it. Beyond a bound
 * nothing more is sent of answers, which wait in their lanes; a client that takes nothing at all is given up.
 *
 * An upstream that does not read is `Connection.congested`: the caller's audio waits for it in the history.
 */
import type { Context } from "../context.ts";

export interface BackpressureHost {
  /** The client reads again: what waited may go on. */
  relieved(): void;
  /** The client has not taken anything for too long. */
  stuck(): void;
}

export class Backpressure {
  readonly #context: Context;
  readonly #host: BackpressureHost;
  #congested = false;
  /** The fewest bytes seen in the socket since it was full. */
  #leastBytes = 0;

  constructor(context: Context, host: BackpressureHost) {
    this.#context = context;
    this.#host = host;
  }

  /** Too much waits in the client's socket. */
  get congested(): boolean {
    return this.#congested;
  }

  /** So many bytes wait in the client's socket. */
  buffered(bytes: number): void {
    const { clientBufferedBytes } = this.#context.limits;
    if (!this.#congested) {
      if (bytes > clientBufferedBytes) this.#begin(bytes);
    } else if (bytes <= clientBufferedBytes / 2) {
      this.reset();
      this.#host.relieved();
    } else if (bytes < this.#leastBytes) this.#progress(bytes);
  }

  #begin(bytes: number): void {
    this.#congested = true;
    this.#context.metric("client_congested", 1);
    this.#progress(bytes);
  }

  #progress(bytes: number): void {
    this.#leastBytes = bytes;
    this.#context.deadlines.set("client:stuck", this.#context.now + this.#context.limits.stuckMs);
  }

  /** Another socket, or none. */
  reset(): void {
    this.#congested = false;
    this.#context.deadlines.clear("client:stuck");
  }

  /** The deadline `client:stuck` came. */
  due(): void {
    if (!this.#congested) return;
    this.reset();
    this.#context.metric("clients_stuck", 1);
    this.#host.stuck();
  }

  snapshot(): BackpressureSnapshot {
    return { congested: this.#congested, leastBytes: this.#leastBytes };
  }

  restore(snapshot: BackpressureSnapshot): void {
    this.#congested = snapshot.congested;
    this.#leastBytes = snapshot.leastBytes;
  }
}

export interface BackpressureSnapshot {
  readonly congested: boolean;
  readonly leastBytes: number;
}
