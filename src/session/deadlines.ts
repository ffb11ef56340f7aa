/** Named points in time. A session has few, so a map and a minimum over it do. */
export class Deadlines {
  #at = new Map<string, number>();
  #first: number | null = null;

  set(name: string, at: number): void {
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

  /** Removes and returns the names that are due, earliest first. */
  due(now: number): readonly string[] {
    if (this.next === null || this.next > now) return [];
    const due = [...this.#at].filter(([, at]) => at <= now).sort((a, b) => a[1] - b[1]);
    for (const [name] of due) this.clear(name);
    return due.map(([name]) => name);
  }

  snapshot(): readonly (readonly [string, number])[] {
    return [...this.#at];
  }

  restore(entries: readonly (readonly [string, number])[]): void {
    this.#at = new Map(entries);
    this.#first = null;
  }
}
