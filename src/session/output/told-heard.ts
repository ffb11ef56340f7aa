/** A provider whose history has only what it is told was heard is told so, as it is heard. */
import type { Context } from "../context.ts";
import type { Playout } from "./playout.ts";
import type { Link } from "./ports.ts";

/** So much more was heard before it is told again. */
const STEP_MS = 200;
const DUE = "heard";
/** Items that were heard as far as they came, and may go on: so many are remembered. */
const REMEMBERED = 8;
/** Sums of fractions are a little less than whole. */
const ROUNDING_MS = 0.001;

interface Parts {
  readonly context: Context;
  readonly playout: Playout;
  readonly links: readonly Link[];
}

export class ToldHeard {
  readonly #parts: Parts;
  /** Of items that sound, still had to, or did last: how much was told. What is forgotten of it is told once more. */
  readonly #told = new Map<string, number>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Call when time has passed, or a listener said where they are. */
  settle(): void {
    const { context, playout, links } = this.#parts;
    if (this.#told.size === 0 && !links.some((link) => link.acknowledging !== null)) return;
    const sounding = new Set<string>();
    for (const itemId of playout.unheard(context.now)) {
      const link = links[playout.streamOf(itemId) ?? -1];
      if (!link?.acknowledging) continue;
      sounding.add(itemId);
      const told = this.#told.get(itemId) ?? 0;
      if (!this.#told.has(itemId)) this.#told.set(itemId, 0);
      if (playout.heardMs(itemId, context.now) - told >= STEP_MS) this.#tell(link, itemId);
    }
    for (const itemId of this.#told.keys()) {
      if (sounding.has(itemId)) continue;
      // Of one that was cut the provider is told where.
      this.#tell(links[playout.streamOf(itemId) ?? -1], itemId);
      // One that is given as it is spoken has sounded whenever its next piece is late.
      if (this.#told.size > REMEMBERED) this.#told.delete(itemId);
    }
    // Where the client says nothing either, time passes all the same; `settle` follows every deadline.
    if (sounding.size > 0 && context.deadlines.get(DUE) === null)
      context.deadlines.set(DUE, context.now + STEP_MS);
  }

  #tell(link: Link | undefined, itemId: string): void {
    const { playout, context } = this.#parts;
    const ms = Math.floor(playout.heardMs(itemId, context.now) + ROUNDING_MS);
    if (ms <= (this.#told.get(itemId) ?? 0)) return;
    this.#told.set(itemId, ms);
    link?.acknowledging?.heard(itemId, ms);
  }
}
