/**
 * What the simulator has found and nobody has mended yet: such a violation is counted by its name and fails nothing.
 * An entry goes when its cause does; the list is to be empty.
 */
import type { Outcome } from "./call.ts";
import type { Violation } from "./checks.ts";

interface Finding {
  readonly name: string;
  matches(violation: Violation, outcome: Outcome): boolean;
}

const FINDINGS: readonly Finding[] = [];

/** The finding that explains the violation, or null when it is news. */
export function findingOf(outcome: Outcome): string | null {
  const { violation } = outcome;
  if (violation === null) return null;
  return FINDINGS.find((finding) => finding.matches(violation, outcome))?.name ?? null;
}
