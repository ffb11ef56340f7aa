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

const MODES: ReadonlySet<string> = new Set(["caller.vad_off_on", "client.duplex_mode"]);

const FINDINGS: readonly Finding[] = [
  {
    // Seed 16. Without a fault: an upstream of the other kind than the first gets no turns, or is not dialled after a pause.
    name: "in a plan of upstreams that take turns and upstreams that are told of them, one misses turns",
    matches: ({ invariant }, { scenario: { upstreams } }) => {
      const kinds = new Set(upstreams.map(({ kind }) => kind));
      return LOST.has(invariant) && kinds.has("server") && kinds.has("turns");
    },
  },
  {
    // Seed 616. The dial of the second fails for some seconds; then it is asked for answers and told nothing of the turn.
    name: "a second upstream that takes turns, dialled late, neither hears nor is told what was said before",
    matches: ({ invariant, detail }, { scenario: { upstreams } }) =>
      invariant === "spoken-lost" &&
      upstreams.length > 1 &&
      upstreams.some(({ name, kind }) => kind === "server" && detail.startsWith(name)),
  },
  {
    // Seed 486. The endpointer begins anew with the format, and the turn that is open never ends.
    name: "the input format changes within a turn or the silence after it, and the turn never ends",
    matches: ({ invariant }, { scenario }) => LOST.has(invariant) && scenario.converted,
  },
  {
    name: "turn detection goes off or on, and an upstream hears again what it had heard",
    matches: ({ invariant }, { faults }) =>
      invariant === "spoken-twice" && faults.some((name) => MODES.has(name)),
  },
  {
    // Seed 302. What a full lane refuses is missing for the listener and stays in the provider's history.
    name: "an eager answer larger than its lane is cut short, and its provider is not told",
    matches: ({ invariant }, { figures }) =>
      invariant === "provider-history" && (figures.get("metric_lane_refused") ?? 0) > 0,
  },
  {
    // Seed 125. A plain client cancels; what its provider says until it hears of it is dropped here and remembered there.
    name: "what crossed a plain client's cancellation stays in the provider's history",
    matches: ({ invariant }, { scenario, faults }) =>
      invariant === "provider-history" && scenario.dialect === "realtime" && faults.includes("caller.cancel"),
  },
  {
    // Seed 60. Since the floor hears by bands ("soft" and "echo" sounds do not hold the agent).
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
