/** Whether agents are held while a sound over them is judged. */
import { FLOOR, next, type FloorPhase } from "../transitions.ts";
import type { EchoGuard } from "./echo-guard.ts";
import type { GivingWay } from "./giving-way.ts";

export class Hold {
  readonly #guard: EchoGuard;
  readonly #way: GivingWay;
  #phase: FloorPhase = "open";

  constructor(guard: EchoGuard, way: GivingWay) {
    this.#guard = guard;
    this.#way = way;
  }

  get held(): boolean {
    return this.#phase === "held";
  }

  begin(): void {
    if (!this.#step("onset")) return;
    this.#guard.mark();
    this.#way.begin();
  }

  end(): void {
    if (this.#step("released")) this.#way.end();
  }

  #step(event: "onset" | "released"): boolean {
    const phase = next(FLOOR, this.#phase, event);
    if (phase !== null) this.#phase = phase;
    return phase !== null;
  }

  snapshot(): FloorPhase {
    return this.#phase;
  }

  restore(phase: FloorPhase): void {
    this.#phase = phase;
  }
}
