/** The object's storage: a write becomes durable a little later, or fails, or dies with the object. */
import type { PeerId } from "../../src/session/io.ts";
import type { SessionSnapshot } from "../../src/session/session.ts";
import type { VirtualTime } from "./time.ts";

/** A moment of the session, with the sockets that it believes to have. */
export interface Moment {
  readonly peers: readonly PeerId[];
  readonly snapshot: SessionSnapshot;
  /** Wall time. */
  readonly at: number;
}

export class Store {
  /** What is written; null: nothing yet, or wiped. */
  stored: Moment | null = null;
  /** It is the last word: the session slept, and nothing came since. */
  asleep = false;
  /** What the faults turn. */
  fails: () => boolean = () => false;
  writeMs = 8;
  /** Called when a write failed: the platform may do more about it than to say so. */
  onFailure: () => void = () => {};
  readonly #time: VirtualTime;
  #cancelWrite: (() => void) | null = null;

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  /** Resolves when it is durable, rejects when it could not be stored; never when the object dies before. */
  save(moment: Moment): Promise<void> {
    const fails = this.fails();
    return new Promise((resolve, reject) => {
      this.#cancelWrite = this.#time.after(this.writeMs, () => {
        this.#cancelWrite = null;
        this.#time.unsettled();
        if (fails) {
          reject(new Error("the disk is full"));
          this.onFailure();
          return;
        }
        this.stored = moment;
        resolve();
      });
    });
  }

  /** The object leaves memory: what is not written is gone. */
  interrupt(): void {
    this.#cancelWrite?.();
    this.#cancelWrite = null;
  }

  wipe(): void {
    this.interrupt();
    this.stored = null;
    this.asleep = false;
  }
}
