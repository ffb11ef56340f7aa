/**
 * What was sent to a `duplex.v1` client and not acknowledged yet, by number. Bounded in bytes; what falls out is
 * remembered as a range, so that a verdict can name it. Kept in groups: full ones are sealed.
 */
import { seal } from "../../audio/sealed.ts";
import type { WireMessage } from "../../upstreams/upstream.ts";
import { Fallen, type FallenSnapshot } from "./fallen.ts";

export interface Sent {
  readonly sequence: number;
  readonly data: WireMessage;
  /** Milliseconds of audio in it; 0 for text. */
  readonly audioMs: number;
}

/** Numbers that can not be sent again. */
export interface Gap {
  readonly from: number;
  readonly to: number;
  readonly audioMs: number;
}

/** A group is full when it has so much. */
const GROUP_BYTES = 32_768;
/** About what a message takes besides its data. */
const OVERHEAD_BYTES = 64;

export class Outbox {
  readonly #limitBytes: number;
  /** Oldest first. */
  #groups: (readonly Sent[])[] = [];
  /** The last one while it is not full; null: the next message begins one. */
  #open: Sent[] | null = null;
  /** Bytes of it as it is stored. */
  #openBytes = 0;
  /** Messages at the front of the first group that are gone. */
  #skip = 0;
  #bytes = 0;
  #count = 0;
  /** What fell out above the last acknowledgement. */
  readonly #fallen = new Fallen();
  /** Frames are small and many: those of a group share its memory, which is filled up to here. */
  #memory = new Uint8Array(0);
  #filled = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  add(message: Sent): void {
    if (!this.#open) this.#begin([]);
    this.#open?.push(message);
    this.#openBytes += storedBytes(message);
    if (this.#open && this.#openBytes >= GROUP_BYTES) {
      seal(this.#open, this.#openBytes);
      this.#open = null;
    }
    this.#bytes += sizeOf(message.data);
    this.#count += 1;
    while (this.#bytes > this.#limitBytes && this.#count > 1) this.#drop();
  }

  /** Memory for a message that is about to be added. */
  room(bytes: number): Uint8Array {
    if (bytes > GROUP_BYTES) return new Uint8Array(bytes);
    if (!this.#open || this.#filled + bytes > this.#memory.length) {
      this.#memory = new Uint8Array(GROUP_BYTES);
      this.#filled = 0;
    }
    this.#filled += bytes;
    return this.#memory.subarray(this.#filled - bytes, this.#filled);
  }

  #begin(group: Sent[]): void {
    this.#open = group;
    this.#openBytes = 0;
    this.#groups.push(group);
  }

  get #oldest(): Sent | undefined {
    return this.#groups[0]?.[this.#skip];
  }

  #shift(): void {
    const [group] = this.#groups;
    if (!group) return;
    this.#bytes -= sizeOf(group[this.#skip]?.data ?? "");
    this.#count -= 1;
    this.#skip += 1;
    if (this.#skip < group.length) return;
    this.#skip = 0;
    this.#groups.shift();
    if (group === this.#open) this.#open = null;
  }

  #drop(): void {
    const dropped = this.#oldest;
    if (!dropped) return;
    this.#shift();
    this.#fallen.add(dropped.sequence, dropped.audioMs);
  }

  /** The client has everything up to here. */
  acknowledge(sequence: number): void {
    while ((this.#oldest?.sequence ?? Infinity) <= sequence) this.#shift();
    this.#fallen.acknowledge(sequence);
  }

  /** Everything above `sequence` that can be sent again, in order. */
  after(sequence: number): readonly Sent[] {
    return this.#groups
      .flatMap((group, at) => (at === 0 ? group.slice(this.#skip) : group))
      .filter((message) => message.sequence > sequence);
  }

  /** What above `sequence` can not. */
  gapsAfter(sequence: number): readonly Gap[] {
    return this.#fallen.after(sequence);
  }

  clear(): void {
    this.restore({ groups: [], skip: 0, fallen: [] });
  }

  snapshot(): OutboxSnapshot {
    const groups = this.#groups.map((group) => (group === this.#open ? [...group] : group));
    return { groups, skip: this.#skip, fallen: this.#fallen.snapshot() };
  }

  /** Takes over full groups as they are. */
  restore({ groups, skip, fallen }: OutboxSnapshot): void {
    this.#groups = [];
    this.#open = null;
    for (const kept of groups) {
      const bytes = kept.reduce((sum, message) => sum + storedBytes(message), 0);
      if (bytes >= GROUP_BYTES) this.#groups.push(seal(kept, bytes));
      else {
        this.#begin([...kept]);
        this.#openBytes = bytes;
      }
    }
    this.#skip = skip;
    this.#fallen.restore(fallen);
    const held = this.after(Number.NEGATIVE_INFINITY);
    this.#count = held.length;
    this.#bytes = held.reduce((sum, message) => sum + sizeOf(message.data), 0);
  }
}

/** Text counts its characters: it is mostly ASCII. */
function sizeOf(data: WireMessage): number {
  return data.length;
}

/** Rather too much: a character of text may take two bytes. */
function storedBytes({ data }: Sent): number {
  return OVERHEAD_BYTES + (typeof data === "string" ? 2 : 1) * data.length;
}

export interface OutboxSnapshot {
  /** The first one without its first `skip`. */
  readonly groups: readonly (readonly Sent[])[];
  readonly skip: number;
  readonly fallen: FallenSnapshot;
}
