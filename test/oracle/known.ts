/**
 * What the oracle found and is not mended yet. An entry excuses what it names and nothing else, and goes with its
 * cause: the list is to be empty.
 */
import type { Mismatch } from "./compare.ts";
import type { Script } from "./script.ts";

export interface Known {
  readonly id: string;
  readonly what: string;
  /** Scripts that are not compared at all. */
  concerns?(script: Script): boolean;
  excuses?(mismatch: Mismatch, script: Script): boolean;
}

export const KNOWN: readonly Known[] = [];

/** The first entry for which this script is not compared at all. */
export function concerns(script: Script, known = KNOWN): string | null {
  return known.find((entry) => entry.concerns?.(script) === true)?.id ?? null;
}

/** The first entry that explains all of it. */
export function explained(mismatches: readonly Mismatch[], script: Script, known = KNOWN): string | null {
  const concerned = concerns(script, known);
  if (concerned !== null) return concerned;
  const ids = mismatches.map(
    (mismatch) => known.find((entry) => entry.excuses?.(mismatch, script))?.id ?? null,
  );
  return ids.every((id) => id !== null) ? (ids[0] ?? null) : null;
}
