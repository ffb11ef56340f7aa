/** Upstreams that do not read as fast as the caller speaks. */
import type { Limits } from "../limits.ts";
import { TICKS_PER_MS } from "../state/ticks.ts";
import type { AudioInput } from "./audio-input.ts";
import type { Link } from "./ports.ts";

/** A duplex upstream that does not read hears of silence so much at most, later. */
const SILENCE_KEPT_MS = 1000;
/** An upstream that does not read gets all the same what would leave the history within this. */
const HISTORY_MARGIN_MS = 2000;

/** So much may wait in the history. */
export function marginMs({ inputHistoryMs }: Limits): number {
  return inputHistoryMs - HISTORY_MARGIN_MS;
}

export class SlowReaders {
  readonly #input: AudioInput;
  readonly #limits: Limits;

  constructor(input: AudioInput, limits: Limits) {
    this.#input = input;
    this.#limits = limits;
  }

  /**
   * An upstream does not read: its audio waits in the history, and what is no speech need not wait.
   * @param taking turn-based upstreams are being told a turn.
   */
  waits(link: Link, speech: boolean, taking: boolean): void {
    const lagMs = this.#input.lagMs(link);
    const { turns } = link.capabilities;
    if (turns === "none") {
      if (!speech && lagMs >= SILENCE_KEPT_MS) {
        this.#input.attach(link);
        link.spared(lagMs);
        return;
      }
    } else if (!taking && turns === "client") return;
    else if ((link.reading?.stuckMs ?? 0) > this.#limits.overrunMs) {
      link.abandon("upstream_congested", "The upstream did not take what was said.");
      return;
    }
    const overMs = lagMs - marginMs(this.#limits);
    // Rather sent too fast than lost, within a bound: a burst is read later.
    if (overMs > 0 && link.reading?.overdraws) this.#input.forward(link, link.cursor + overMs * TICKS_PER_MS);
  }
}
