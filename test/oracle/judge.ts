/** Is what a client received through the relay what it would have received without? */
import type { Received } from "./client.ts";
import { compare, type Mismatch } from "./compare.ts";
import { DIFFERENCES, type Difference } from "./differences.ts";
import { explained } from "./known.ts";
import { isNear } from "./near.ts";
import { playDirect, playThrough, type Tampering } from "./play.ts";
import type { Script } from "./script.ts";

export interface Verdict {
  readonly mismatches: readonly Mismatch[];
  /** The known finding that explains all of them, or `near` (near.ts); null: none does, or there is nothing to explain. */
  readonly known: string | null;
}

export function verdictOf(
  script: Script,
  direct: readonly Received[],
  through: readonly Received[],
  differences: readonly Difference[] = DIFFERENCES,
): Verdict {
  const mismatches = compare(script, direct, through, differences);
  if (mismatches.length === 0) return { mismatches, known: null };
  const near = isNear(script, direct, through) ? "near" : null;
  return { mismatches, known: explained(mismatches, script) ?? near };
}

export async function judge(script: Script, tampering: Tampering = {}): Promise<Verdict> {
  return verdictOf(script, await playDirect(script), await playThrough(script, tampering));
}

/** A script that is no known finding and differs. */
export async function differs(script: Script, tampering: Tampering = {}): Promise<boolean> {
  const { mismatches, known } = await judge(script, tampering);
  return mismatches.length > 0 && known === null;
}
