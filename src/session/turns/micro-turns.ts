/** Audio that flows in pieces of one length, for a model that is given it so (`frame_ms` of a `duplex` turn detection). */
import { TICKS_PER_MS } from "../state/ticks.ts";
import type { AudioInput } from "./audio-input.ts";
import type { Link } from "./ports.ts";

export class MicroTurns {
  readonly #input: AudioInput;
  /** Length of one, and where the first of them began; 0: audio flows as it comes. */
  #ticks = 0;
  #from = 0;

  constructor(input: AudioInput) {
    this.#input = input;
  }

  /** Audio flows so. */
  get on(): boolean {
    return this.#ticks > 0;
  }

  /** They are so long from now on; 0: audio flows as it comes. */
  cut(ticks: number): void {
    if (ticks === this.#ticks) return;
    if (this.#ticks > 0) this.#from = this.#input.ticks;
    this.#ticks = ticks;
  }

  /** Where the first of them began. */
  get from(): number {
    return this.#from;
  }

  get ticks(): number {
    return this.#ticks;
  }

  /** The one that has begun is not whole and goes on with silence, and so do those after it. */
  pad(links: readonly Link[], ms: number): void {
    const begun = (this.#input.ticks - this.#from) % this.#ticks;
    const rest = begun > 0 ? this.#ticks - begun : 0;
    const frames = Math.ceil((ms * TICKS_PER_MS) / this.#ticks) * this.#ticks;
    for (const link of links) {
      this.#input.forward(link);
      this.#input.pad(link, (rest + frames) / TICKS_PER_MS);
    }
    this.#from = this.#input.ticks;
  }

  snapshot(): MicroTurnsSnapshot {
    return { frameTicks: this.#ticks, frameFrom: this.#from };
  }

  restore({ frameTicks, frameFrom }: MicroTurnsSnapshot): void {
    this.#ticks = frameTicks;
    this.#from = frameFrom;
  }
}

export interface MicroTurnsSnapshot {
  readonly frameTicks: number;
  readonly frameFrom: number;
}
