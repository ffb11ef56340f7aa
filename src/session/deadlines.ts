/** Named points in time. A session has few, so a map and a minimum over it do. */
export class Deadlines {
  #at = new Map<string, number>();
  #first: number | null = null;
  /** While those that are due are worked through: what is set then comes in a later call. */
  #least = Number.NEGATIVE_INFINITY;

  set(name: string, wantedAt: number): void {
    const at = Math.max(wantedAt, this.#least);
    // Most calls postpone one that is not the earliest: then that one stays.
    const first = this.#first;
    if (first !== null && (at <= first || this.#at.get(name) === first))
      this.#first = at <= first ? at : null;
    this.#at.set(name, at);
  }

  clear(name: string): void {
    if (this.#at.get(name) === this.#first) this.#first = null;
    this.#at.delete(name);
  }

  get(name: string): number | null {
    return this.#at.get(name) ?? null;
  }

  /** The earliest, or null when there is none. */
  get next(): number | null {
    if (this.#first === null && this.#at.size > 0) this.#first = Math.min(...this.#at.values());
    return this.#first;
  }

  /**
   * Removes those that are due and hands them over, earliest first. None of what they set is due in the same call, and
   * one that an earlier one cleared or moved is not handed over any more.
   */
  work(now: number, each: (name: string) => void): void {
    if (this.next === null || this.next > now) return;
    const due = [...this.#at].filter(([, at]) => at <= now).sort((a, b) => a[1] - b[1]);
    this.#least = now + 1;
    try {
      for (const [name, at] of due) {
        if (this.#at.get(name) !== at) continue;
        this.clear(name);
        each(name);
      }
    } finally {
      this.#least = Number.NEGATIVE_INFINITY;
    }
  }

  snapshot(): readonly (readonly [string, number])[] {
    return [...this.#at];
  }

  restore(entries: readonly (readonly [string, number])[]): void {
    this.#at = new Map(entries);
    this.#first = null;
  }
}
