/** The object's storage: a snapshot at most once a second, an urgent one at once; written a little later, or not at all. */
import type { PeerId } from "../../src/session/io.ts";
import type { SessionSnapshot } from "../../src/session/session.ts";
import type { VirtualTime } from "./time.ts";

const SAVE_EVERY_MS = 1000;

/** A moment of the session, with the sockets that it believes to have. */
export interface Moment {
  readonly peers: readonly PeerId[];
  readonly snapshot: SessionSnapshot;
}

export class Store {
  /** What is written; null: nothing yet, or wiped. */
  stored: Moment | null = null;
  /** What the faults turn. */
  fails: () => boolean = () => false;
  writeMs = 8;
  readonly #time: VirtualTime;
  #savedAt = Number.NEGATIVE_INFINITY;
  #cancelSave: (() => void) | null = null;
  #saveAt = Infinity;
  /** One write at a time: else a session whose writes take longer than a second would never hear of its latest. */
  #writing = false;
  #again: (() => void) | null = null;
  #againUrgent = false;
  #cancelWrite: (() => void) | null = null;

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  /** Takes and writes a moment, now or when the last one is old enough. */
  soon(urgent: boolean, take: () => Moment | null, written: (moment: Moment) => void): void {
    if (this.#writing) {
      this.#againUrgent ||= urgent;
      this.#again = () => this.soon(this.#againUrgent, take, written);
      return;
    }
    const at = Math.max(this.#time.now, urgent ? 0 : this.#savedAt + SAVE_EVERY_MS);
    if (this.#cancelSave !== null && this.#saveAt <= at) return;
    this.#cancelSave?.();
    this.#saveAt = at;
    this.#cancelSave = this.#time.at(at, () => {
      this.#cancelSave = null;
      this.#savedAt = this.#time.now;
      this.#write(take(), written);
    });
  }

  #write(moment: Moment | null, written: (moment: Moment) => void): void {
    this.#againUrgent = false;
    if (moment === null || this.fails()) return;
    this.#writing = true;
    this.#cancelWrite = this.#time.after(this.writeMs, () => {
      this.#writing = false;
      this.stored = moment;
      written(moment);
      const again = this.#again;
      this.#again = null;
      again?.();
    });
  }

  /** The object leaves memory: what is not written is gone. */
  interrupt(): void {
    this.#cancelSave?.();
    this.#cancelSave = null;
    this.#againUrgent = false;
    this.#cancelWrite?.();
    this.#cancelWrite = null;
    this.#writing = false;
    this.#again = null;
  }

  wipe(): void {
    this.interrupt();
    this.stored = null;
  }
}
