/** How loud this caller speaks, learned while no agent is audible: who is much softer is somebody else. */
import type { Overlap } from "./overlap.ts";

/** How fast the idea of it follows, per voiced hop. */
const RATE = 0.05;
/** The same of how loud the caller is over some words: the last syllables of a sentence alone are softer than all others. */
const USUAL_RATE = 0.015;

export class CallerLevel {
  /** Mean square, full scale 1; null: the caller was not heard yet. */
  power: number | null = null;
  /** The same over a longer time. */
  usual: number | null = null;
  /** Of how many hops. */
  hops = 0;

  /** One voiced hop. @returns the usual level in dBFS. */
  learn(levelDb: number): number {
    const power = 10 ** (levelDb / 10);
    this.hops += 1;
    this.power = this.#nearer(this.power, power, RATE);
    this.usual = this.#nearer(this.usual, power, USUAL_RATE);
    return 10 * Math.log10(this.power);
  }

  /** A plain mean at first, then a slowly forgetting one. */
  #nearer(former: number | null, power: number, rate: number): number {
    return former === null ? power : former + (power - former) * Math.max(rate, 1 / this.hops);
  }

  /** A level is so much below it. */
  exceeds(levelDb: number, db: number): boolean {
    return this.power !== null && 10 ** (levelDb / 10) < this.power / 10 ** (db / 10);
  }

  /** How much louder a sound is than that; 0: nothing is known. Mean against mean: both are of voiced hops. */
  aboveDb(overlap: Overlap): number {
    return above(overlap, this.power);
  }

  /** How much louder it is than the caller's words usually are. */
  aboveUsualDb(overlap: Overlap): number {
    return above(overlap, this.usual);
  }

  snapshot(): CallerLevelSnapshot {
    return { callerPower: this.power, callerUsual: this.usual, callerHops: this.hops };
  }

  restore({ callerPower, callerUsual, callerHops }: CallerLevelSnapshot): void {
    this.power = callerPower;
    this.usual = callerUsual ?? callerPower;
    this.hops = callerHops;
  }
}

export interface CallerLevelSnapshot {
  readonly callerPower: number | null;
  /** Absent in what a release stored that knew only the other. */
  readonly callerUsual?: number | null;
  readonly callerHops: number;
}

function above({ power, hops }: Overlap, than: number | null): number {
  return than === null || hops === 0 ? 0 : 10 * Math.log10(power / hops / than + 1e-12);
}
