/**
 * At what level audio came: full, quieter by what the session asks for, or on one of the ramps between. Knows nothing of
 * how the relay makes them: only how steep a ramp of half a cosine may be, and how long.
 */
import { ASKS_AT_ONCE, MOST_WISHES } from "./wishes.ts";
import type { World } from "./world.ts";

const DOWN_MS = 20;
const UP_MS = 60;
/** Softer than this a sample says little of its level. */
const TELLING = 64;
/** The first samples of a ramp are hardly quieter. */
const FALLEN = 0.99;
/** What was sent while a sound was judged has come by then, where the network is as ever. */
const ARRIVED_MS = 1000;

interface Heard {
  /** Between which two the level of the last telling sample was, and how many samples ago that was. */
  low: number;
  high: number;
  ago: number;
  /** Samples since it was at either end, and since it was full. */
  between: number;
  below: number;
  /** Of them, that came when no sound was judged for long. */
  late: number;
}

export class Levels {
  readonly #world: World;
  readonly #duck: number;
  readonly #items = new Map<string, Heard>();
  #falls = 0;

  constructor(world: World, duckDb: number) {
    this.#world = world;
    this.#duck = 10 ** (-duckDb / 20);
  }

  /** What comes next need not go on from the level of what came. */
  anew(): void {
    this.#items.clear();
  }

  /** The same, by levels that go on from each other: where what was said is to be found out. */
  spells(said: Int16Array, heard: Int16Array): boolean {
    if (!this.fits(said, heard)) return false;
    let [before, reach] = [Number.NaN, 0];
    let rounded = 0;
    return said.every((value, n) => {
      reach += this.#steepest;
      if (Math.abs(value) < TELLING) return true;
      const level = (heard[n] ?? 0) / value;
      const rounding = 0.51 / Math.abs(value);
      const goesOn = !(Math.abs(level - before) > reach + rounding + rounded);
      [before, reach, rounded] = [level, 0, rounding];
      return goesOn;
    });
  }

  get #steepest(): number {
    return ((Math.PI / 2) * (1 - this.#duck)) / ((DOWN_MS * this.#world.scenario.rateHz) / 1000);
  }

  /** `said` is what was sent, as loud as it was said, or quieter. */
  fits(said: Int16Array, heard: Int16Array): boolean {
    return said.every((value, n) => {
      const [low, high] = [Math.round(value * this.#duck), value].toSorted((a, b) => a - b);
      const given = heard[n] ?? 0;
      return given >= (low ?? 0) - 1 && given <= (high ?? 0) + 1;
    });
  }

  /** The next samples of an item, which `fits`. */
  take(itemId: string, said: Int16Array, heard: Int16Array): void {
    const known = this.#items.get(itemId);
    const full = said.every((value, n) => value === heard[n]);
    // Where it is, and was, at full level there is nothing to look at.
    if (full && known?.below === 0) return;
    const item = known ?? { low: full ? 1 : 0, high: full ? 1 : 2, ago: 0, between: 0, below: 0, late: 0 };
    this.#items.set(itemId, item);
    for (const [n, value] of said.entries()) {
      item.ago += 1;
      const loud = Math.abs(value);
      if (loud < TELLING) continue;
      const given = value < 0 ? -(heard[n] ?? 0) : (heard[n] ?? 0);
      const [low, high] = [(given - 0.51) / loud, (given + 0.51) / loud];
      const reach = this.#steepest * item.ago;
      if (low > item.high + reach || high < item.low - reach)
        this.#fail(`${itemId} jumps from a level of ${item.high.toFixed(3)} to ${high.toFixed(3)}`);
      this.#follow(itemId, item, low, high);
      item.low = Math.max(low, item.low - reach);
      item.high = Math.min(high, item.high + reach);
      item.ago = 0;
    }
  }

  #follow(itemId: string, item: Heard, low: number, high: number): void {
    const { rateHz } = this.#world.scenario;
    const full = high >= 1;
    const falls = item.below === 0 && high < FALLEN;
    if (falls) this.#fell(itemId);
    item.below = full ? 0 : item.below > 0 || falls ? item.below + item.ago : 0;
    item.between = full || low <= this.#duck ? 0 : item.between + item.ago;
    // Where many sound in turns, one may not get on for so long between one sound that is judged and the next.
    const crowded = this.#world.scenario.faults.includes(ASKS_AT_ONCE);
    if (!crowded && (item.between * 1000) / rateHz > DOWN_MS + UP_MS)
      this.#fail(`${itemId} is between two levels for more than ${DOWN_MS + UP_MS} ms`);
    const { undisputedSince } = this.#world.checks;
    const arrived = !this.#world.scenario.faults.some((fault) => fault.startsWith("network."));
    const late = arrived && undisputedSince !== null && this.#world.time.now > undisputedSince + ARRIVED_MS;
    item.late = late && !full ? item.late + item.ago : 0;
    if ((item.late * 1000) / rateHz > DOWN_MS + UP_MS) this.#fail(`${itemId} stays quieter`);
  }

  /** Nothing falls but when a sound is judged, and then each stream once: an answer beside the conversation is one too. */
  #fell(itemId: string): void {
    const { checks, scenario } = this.#world;
    this.#falls += 1;
    checks.count("times quieter");
    const judged = checks.figures.get("metric_overlap_duck") ?? 0;
    const asked = (name: string) => checks.struck.get(name) ?? 0;
    const streams =
      scenario.upstreams.length +
      asked("caller.out_of_band") +
      asked("caller.asks_aside") +
      MOST_WISHES * asked(ASKS_AT_ONCE);
    if (this.#falls > 2 * judged * streams)
      this.#fail(`${itemId} is quieter, and ${judged} sounds were judged`);
  }

  #fail(what: string): void {
    this.#world.checks.fail("heard-level", what);
  }
}
