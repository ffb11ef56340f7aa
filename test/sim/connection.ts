/**
 * One TCP connection carrying WebSocket messages: in order, each way on its own; late, unsteady, slow, cut or silently
 * dead as the faults want it. Nothing is ever reordered or repeated within a connection.
 */
import type { Random } from "./random.ts";
import type { VirtualTime } from "./time.ts";

export type Data = string | Uint8Array;
/** `near` is the relay's side. */
export type Side = "near" | "far";

export interface Receiver {
  message(data: Data): void;
  closed(code: number, reason: string): void;
}

export interface Quality {
  delayMs: number;
  jitterMs: number;
  /** Bytes per millisecond. */
  speed: number;
}

interface Direction {
  /** When the last message sent so far arrives. */
  lastAt: number;
  /** When the line is free for the next byte. */
  freeAt: number;
  stalledUntil: number;
  dead: boolean;
  waitingBytes: number;
  /** When what has not arrived yet was sent. */
  readonly sentAt: number[];
  /** When the last message arrives that is no audio. */
  toldAt: number;
}

/** The caller's audio to a provider never ends. */
const AUDIO = '{"type":"input_audio_buffer.append"';

const ASK = '{"type":"response.create"';
const COMMIT = '{"type":"input_audio_buffer.commit"';
/** Behind a commit, what says that its answer is not wanted, or is asked for by itself. */
const NOT_ASKING = [ASK, COMMIT, '{"type":"conversation.item.create"', '{"type":"session.update"'];

/** The relay's `input_audio_buffer.commit`. */
export interface Commit {
  readonly at: number;
  /** So long before, sound had gone out last. */
  readonly waitedMs: number;
  /** In the same moment more was said that it cannot be the asking of. */
  followed: boolean;
}

const OTHER: { readonly [S in Side]: Side } = { near: "far", far: "near" };

export class Connection {
  /** Words that were heard of each item, as the relay knew them when it hung up; null: it did not. */
  heard: ReadonlySet<string> | null = null;
  /** When the relay asked for an answer over it. */
  readonly askedAt: number[] = [];
  /** Those that are on their way to the provider, which takes them out. */
  readonly commits: Commit[] = [];
  #soundAt = -Infinity;
  /** When the relay closed or lost it; null: it has not. */
  leftAt: number | null = null;
  /** For how long the line was busy with what the relay had sent before, when it closed it. */
  goodbyeWaitedMs = 0;
  readonly quality: Quality;
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #receivers: { near: Receiver | null; far: Receiver | null } = { near: null, far: null };
  readonly #open = { near: true, far: true };
  /** By the side that sends. */
  readonly #lines: { readonly [S in Side]: Direction } = { near: line(), far: line() };

  constructor(time: VirtualTime, random: Random, quality: Quality) {
    this.#time = time;
    this.#random = random;
    this.quality = quality;
  }

  attach(side: Side, receiver: Receiver): void {
    this.#receivers[side] = receiver;
  }

  /** Nothing more is handed to this side. */
  detach(side: Side): void {
    this.#receivers[side] = null;
  }

  isOpen(side: Side): boolean {
    return this.#open[side];
  }

  /** Bytes that this side has sent and that are still waiting for the line. */
  bufferedAmount(side: Side): number {
    return this.#lines[side].waitingBytes;
  }

  /** False: this side is closed, nothing was sent. */
  send(from: Side, data: Data): boolean {
    if (!this.#open[from]) return false;
    const copy = typeof data === "string" ? data : data.slice();
    if (from === "near" && typeof data === "string") this.#relaySays(data);
    this.#deliver(from, copy.length, (receiver) => receiver.message(copy));
    if (typeof data === "string" && !data.startsWith(AUDIO))
      this.#lines[from].toldAt = this.#lines[from].lastAt;
    return true;
  }

  #relaySays(data: string): void {
    const { now } = this.#time;
    if (data.startsWith(AUDIO)) this.#soundAt = now;
    if (data.startsWith(ASK)) this.askedAt.push(now);
    const last = this.commits.at(-1);
    if (last?.at === now && NOT_ASKING.some((one) => data.startsWith(one))) last.followed = true;
    if (data.startsWith(COMMIT))
      this.commits.push({ at: now, waitedMs: now - this.#soundAt, followed: false });
  }

  /** Of what this side has sent, something that is no audio is still on its way. */
  tells(from: Side): boolean {
    const { dead, toldAt } = this.#lines[from];
    return !dead && toldAt >= this.#time.now;
  }

  /** Something that this side sent until then is still on its way. */
  owes(from: Side, until: number): boolean {
    const { dead, sentAt } = this.#lines[from];
    return !dead && (sentAt[0] ?? Infinity) <= until;
  }

  /** A closing handshake that this side begins. */
  close(from: Side, code: number, reason: string): void {
    if (!this.#open[from]) return;
    this.#shut(from);
    this.#saysGoodbye(from);
    this.#deliver(from, 0, (receiver) => this.#ended(OTHER[from], receiver, code, reason));
  }

  /** Both ends lose it, what is under way is gone. */
  cut(): void {
    for (const side of ["near", "far"] as const) {
      this.#lines[OTHER[side]].dead = true;
      if (!this.#open[side]) continue;
      this.#time.after(this.#random.between(0, this.quality.delayMs), () => {
        const receiver = this.#receivers[side];
        if (receiver && this.#open[side]) this.#ended(side, receiver, 1006, "");
        this.#shut(side);
      });
    }
  }

  /** What stands between both dies, and what is under way with it: the far side sees it at once, the near one later. */
  fall(nearMs: number): void {
    for (const [side, ms] of [
      ["far", 0],
      ["near", nearMs],
    ] as const) {
      this.#lines[side].dead = true;
      this.#time.after(ms, () => {
        const receiver = this.#receivers[side];
        if (receiver) this.#ended(side, receiver, 1006, "");
      });
    }
  }

  /** One side's process died: it hears nothing, the other sees the connection end. */
  die(side: Side, code: number): void {
    this.#shut(side);
    this.#receivers[side] = null;
    this.#saysGoodbye(side);
    this.#deliver(side, 0, (receiver) => this.#ended(OTHER[side], receiver, code, ""));
  }

  #saysGoodbye(side: Side): void {
    const { freeAt, stalledUntil } = this.#lines[side];
    if (side === "near")
      this.goodbyeWaitedMs = Math.max(0, freeAt - this.#time.now, stalledUntil - this.#time.now);
  }

  #ended(side: Side, receiver: Receiver, code: number, reason: string): void {
    if (!this.#open[side]) return;
    this.#shut(side);
    receiver.closed(code, reason);
  }

  #shut(side: Side): void {
    this.#open[side] = false;
    if (side === "near") this.leftAt ??= this.#time.now;
  }

  /** What this side sends vanishes from now on, and nobody is told. */
  blackHole(from: Side): void {
    this.#lines[from].dead = true;
  }

  /** What this side sends waits until then. */
  stall(from: Side, until: number): void {
    this.#lines[from].stalledUntil = Math.max(this.#lines[from].stalledUntil, until);
  }

  #deliver(from: Side, bytes: number, hand: (receiver: Receiver) => void): void {
    const line = this.#lines[from];
    if (line.dead) return;
    const now = this.#time.now;
    line.freeAt = Math.max(line.freeAt, now, line.stalledUntil) + bytes / this.quality.speed;
    const jitter = this.quality.jitterMs === 0 ? 0 : this.#random.next() ** 3 * this.quality.jitterMs;
    line.lastAt = Math.max(line.lastAt, line.freeAt + this.quality.delayMs + jitter);
    line.waitingBytes += bytes;
    line.sentAt.push(now);
    if (line.freeAt > now) this.#time.at(line.freeAt, () => (line.waitingBytes -= bytes));
    else line.waitingBytes -= bytes;
    this.#time.at(line.lastAt, () => {
      line.sentAt.shift();
      const receiver = this.#receivers[OTHER[from]];
      if (receiver && !line.dead && this.#open[OTHER[from]]) hand(receiver);
    });
  }
}

function line(): Direction {
  return { lastAt: 0, freeAt: 0, stalledUntil: 0, dead: false, waitingBytes: 0, sentAt: [], toldAt: -1 };
}
