/**
 * What comes faster than it should be worked through, in steps: a quarter of an hour of sound in one message, or a gap's
 * audio in sixteen thousand of them, would keep the object, and all that share its thread, from anything else for seconds.
 * Between two steps the shell hands in what else came; what the client sent meanwhile waits, so that the order of its
 * messages stays.
 */
import type { WireMessage } from "../../upstreams/upstream.ts";

/**
 * Messages that wait and were not judged yet. Beyond it a step is done for each that comes: a runtime that reads a socket as
 * long as there is something to read would not come to any other.
 */
const MOST_WAITING = 2000;

/** Audio of a message that waits: it was judged when it came, so that a flood is found out while it comes. */
export interface WaitingAudio {
  readonly audio: Uint8Array;
  /** That its budget was asked for. */
  readonly ms: number;
  /** Of a frame; null: it had none. */
  readonly sequence: number | null;
}

/** What is to be done between two messages that wait. */
interface Between {
  readonly act: () => void;
}

export interface StepsHost {
  /** Works through a message that waited. It may begin another upload. */
  take(data: WireMessage): void;
  /** The same of audio that was judged when it came. */
  takeAudio(waiting: WaitingAudio): void;
  /** Nothing that waited follows at once: what was gathered of it is to be heard. */
  pause(): void;
  /** A step is done: as much was worked through as may be at once. */
  full(): boolean;
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
  /** The rest of a message that was read: it comes before what waits. */
  #second: { readonly act: () => void; readonly former: boolean } | null = null;
  #waiting: (WireMessage | WaitingAudio | Between)[] = [];
  /** Of these, how many were taken. */
  #taken = 0;
  /** Of those that wait, how many came by a connection that is gone. */
  #former = 0;
  #ofFormer = false;
  /** Of those that wait, how many were not judged. */
  #unjudged = 0;
  /** Of those that wait, bytes or characters. */
  #size = 0;

  constructor(host: StepsHost) {
    this.#host = host;
  }

  /** There is more to do: the client's next message has to wait. */
  get busy(): boolean {
    return this.#rest !== null || this.#second !== null || this.#waiting.length > 0;
  }

  /** What is worked through now came by a connection that is gone. */
  get former(): boolean {
    return this.#ofFormer;
  }

  /** Its client comes back on another connection: what waits is still to be done. */
  reconnected(): void {
    this.#former = this.#waiting.length - this.#taken;
    if (this.#second !== null) this.#second = { ...this.#second, former: true };
  }

  /** Bytes or characters of the messages that wait. */
  get size(): number {
    return this.#size;
  }

  /** With one more of this size more than `most` would wait, or more messages than a flood is to be judged late for. */
  crowded(size: number, most: number): boolean {
    return this.#size + size > most || this.#unjudged >= MOST_WAITING;
  }

  /** What is left of an upload at `now`. `lent`: only during this call. */
  begin(rest: Uint8Array, lent: boolean, now: number): void {
    this.#rest = lent ? rest.slice() : rest;
    this.#startedAt = now;
  }

  /** A large message was read: what it says is a step of its own. */
  doNext(act: () => void): void {
    this.#second = { act, former: this.#ofFormer };
  }

  /** A message comes while there is more to do. */
  wait(data: WireMessage): void {
    this.#waiting.push(typeof data === "string" ? data : data.slice());
    this.#size += data.length;
    this.#unjudged += 1;
  }

  /** Likewise, and its audio was judged. */
  waitAudio(waiting: WaitingAudio): void {
    this.#waiting.push(waiting);
    this.#size += waiting.audio.byteLength;
  }

  /** When all that has come so far is done. */
  after(act: () => void): void {
    if (this.busy) this.#waiting.push({ act });
    else act();
  }

  /** One step. */
  work(): void {
    this.#step();
    this.#ofFormer = false;
  }

  #step(): void {
    if (this.#rest !== null) {
      this.#part(this.#rest);
      return;
    }
    if (this.#second !== null) {
      const { act, former } = this.#second;
      this.#second = null;
      this.#ofFormer = former;
      act();
      return;
    }
    do this.#next();
    while (this.#waiting.length > 0 && !this.#begun && !this.#host.full());
    this.#host.pause();
  }

  get #begun(): boolean {
    return this.#rest !== null || this.#second !== null;
  }

  #next(): void {
    const data = this.#waiting[this.#taken];
    if (data === undefined) return;
    this.#taken += 1;
    this.#ofFormer = this.#former > 0;
    if (this.#ofFormer) this.#former -= 1;
    if (this.#taken === this.#waiting.length) this.#empty();
    if (typeof data === "object" && "act" in data) {
      // What was gathered came before it.
      this.#host.pause();
      data.act();
      return;
    }
    if (typeof data === "object" && "audio" in data) {
      this.#size -= data.audio.byteLength;
      this.#host.takeAudio(data);
      return;
    }
    this.#size -= data.length;
    this.#unjudged -= 1;
    this.#host.take(data);
  }

  #empty(): void {
    this.#waiting = [];
    this.#taken = 0;
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

  /** Another client comes, which counts anew: what the former one still wanted is nobody's. What it said was said. */
  anew(): void {
    const said = this.#waiting
      .slice(this.#taken)
      .flatMap((one) => (typeof one === "object" && "audio" in one ? [{ ...one, sequence: null }] : []));
    this.forget();
    for (const waiting of said) this.waitAudio(waiting);
    this.#former = said.length;
  }

  /** Nothing of what waits is worked through. */
  forget(): void {
    this.#empty();
    this.#former = 0;
    this.#second = null;
    this.#size = 0;
    this.#unjudged = 0;
  }

  /** Its client was hung up on for a flood: of what it said no more is worked through either. */
  drop(): void {
    this.forget();
    this.#rest = null;
  }
}
