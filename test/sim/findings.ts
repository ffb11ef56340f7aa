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

const LOST: ReadonlySet<string> = new Set(["spoken-lost", "turn-unanswered"]);

const FINDINGS: readonly Finding[] = [
  {
    // Seed 70, without a fault: it is streamed to like the first and never told that a turn is over.
    name: "an upstream that is told of turns, behind one that takes them by itself, gets no turn",
    matches: ({ invariant }, { scenario: { upstreams } }) =>
      LOST.has(invariant) &&
      upstreams[0]?.kind === "server" &&
      upstreams.some(({ kind }) => kind === "turns"),
  },
  {
    // Seeds 28 and 96. Since the floor hears by bands ("soft" and "echo" sounds do not hold the agent).
    name: "beside an echo upstream, which plays the caller's own voice, words are taken for an agent's echo and no turn",
    matches: ({ invariant }, { scenario }) =>
      LOST.has(invariant) && scenario.upstreams.some(({ kind }) => kind === "echo"),
  },
];

/** The finding that explains the violation, or null when it is news. */
export function findingOf(outcome: Outcome): string | null {
  const { violation } = outcome;
  if (violation === null) return null;
  return FINDINGS.find((finding) => finding.matches(violation, outcome))?.name ?? null;
}
