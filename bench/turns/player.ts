/**
 * The simulated loudspeaker of a `duplex.v1` client: plays 20 ms at a time, stands still while told to hold, goes on
 * quieter while told to duck, throws away what is flushed, and knows of every sample it played whose it was and when it
 * sounded.
 */
import { DUCK_DOWN_MS, DUCK_UP_MS, LevelRamp, levelOfDuck } from "../../src/audio/level-ramp.ts";
import { PER_MS, RATE_HZ, type Samples } from "./sounds.ts";

export const FRAME = 20 * PER_MS;

export interface Span {
  /** `response.relay.ordinal`. */
  readonly ordinal: number;
  /** Within the response's audio, in samples. */
  readonly from: number;
  to: number;
  /** On the device's clock, in samples since the call began. */
  readonly at: number;
}

interface Stream {
  received: number;
  played: number;
  done: boolean;
  /** Not before this, while the first audio gathers. */
  readonly startsAt: number;
  /** Milliseconds in which it should have sounded and nothing was there. */
  starvedMs: number;
  waitedMs: number;
  /** On the device's clock, after its last sample at full level. */
  fullUntil: number;
  readonly chunks: Samples[];
}

/** Two seconds of what sounded, for echoes. */
const HISTORY = 2 * RATE_HZ;

export class Player {
  readonly spans: Span[] = [];
  readonly streams = new Map<number, Stream>();
  readonly #prebuffer: number;
  readonly #history = new Float32Array(HISTORY);
  #queue: { readonly ordinal: number; readonly from: number; readonly samples: Int16Array }[] = [];
  #held = false;
  heldFrames = 0;
  /** In which it sounded, and not at full level. */
  quietFrames = 0;
  readonly #level = new LevelRamp(RATE_HZ);

  constructor(prebufferMs: number) {
    this.#prebuffer = prebufferMs * PER_MS;
  }

  /** Audio arrived when the device's clock stood at `clock`. */
  receive(ordinal: number, payload: Uint8Array, clock: number): void {
    const samples = new Int16Array(new Uint8Array(payload).buffer);
    const stream = this.streams.get(ordinal) ?? {
      received: 0,
      played: 0,
      done: false,
      startsAt: clock + this.#prebuffer,
      starvedMs: 0,
      waitedMs: 0,
      fullUntil: 0,
      chunks: [],
    };
    this.streams.set(ordinal, stream);
    this.#queue.push({ ordinal, from: stream.received, samples });
    stream.received += samples.length;
    stream.chunks.push(samples);
  }

  hold(held: boolean): void {
    this.#held = held;
  }

  /** Null: at full level. */
  duck(db: number | null): void {
    if (db === null) this.#level.toward(1, DUCK_UP_MS);
    else this.#level.toward(levelOfDuck(db), DUCK_DOWN_MS);
  }

  /** As before a sound was judged. */
  release(): void {
    this.hold(false);
    this.duck(null);
  }

  flush(ordinal: number): void {
    this.#queue = this.#queue.filter((piece) => piece.ordinal !== ordinal);
    this.finished(ordinal);
  }

  finished(ordinal: number): void {
    const stream = this.streams.get(ordinal);
    if (stream) stream.done = true;
  }

  /** Nothing waits, and nothing more will come of what began. */
  get quiet(): boolean {
    return this.#queue.length === 0 && [...this.streams.values()].every((stream) => stream.done);
  }

  playedMs(ordinal: number): number {
    return (this.streams.get(ordinal)?.played ?? 0) / PER_MS;
  }

  /** Plays the 20 ms that begin at `clock`. */
  play(clock: number): void {
    const out = new Float32Array(FRAME);
    if (this.#held) this.heldFrames += 1;
    else this.#fill(out, clock);
    if (!this.#level.full) {
      if (out.some((value) => value !== 0)) this.quietFrames += 1;
      this.#level.apply(out, RATE_HZ, out);
    }
    for (const [index, value] of out.entries()) this.#history[(clock + index) % HISTORY] = value;
  }

  #fill(out: Float32Array, clock: number): void {
    let at = 0;
    while (at < FRAME) {
      const [head] = this.#queue;
      const stream = head && this.streams.get(head.ordinal);
      if (!head || !stream || stream.startsAt > clock + at) break;
      const piece = head.samples.subarray(0, FRAME - at);
      out.set(piece, at);
      this.#played(head.ordinal, head.from, piece.length, clock + at);
      stream.starvedMs += stream.waitedMs;
      stream.waitedMs = 0;
      stream.played += piece.length;
      if (this.#level.full) stream.fullUntil = clock + at + piece.length;
      this.#queue.shift();
      const rest = head.samples.subarray(piece.length);
      if (rest.length > 0) {
        this.#queue.unshift({ ordinal: head.ordinal, from: head.from + piece.length, samples: rest });
      }
      at += piece.length;
    }
    if (this.#queue.length > 0) return;
    for (const stream of this.streams.values()) {
      if (!stream.done && stream.played > 0) stream.waitedMs += (FRAME - at) / PER_MS;
    }
  }

  #played(ordinal: number, from: number, count: number, at: number): void {
    const last = this.spans.at(-1);
    const follows = last?.ordinal === ordinal && last.to === from && last.at + (last.to - last.from) === at;
    if (last && follows) last.to += count;
    else this.spans.push({ ordinal, from, to: from + count, at });
  }

  /** What sounded at `clock`, up to two seconds ago. */
  soundedAt(clock: number): number {
    return clock < 0 ? 0 : (this.#history[clock % HISTORY] ?? 0);
  }
}
