/** Is what a client received through the relay what it would have received without? */
import type { Received } from "./client.ts";
import { compare, type Mismatch } from "./compare.ts";
import { DIFFERENCES, type Difference } from "./differences.ts";
import { explained } from "./known.ts";
import { playDirect, playThrough, type Tampering } from "./play.ts";
import type { Script } from "./script.ts";

export interface Verdict {
  readonly mismatches: readonly Mismatch[];
  /** The known finding that explains all of them; null: none does, or there is nothing to explain. */
  readonly known: string | null;
}

export function verdictOf(
  script: Script,
  direct: readonly Received[],
  through: readonly Received[],
  differences: readonly Difference[] = DIFFERENCES,
): Verdict {
  const mismatches = compare(script, direct, through, differences);
  return { mismatches, known: mismatches.length === 0 ? null : explained(mismatches, script) };
}

export async function judge(script: Script, tampering: Tampering = {}): Promise<Verdict> {
  return verdictOf(script, await playDirect(script), await playThrough(script, tampering));
}

/** A script that is no known finding and differs. */
export async function differs(script: Script, tampering: Tampering = {}): Promise<boolean> {
  const { mismatches, known } = await judge(script, tampering);
  return mismatches.length > 0 && known === null;
}
