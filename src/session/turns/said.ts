/**
 * Where there is speech in what the caller's client sent, as far as somebody listened for it: of what cannot be heard any more the
 * rest is silence that nobody misses. Where nobody listened all may be speech.
 */

interface Part {
  readonly from: number;
  to: number;
}

/** So many are told apart; what was before them counts as speech. */
const KEPT = 64;

export class Said {
  /** By positions, in order; the last may go on. Nobody listens at first. */
  #parts: Part[] = [{ from: 0, to: Infinity }];
  #knownFrom = 0;

  /** It begins, unless it goes on. */
  began(ticks: number): void {
    const last = this.#parts.at(-1);
    if (last && last.to >= ticks) last.to = Infinity;
    else this.#parts.push({ from: ticks, to: Infinity });
    const [oldest] = this.#parts;
    if (this.#parts.length <= KEPT || oldest === undefined) return;
    this.#parts.shift();
    this.#knownFrom = oldest.to;
  }

  ended(ticks: number): void {
    const last = this.#parts.at(-1);
    if (last?.to === Infinity) last.to = ticks;
  }

  /** Nothing is known of what was before a position. `goesOn`: nor of what is. */
  unknown(ticks: number, goesOn: boolean): void {
    this.#parts = [{ from: 0, to: goesOn ? Infinity : ticks }];
    this.#knownFrom = 0;
  }

  /** The speech between two positions. */
  within(from: number, to: number): readonly (readonly [from: number, to: number])[] {
    const unknown = { from: 0, to: this.#knownFrom };
    return [unknown, ...this.#parts].flatMap((part) => {
      const [begin, end] = [Math.max(from, part.from), Math.min(to, part.to)];
      return begin < end ? [[begin, end] as const] : [];
    });
  }
}
