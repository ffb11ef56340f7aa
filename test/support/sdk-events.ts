/**
 * The list of events an SDK delivered, and a way to wait in it. A scenario reads its log like a script: `next`
 * moves forward, and an `error` event that the scenario did not ask for fails it at once.
 */
export interface NamedEvent {
  readonly type: string;
}

type OfType<E extends NamedEvent, T extends E["type"]> = Extract<E, { type: T }>;

/** How long an event may take before the scenario fails with the list of what came instead. */
const PATIENCE_MS = 25_000;

export class EventLog<E extends NamedEvent> {
  readonly events: E[] = [];
  #position = 0;
  #ended: Error | null = null;
  readonly #waiting = new Set<() => void>();

  push(event: E): void {
    this.events.push(event);
    this.#wake();
  }

  /** Nothing more will come: whoever waits fails with `reason`. */
  end(reason: string): void {
    this.#ended ??= new Error(reason);
    this.#wake();
  }

  /** Index of the next unread event: a start for `since`. */
  get position(): number {
    return this.#position;
  }

  /** Everything after `position` so far, for assertions on order. */
  since(position: number): readonly E[] {
    return this.events.slice(position);
  }

  /** All events of a type so far. */
  all<T extends E["type"]>(type: T): readonly OfType<E, T>[] {
    return this.events.filter((event): event is OfType<E, T> => event.type === type);
  }

  /** The next event of this type, in order of arrival; what lies between is passed over, errors are not. */
  async next<T extends E["type"]>(
    type: T,
    where: (event: OfType<E, T>) => boolean = () => true,
  ): Promise<OfType<E, T>> {
    const matches = (event: E): event is OfType<E, T> => event.type === type && where(event as OfType<E, T>);
    const start = this.#position;
    return this.#wait(
      type,
      () => {
        while (this.#position < this.events.length) {
          const event = this.events[this.#position++];
          if (event === undefined) break;
          if (matches(event)) return event;
          if (event.type === "error")
            throw new Error(`waiting for ${type}: unexpected ${JSON.stringify(event)}`);
        }
        return null;
      },
      start,
    );
  }

  /** An event of this type anywhere from `from` on, without moving: for what comes at any time. */
  async any<T extends E["type"]>(
    type: T,
    where: (event: OfType<E, T>) => boolean = () => true,
    from = 0,
  ): Promise<OfType<E, T>> {
    const matches = (event: E): event is OfType<E, T> => event.type === type && where(event as OfType<E, T>);
    return this.#wait(type, () => this.events.slice(from).find(matches) ?? null, from);
  }

  async #wait<R>(what: string, look: () => R | null, from: number): Promise<R> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const found = look();
      if (found !== null) return found;
      if (this.#ended !== null)
        throw new Error(`waiting for ${what}: ${this.#ended.message}; ${this.#seen(from)}`);
      if (!(await this.#changed(deadline))) {
        throw new Error(`no ${what} within ${PATIENCE_MS} ms; ${this.#seen(from)}`);
      }
    }
  }

  /** True when something arrived, false at the deadline. */
  #changed(deadline: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => settle(false), Math.max(0, deadline - Date.now()));
      const settle = (arrived: boolean): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve(arrived);
      };
      const wake = (): void => settle(true);
      this.#waiting.add(wake);
    });
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }

  /** `session.created, response.output_audio.delta ×41, …` */
  #seen(from: number): string {
    const runs: { type: string; count: number }[] = [];
    for (const { type } of this.events.slice(from)) {
      const last = runs.at(-1);
      if (last?.type === type) last.count += 1;
      else runs.push({ type, count: 1 });
    }
    const list = runs.map(({ type, count }) => (count === 1 ? type : `${type} ×${count}`));
    return `seen: ${list.join(", ") || "nothing"}`;
  }
}
