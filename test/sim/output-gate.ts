/**
 * The output gate of a Durable Object: what it sends or dials while a confirmed write is not durable waits for that, in its
 * order; of an object that dies meanwhile nothing of it ever leaves (workerd, `waitForOutputLocksIfNecessary`).
 */
export class OutputGate {
  #shut = 0;
  #waiting: (() => void)[] = [];
  #life = 0;

  /** Runs it now, or when all that it has to wait for is durable. */
  pass(run: () => void): void {
    if (this.#shut === 0) run();
    else this.#waiting.push(run);
  }

  /** @returns what opens it again. */
  shut(): () => void {
    const life = this.#life;
    this.#shut += 1;
    return () => {
      if (life !== this.#life) return;
      this.#shut -= 1;
      if (this.#shut > 0) return;
      const ready = this.#waiting;
      this.#waiting = [];
      for (const run of ready) run();
    };
  }

  /** The object leaves memory. */
  drop(): void {
    this.#life += 1;
    this.#shut = 0;
    this.#waiting = [];
  }
}
