/** What a provider knows of the caller: what it heard, by its place on the tape, and what it was told. */
import type { Run, Tape } from "./sound.ts";

export class Memory {
  readonly #tape: Tape;
  readonly #runs: Run[] = [];
  readonly #texts: string[] = [];

  constructor(tape: Tape, of: Memory | null = null) {
    this.#tape = tape;
    if (of === null) return;
    this.#runs.push(...of.#runs);
    this.#texts.push(...of.#texts);
  }

  /** As it is now. */
  copy(): Memory {
    return new Memory(this.#tape, this);
  }

  hear(bytes: Uint8Array): void {
    for (const run of this.#tape.runs(bytes, this.#runs.at(-1)?.to).runs) {
      const last = this.#runs.at(-1);
      if (last?.to === run.from) this.#runs[this.#runs.length - 1] = { from: last.from, to: run.to };
      else this.#runs.push(run);
    }
  }

  read(text: string): void {
    this.#texts.push(text);
  }

  /** Samples of a stretch that it did not hear. */
  missing({ from, to }: Run): number {
    return to - from - this.#within(from, to).reduce((sum, run) => sum + run.to - run.from, 0);
  }

  /** Times that a word was told it. */
  told(word: string): number {
    return this.#texts.filter((text) => text.includes(word)).length;
  }

  /** Samples of a stretch that it heard more than once. */
  doubled({ from, to }: Run): number {
    const runs = this.#runs.filter((run) => run.from < to && run.to > from);
    const all = runs.reduce((sum, run) => sum + Math.min(run.to, to) - Math.max(run.from, from), 0);
    return all - (to - from - this.missing({ from, to }));
  }

  /** Of a stretch what it heard, without what overlaps. */
  #within(from: number, to: number): readonly Run[] {
    const sorted = this.#runs
      .filter((run) => run.from < to && run.to > from)
      .toSorted((one, other) => one.from - other.from);
    let at = from;
    return sorted.flatMap((run) => {
      const own = { from: Math.max(run.from, at), to: Math.min(run.to, to) };
      if (own.to <= own.from) return [];
      at = own.to;
      return [own];
    });
  }
}
