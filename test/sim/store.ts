/**
 * The object's storage, as call-store.ts uses it: a write becomes durable a little later, or fails and takes the object with
 * it, or dies with the object. A confirmed one shuts the output gate meanwhile.
 */
import type { PeerId } from "../../src/session/io.ts";
import type { SessionSnapshot } from "../../src/session/session.ts";
import type { OutputGate } from "./output-gate.ts";
import type { VirtualTime } from "./time.ts";

/** A moment of the session, with the sockets that it believes to have. */
export interface Moment {
  readonly peers: readonly PeerId[];
  readonly snapshot: SessionSnapshot;
  /** Wall time. */
  readonly at: number;
}

interface Write {
  readonly apply: () => void;
  cancel: () => void;
}

export class Store {
  /** What is durable; null: nothing yet, or wiped. */
  stored: Moment | null = null;
  /** It is the last word, durably: the session slept, and nothing came since. */
  asleep = false;
  /** What the faults turn: a value is refused before it is written, or the write fails. */
  refuses: () => boolean = () => false;
  fails: () => boolean = () => false;
  writeMs = 8;
  /** A write failed: the platform ends the object. */
  onFailure: () => void = () => {};
  readonly #time: VirtualTime;
  readonly #gate: OutputGate;
  /** As a read would find it, durable or not. */
  #sleeps = false;
  /** On their way to the disk, in their order. */
  readonly #writes = new Set<Write>();

  constructor(time: VirtualTime, gate: OutputGate) {
    this.#time = time;
    this.#gate = gate;
  }

  get writing(): boolean {
    return this.#writes.size > 0;
  }

  /**
   * Resolves when it is durable, rejects when it was refused; does neither when the object dies before.
   * @param sealMs it is sealed for so long before it is given to the disk, and until then lost with the object
   */
  save(moment: Moment, sealMs = 0): Promise<void> {
    if (this.refuses()) {
      return new Promise((_, reject) => {
        this.#time.after(this.writeMs, () => {
          this.#time.unsettled();
          reject(new Error("the value is too large"));
        });
      });
    }
    return new Promise((resolve) => {
      const write = (): void => this.#write(() => (this.stored = moment), resolve);
      if (sealMs === 0) return write();
      const sealing: Write = { apply: () => {}, cancel: () => {} };
      this.#writes.add(sealing);
      sealing.cancel = this.#time.after(sealMs, () => {
        this.#writes.delete(sealing);
        write();
      });
    });
  }

  /** Of this session nothing is to be stored, and what was is thrown away. */
  mark(): Promise<void> {
    return new Promise((resolve) => this.#write(() => (this.stored = null), resolve));
  }

  /** Unconfirmed. @param current nothing happened since the last `save`. */
  sleep(current: boolean): void {
    if (!current) return;
    this.#sleeps = true;
    this.#write(
      () => (this.asleep = true),
      () => {},
    );
  }

  /** Confirmed: nothing that is sent from now on leaves the object before this is durable. */
  awake(): void {
    if (!this.#sleeps) return;
    this.#sleeps = false;
    this.#write(() => (this.asleep = false), this.#gate.shut());
  }

  #write(apply: () => void, done: () => void): void {
    const fails = this.fails();
    const write: Write = { apply, cancel: () => {} };
    this.#writes.add(write);
    write.cancel = this.#time.after(this.writeMs, () => {
      this.#writes.delete(write);
      this.#time.unsettled();
      if (fails) return this.onFailure();
      apply();
      done();
    });
  }

  /** The object leaves memory: what is not written is gone, and of what is being written nobody hears. */
  interrupt(): void {
    for (const { cancel } of this.#writes) cancel();
    this.#writes.clear();
  }

  /** The object is replaced in good order: what was given to the store is written all the same. */
  flush(): void {
    for (const { apply } of this.#writes) apply();
    this.interrupt();
  }

  /** An object comes to memory, and finds what is durable. */
  revived(): void {
    this.#sleeps = this.asleep;
  }

  wipe(): void {
    this.interrupt();
    this.stored = null;
    this.asleep = false;
    this.#sleeps = false;
  }
}
