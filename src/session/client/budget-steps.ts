/**
 * A long upload, worked through in steps: a quarter of an hour of sound in one message would keep the object, and all that
 * share its thread, from anything else for seconds. Between two steps the shell hands in what else came; what the client
 * sent meanwhile waits, so that the order of its messages stays.
 */
import type { WireMessage } from "../../upstreams/upstream.ts";

/** Messages that are worked through in one step after the audio that they waited for. */
const MESSAGES_PER_STEP = 32;

export interface StepsHost {
  /** Works through a message that waited. It may begin another upload. */
  take(data: WireMessage): void;
  /** So many bytes are one step, in the input's present format. */
  stepBytes(): number;
  /** Works through a part of an upload that began at `startedAt`; `restBytes` of it come after. */
  hear(bytes: Uint8Array, restBytes: number, startedAt: number): void;
}

export class Steps {
  readonly #host: StepsHost;
  /** What is left of an upload. */
  #rest: Uint8Array | null = null;
  #startedAt = 0;
  #waiting: WireMessage[] = [];
  /** Of these, bytes or characters. */
  #size = 0;

  constructor(host: StepsHost) {
    this.#host = host;
  }

  /** There is more to do: the client's next message has to wait. */
  get busy(): boolean {
    return this.#rest !== null || this.#waiting.length > 0;
  }

  /** Bytes or characters of the messages that wait. */
  get size(): number {
    return this.#size;
  }

  /** What is left of an upload at `now`. `lent`: only during this call. */
  begin(rest: Uint8Array, lent: boolean, now: number): void {
    this.#rest = lent ? rest.slice() : rest;
    this.#startedAt = now;
  }

  /** A message comes while there is more to do. */
  wait(data: WireMessage): void {
    this.#waiting.push(typeof data === "string" ? data : data.slice());
    this.#size += data.length;
  }

  /** One step. */
  work(): void {
    if (this.#rest !== null) {
      this.#part(this.#rest);
      return;
    }
    let taken = 0;
    for (const data of this.#waiting) {
      taken += 1;
      this.#size -= data.length;
      this.#host.take(data);
      if (this.#rest !== null || taken >= MESSAGES_PER_STEP) break;
    }
    this.#waiting = this.#waiting.slice(taken);
  }

  #part(rest: Uint8Array): void {
    const size = this.#host.stepBytes();
    this.#rest = rest.byteLength > size ? rest.subarray(size) : null;
    this.#host.hear(rest.subarray(0, size), Math.max(0, rest.byteLength - size), this.#startedAt);
  }

  /** All of it, now. */
  finish(): void {
    while (this.busy) this.work();
  }

  /** Another client comes: what the former one still wanted is nobody's. What it said was said. */
  forget(): void {
    this.#waiting = [];
    this.#size = 0;
  }
}
