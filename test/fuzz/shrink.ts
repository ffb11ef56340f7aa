/** The fewest steps of a call that still break the same promise: steps are left out in ever smaller runs. */
import { play } from "./play.ts";
import { scenarioOf } from "./scenario.ts";
import type { Said } from "./world.ts";

/** Calls played for one finding, and how long. */
const TRIES = 400;
const MOST_MS = 10_000;

interface Fault {
  readonly check: string;
  readonly detail: string;
}

/** The same promise, broken in the same way but for names and numbers. */
export function sameFault(one: Fault, other: Fault): boolean {
  return one.check === other.check && plain(one.detail) === plain(other.detail);
}

function plain(detail: string): string {
  return detail
    .replaceAll(/"(?:[^"\\]|\\.)*"/g, '""')
    .replaceAll(/[\w-]*\d[\w-]*/g, "#")
    .slice(0, 80);
}

export interface Shortest {
  readonly steps: readonly number[];
  /** All that was said, in order, with what it was said to. */
  readonly said: readonly Said[];
  readonly detail: string;
}

export function shrink(seed: number, number: number, fault: Fault): Shortest | null {
  let left = TRIES;
  const until = performance.now() + MOST_MS;
  const breaks = (steps: readonly number[]): boolean => {
    if (left <= 0 || performance.now() > until) return false;
    left -= 1;
    const { violation } = play(seed, number, { steps });
    return violation !== null && sameFault({ check: violation.check, detail: violation.message }, fault);
  };
  let steps: readonly number[] = Array.from({ length: scenarioOf(seed, number).steps }, (_, at) => at);
  if (!breaks(steps)) return null;
  // What comes after it is found by halves.
  for (let [low, high] = [0, steps.length]; low < high;) {
    const middle = (low + high) >> 1;
    if (breaks(steps.slice(0, middle))) {
      steps = steps.slice(0, middle);
      high = middle;
    } else low = middle + 1;
  }
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < steps.length;) {
      const fewer = steps.toSpliced(at, size);
      if (breaks(fewer)) steps = fewer;
      else at += size;
    }
  }
  const { said, violation } = play(seed, number, { keeps: true, steps });
  return { steps, said, detail: violation?.message ?? fault.detail };
}
