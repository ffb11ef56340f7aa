/** The object's one timer: rings at the session's deadline, or as late as the faults want. */
import type { World } from "./world.ts";

export interface WakeHost {
  /** The session's deadline in wall time. */
  deadline(): number | null;
  /** Wall time. */
  now(): number;
  timeout(): void;
}

/** Timeouts in one moment that are a loop without end. */
const SPIN = 100;

export class Wake {
  /** Added to every timer. */
  lateMs: () => number = () => 0;
  readonly #world: World;
  readonly #host: WakeHost;
  #armedAt: number | null = null;
  #cancel: (() => void) | null = null;
  #spins = 0;
  #spinAt = -1;

  constructor(world: World, host: WakeHost) {
    this.#world = world;
    this.#host = host;
  }

  /** After every input: a later deadline leaves the timer as it is. */
  aim(): void {
    const deadline = this.#host.deadline();
    if (deadline === null || (this.#armedAt !== null && this.#armedAt <= deadline)) return;
    this.#cancel?.();
    this.#armedAt = deadline;
    const ms = Math.max(0, deadline - this.#host.now()) + this.lateMs();
    this.#cancel = this.#world.time.after(ms, () => this.#ring());
  }

  stop(): void {
    this.#cancel?.();
    this.#armedAt = null;
  }

  #ring(): void {
    this.#armedAt = null;
    const before = this.#host.deadline();
    if (before === null || before > this.#host.now()) return this.aim();
    const { checks, time } = this.#world;
    this.#spins = time.now === this.#spinAt ? this.#spins + 1 : 0;
    this.#spinAt = time.now;
    if (this.#spins > SPIN) return checks.fail("deadline", `more than ${SPIN} timeouts in one moment`);
    checks.note(() => "relay ⇐ timeout");
    this.#host.timeout();
    const after = this.#host.deadline();
    if (after !== null && after <= this.#host.now() && after <= before) {
      checks.fail("deadline", `a timeout left the deadline ${this.#host.now() - after} ms in the past`);
    }
  }
}
