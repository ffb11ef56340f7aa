/** What one connection to a provider has heard of the caller, checked against the tape as it comes. */
import { samplesOf, type Run } from "./tape.ts";
import type { World } from "./world.ts";

const LOUD = 400;

export class Ear {
  readonly #world: World;
  readonly #name: string;
  /** After the last sample heard. */
  #cursor = -1;
  /** Heard since the last commit or clear. */
  #buffer: Run[] = [];
  /** Of it, silence that is of nobody. */
  #paddedMs = 0;

  constructor(world: World, name: string) {
    this.#world = world;
    this.#name = name;
  }

  get bufferedMs(): number {
    const samples = this.#buffer.reduce((sum, run) => sum + run.to - run.from, 0);
    return this.#paddedMs + (samples * 1000) / this.#world.tape.rateHz;
  }

  /** Takes PCM of the caller. @returns whether it is loud. */
  hear(bytes: Uint8Array): boolean {
    const { checks, tape } = this.#world;
    if (bytes.length % 2 === 1) checks.fail("provider-protocol", `${this.#name} got an odd number of bytes`);
    const samples = samplesOf(bytes);
    const runs = tape.runs(samples, this.#cursor);
    // Silence that the relay made up for a client that stopped sending, or for a turn that was too short.
    if (runs === null && samples.every((sample) => sample === 0)) {
      this.#paddedMs += (samples.length * 1000) / tape.rateHz;
      return false;
    }
    if (runs === null) {
      checks.fail("spoken-unknown", `${this.#name} heard audio that the caller never spoke`);
      return false;
    }
    for (const run of runs) this.#take(run);
    let peak = 0;
    for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
    return peak > LOUD;
  }

  #take(run: Run): void {
    if (run.from < this.#cursor) {
      const ms = ((this.#cursor - run.from) * 1000) / this.#world.tape.rateHz;
      this.#world.checks.fail(
        "spoken-twice",
        `${this.#name} heard ${ms.toFixed(1)} ms again, or out of order`,
      );
    }
    this.#cursor = run.to;
    const last = this.#buffer.at(-1);
    if (last?.to === run.from) this.#buffer[this.#buffer.length - 1] = { from: last.from, to: run.to };
    else this.#buffer.push(run);
  }

  /** The buffer becomes a turn. */
  commit(): readonly Run[] {
    const turn = this.#buffer;
    this.clear();
    return turn;
  }

  clear(): void {
    this.#buffer = [];
    this.#paddedMs = 0;
  }
}
