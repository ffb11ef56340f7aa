/** What is done once, when all who take part have arrived or left: to kill a process takes all of its calls along. */
export class Together {
  #missing: number;
  readonly #act: () => Promise<void>;
  readonly #done = Promise.withResolvers<number>();

  constructor(count: number, act: () => Promise<void>) {
    this.#missing = count;
    this.#act = act;
  }

  /** Resolves, when it was done, with the moment at which it was. */
  arrive(): Promise<number> {
    this.leave();
    return this.#done.promise;
  }

  leave(): void {
    this.#missing -= 1;
    if (this.#missing !== 0) return;
    const at = performance.now();
    void this.#act().then(() => this.#done.resolve(at), this.#done.reject);
  }
}
