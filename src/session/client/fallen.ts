/**
 * Which messages fell out of the outbox before they were acknowledged, and how much audio was in each: a verdict says
 * exactly what a client misses, wherever in them its `last_received` lies. Messages in a row with equally much audio are
 * one run, so hours of them take little.
 */
import type { Gap } from "./outbox.ts";

/** Messages in a row, each with so much audio. */
interface Run {
  readonly from: number;
  readonly to: number;
  readonly eachMs: number;
}

/**
 * Beyond so many the two oldest become one, with their audio spread evenly over both: a client that has acknowledged
 * nothing for so long has either all of them or none.
 */
const RUNS = 4096;

export class Fallen {
  /** Oldest first. */
  #runs: Run[] = [];

  /** The next message, or some further one, can not be sent again. */
  add(sequence: number, audioMs: number): void {
    const last = this.#runs.at(-1);
    if (last && last.to + 1 === sequence && last.eachMs === audioMs) {
      this.#runs[this.#runs.length - 1] = { ...last, to: sequence };
      return;
    }
    this.#runs.push({ from: sequence, to: sequence, eachMs: audioMs });
    if (this.#runs.length > RUNS) this.#mergeOldest();
  }

  #mergeOldest(): void {
    const [first, second] = this.#runs;
    if (!first || !second) return;
    const eachMs = (audioMsOf(first) + audioMsOf(second)) / (countOf(first) + countOf(second));
    this.#runs.splice(0, 2, { from: first.from, to: second.to, eachMs });
  }

  /** The client has everything up to here. */
  acknowledge(sequence: number): void {
    if (this.#runs.length > 0) this.#runs = this.#above(sequence);
  }

  #above(sequence: number): Run[] {
    return this.#runs
      .filter((run) => run.to > sequence)
      .map((run) => ({ ...run, from: Math.max(run.from, sequence + 1) }));
  }

  /** What above `sequence` is missing, in ranges without a hole. */
  after(sequence: number): readonly Gap[] {
    const gaps: Gap[] = [];
    for (const run of this.#above(sequence)) {
      const last = gaps.at(-1);
      const audioMs = audioMsOf(run);
      if (last && last.to + 1 === run.from) {
        gaps[gaps.length - 1] = { from: last.from, to: run.to, audioMs: last.audioMs + audioMs };
      } else gaps.push({ from: run.from, to: run.to, audioMs });
    }
    return gaps;
  }

  snapshot(): FallenSnapshot {
    return [...this.#runs];
  }

  restore(snapshot: FallenSnapshot): void {
    this.#runs = [...snapshot];
  }
}

export type FallenSnapshot = readonly Run[];

function countOf({ from, to }: Run): number {
  return to - from + 1;
}

function audioMsOf(run: Run): number {
  return countOf(run) * run.eachMs;
}
