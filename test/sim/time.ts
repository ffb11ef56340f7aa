/** Virtual time: a queue of what happens when. Two things of one moment happen in the order they were asked for. */
interface Planned {
  readonly at: number;
  readonly order: number;
  run: (() => void) | null;
}

/** More than any chain of awaits in the driver is long. */
const AWAITS = 16;

export class VirtualTime {
  /** Milliseconds since the call began. */
  now = 0;
  #heap: Planned[] = [];
  #count = 0;
  /** A promise was settled: what awaits it runs before anything else happens. */
  #unsettled = false;

  /** Returns a function that cancels. What lies in the past happens now. */
  at(when: number, run: () => void): () => void {
    this.#count += 1;
    const planned: Planned = { at: Math.max(when, this.now), order: this.#count, run };
    this.#push(planned);
    return () => {
      planned.run = null;
    };
  }

  after(ms: number, run: () => void): () => void {
    return this.at(this.now + ms, run);
  }

  /** A promise was settled: who awaits it is to hear of it now. */
  unsettled(): void {
    this.#unsettled = true;
  }

  /** Lets everything happen up to `until`, or until `over` says that it is enough. */
  async run(until: number, over: () => boolean): Promise<void> {
    while (!over()) {
      const next = this.#heap[0];
      if (next === undefined || next.at > until) {
        this.now = Math.max(this.now, until);
        return;
      }
      this.#shift();
      this.now = next.at;
      next.run?.();
      if (this.#unsettled) await this.#settle();
    }
  }

  async #settle(): Promise<void> {
    while (this.#unsettled) {
      this.#unsettled = false;
      for (let turn = 0; turn < AWAITS; turn += 1) await Promise.resolve();
    }
  }

  #push(planned: Planned): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(planned);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !before(planned, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = planned;
  }

  #shift(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = at * 2 + 1;
      const right = left + 1;
      const first = heap[left];
      if (first === undefined) break;
      const second = heap[right];
      const child = second !== undefined && before(second, first) ? right : left;
      const lower = heap[child];
      if (lower === undefined || !before(lower, last)) break;
      heap[at] = lower;
      at = child;
    }
    heap[at] = last;
  }
}

function before(a: Planned, b: Planned): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
