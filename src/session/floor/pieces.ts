/** Speech over an agent in pieces, each too short to be an interruption by itself: they are one together. */
import { TICKS_PER_MS } from "../state/ticks.ts";
import type { CallerLevel } from "./caller-level.ts";
import { Chopped, type ChoppedSnapshot } from "./chopped.ts";
import type { EchoGuard } from "./echo-guard.ts";
import type { Surroundings } from "./surroundings.ts";
import type { Overlap } from "./overlap.ts";
import { manyColours } from "./request.ts";

/** Of speech in pieces, the turn begins so long before the first. */
const PREFIX_MS = 300;

export class Pieces {
  readonly #around: Surroundings;
  readonly #guard: EchoGuard;
  readonly #caller: CallerLevel;
  readonly #chopped = new Chopped();

  constructor(around: Surroundings, guard: EchoGuard, caller: CallerLevel) {
    this.#around = around;
    this.#guard = guard;
    this.#caller = caller;
  }

  /** One detector hop. Voice over an agent is remembered in its pieces, where it is known not to be an echo. */
  hop(voiced: boolean, hopMs: number): void {
    if (!this.#around.audible) {
      this.#chopped.forget();
      return;
    }
    const known = this.#guard.known ? !this.#guard.covers : !this.#guard.possible;
    const fromTicks = Math.max(0, Math.round((this.#around.heardMs - hopMs) * TICKS_PER_MS));
    const power = 10 ** (this.#guard.levelDb / 10);
    this.#chopped.hop(voiced && known, hopMs, power, fromTicks, this.#around.saidAt);
  }

  /** @returns where the turn begins that they and the present sound are; null: they are none. */
  turnFrom(overlap: Overlap, voiced: boolean): number | null {
    if (!voiced || overlap.listening || overlap.passed === "echo") return null;
    const { confirmMs } = this.#around.settings;
    const fromTicks = this.#chopped.speech(confirmMs, this.#caller.power, this.#around.saidAt);
    if (fromTicks === null) return null;
    const sinceMs = this.#around.heardMs - fromTicks / TICKS_PER_MS;
    if (!this.#guard.possible && !manyColours(this.#guard, sinceMs)) return null;
    return Math.min(overlap.prefixTicks, Math.max(0, fromTicks - PREFIX_MS * TICKS_PER_MS));
  }

  forget(): void {
    this.#chopped.forget();
  }

  snapshot(): ChoppedSnapshot {
    return this.#chopped.snapshot();
  }

  restore(snapshot: ChoppedSnapshot): void {
    this.#chopped.restore(snapshot);
  }
}
