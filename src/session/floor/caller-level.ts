/** How loud this caller speaks, learned while no agent is audible: who is much softer is somebody else. */
import type { Overlap } from "./overlap.ts";

/** How fast the idea of it follows, per voiced hop. */
const RATE = 0.05;

export class CallerLevel {
  /** Mean square, full scale 1; null: the caller was not heard yet. */
  power: number | null = null;
  /** Of how many hops. */
  hops = 0;

  /** One voiced hop. @returns the usual level in dBFS. */
  learn(levelDb: number): number {
    const power = 10 ** (levelDb / 10);
    // A plain mean at first, then a slowly forgetting one.
    this.hops += 1;
    const rate = Math.max(RATE, 1 / this.hops);
    const former = this.power ?? power;
    this.power = former + (power - former) * rate;
    return 10 * Math.log10(this.power);
  }

  /** A level is so much below it. */
  exceeds(levelDb: number, db: number): boolean {
    return this.power !== null && 10 ** (levelDb / 10) < this.power / 10 ** (db / 10);
  }

  /** How much louder a sound is than that; 0: nothing is known. Mean against mean: both are of voiced hops. */
  aboveDb({ power, hops }: Overlap): number {
    if (this.power === null || hops === 0) return 0;
    return 10 * Math.log10(power / hops / this.power + 1e-12);
  }
}
