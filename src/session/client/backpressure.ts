/**
 * A client that does not read: what was sent waits in its socket, where only `bufferedAmount` shows it. Beyond a bound
 * nothing more is sent of answers, which wait in their lanes; a client that takes nothing at all is given up.
 *
 * An upstream that does not read is `Connection.congested`: the caller's audio waits for it in the history.
 */
import { ClientError } from "../../protocol/client-error.ts";
import type { Context } from "../context.ts";
import type { ClientPort } from "./client-port.ts";

export interface BackpressureHost {
  /** The client reads again: what waited may go on. */
  relieved(): void;
  /** The client has not taken anything for too long. */
  stuck(): void;
}

export class Backpressure {
  readonly #context: Context;
  readonly #port: ClientPort;
  readonly #host: BackpressureHost;
  #congested = false;
  /** The fewest bytes seen in the socket since it was full. */
  #leastBytes = 0;

  constructor(context: Context, port: ClientPort, host: BackpressureHost) {
    this.#context = context;
    this.#port = port;
    this.#host = host;
  }

  /** Too much waits in the client's socket, or can: nobody has looked since all that was sent. */
  get congested(): boolean {
    return this.#congested || this.#port.socket.unread > this.#context.limits.clientBufferedBytes;
  }

  /** @throws ClientError when the client is to read first what it asked for. */
  requireRoom(): void {
    if (!this.congested) return;
    throw new ClientError(
      "rate_limit_exceeded",
      `${this.#port.socket.unread} bytes wait to be read, at most ${this.#context.limits.clientBufferedBytes} may while more is asked for.`,
    );
  }

  /** So many bytes wait in the client's socket. */
  buffered(bytes: number): void {
    const { clientBufferedBytes } = this.#context.limits;
    const held = this.congested;
    this.#port.socket.buffered(bytes);
    if (!this.#congested) {
      if (bytes > clientBufferedBytes) this.#begin(bytes);
      else if (held) this.#host.relieved();
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
    if (this.#congested) this.#giveUp();
  }

  /** An input was worked through: more was sent than may stand in a socket. */
  settle(): void {
    if (this.#port.socket.overfull) this.#giveUp();
  }

  #giveUp(): void {
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
