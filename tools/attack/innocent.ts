/** The call that nobody attacks: a frame every 20 ms, given back by its provider at once. Its round trips are the measure. */
import { Caller } from "../../bench/overhead/caller.ts";
import { pause } from "./attacker.ts";

const FRAME_MS = 20;
const DRAIN_MS = 10_000;

export interface Spread {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** What of a stretch of the call is known. */
export interface Heard {
  /** Milliseconds from a frame to its return through relay and provider. */
  readonly frames: Spread;
  /** By how much frames were sent late: this machine's trouble, not the relay's. */
  readonly late: Spread;
  /** Frames that never came back, or why the call ended. */
  readonly lost: number;
  readonly failure: string | null;
}

export class Innocent {
  readonly #caller: Caller;
  #late: number[] = [];
  #over = false;
  readonly #speaking: Promise<void>;

  private constructor(caller: Caller) {
    this.#caller = caller;
    this.#speaking = this.#speak();
  }

  static async open(wsUrl: string, key: string): Promise<Innocent> {
    const arm = {
      name: "innocent",
      url: `${wsUrl}/v1/realtime?model=innocent`,
      headers: { authorization: `Bearer ${key}` },
      relay: true,
      pids: [],
      close: () => Promise.resolve(),
    };
    return new Innocent(await Caller.open(arm, true, true));
  }

  async #speak(): Promise<void> {
    const start = performance.now();
    for (let frame = 0; !this.#over && this.#caller.failure === null; frame += 1) {
      const early = start + frame * FRAME_MS - performance.now();
      if (early > 0) await pause(early);
      this.#late.push(Math.max(0, performance.now() - start - frame * FRAME_MS));
      this.#caller.send();
    }
  }

  /** Forgets what was measured. */
  begin(): void {
    this.#caller.take();
    this.#late = [];
  }

  /** What was measured since `begin`, when all that was said came back. */
  async heard(): Promise<Heard> {
    const late = this.#late;
    const sent = late.length;
    const deadline = performance.now() + DRAIN_MS;
    // Frames go on: those that are still missing are the newest ones.
    const rtts: number[] = [];
    while (rtts.length < sent && performance.now() < deadline && this.#caller.failure === null) {
      rtts.push(...this.#caller.take());
      if (rtts.length < sent) await pause(2);
    }
    return {
      frames: spread(rtts),
      late: spread(late),
      lost: Math.max(0, sent - rtts.length),
      failure: this.#caller.failure,
    };
  }

  async hangUp(): Promise<void> {
    this.#over = true;
    await this.#speaking;
    await this.#caller.close();
  }
}

function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    Number((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(2));
  return { count: values.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}
