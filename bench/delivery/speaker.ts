/** A caller who never stops speaking: 20 ms at a time, in real time, every sample telling its place. */
import type { ResumingClient } from "./client.ts";
import { bytesOf, watermark } from "./watermark.ts";

export const FRAME_MS = 20;
const FRAME_SAMPLES = 480;

export class Speaker {
  readonly #client: ResumingClient;
  readonly #seed: number;
  /** Samples so far. */
  said = 0;
  /** Ends of the turns, in samples of what was said. */
  readonly turns: number[] = [];
  /** Of every frame, how late this process was with it. */
  readonly lateMs: number[] = [];
  /** Called after every frame. */
  onFrame: () => void = () => {};
  #over = false;

  constructor(client: ResumingClient, seed: number) {
    this.#client = client;
    this.#seed = seed;
  }

  /** Samples since the last turn. */
  get open(): number {
    return this.said - (this.turns.at(-1) ?? 0);
  }

  /** What was said of `[from, to)`. */
  words(from: number, to: number): Int16Array {
    return watermark(this.#seed, from, to - from);
  }

  /** Speaks until `stop`. */
  async run(): Promise<void> {
    for (let due = performance.now(); !this.#over; due += FRAME_MS) {
      const early = due - performance.now();
      if (early > 0) await sleep(early);
      this.lateMs.push(Math.max(0, performance.now() - due));
      this.#client.speak(bytesOf(this.words(this.said, this.said + FRAME_SAMPLES)));
      this.said += FRAME_SAMPLES;
      this.onFrame();
    }
  }

  /** What was said since the last turn is one, and is to be answered. */
  commit(): void {
    this.turns.push(this.said);
    this.#client.say({ type: "input_audio_buffer.commit" });
    this.#client.say({ type: "response.create" });
  }

  stop(): void {
    this.#over = true;
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
