/** A waveform in time: each column stands where its samples belong, however they arrived. */

export interface Column {
  /** When its last sample sounds, on the clock of `performance.now`. */
  readonly at: number;
  readonly ms: number;
  /** 0 to 1. */
  readonly peak: number;
}

/** Columns further from now than this do not follow the ones before: there was a pause, or a stall. */
const APART_MS = 400;

export class Track {
  #columns: Column[] = [];

  get columns(): readonly Column[] {
    return this.#columns;
  }

  /** Where the newest sample stands; null: there is none. */
  get endsAt(): number | null {
    return this.#columns.at(-1)?.at ?? null;
  }

  clear(): void {
    this.#columns = [];
  }

  /** `ms` of audio arrived: it follows what came before without a gap, unless that was long ago. */
  add(ms: number, peak: number, now: number): void {
    const next = (this.endsAt ?? -Infinity) + ms;
    this.#columns.push({ at: Math.abs(next - now) > APART_MS ? now : next, ms, peak });
  }

  forget(before: number): void {
    this.#columns = this.#columns.filter(({ at }) => at > before);
  }

  /** The loudness now; 0 after 150 ms of nothing. */
  level(now: number): number {
    const last = this.#columns.findLast(({ at }) => at <= now + APART_MS);
    return last !== undefined && now - last.at < 150 ? Math.sqrt(last.peak) : 0;
  }
}
