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

const FINDINGS: readonly Finding[] = [
  {
    // Seeds 702 and 852. Dialled late or fallen silent after speech, it is told nothing of the turn that others made of it.
    name: "a second upstream that takes turns loses a connection that was silent, and a turn with it",
    matches: ({ invariant, detail }, { scenario: { upstreams } }) =>
      invariant === "spoken-lost" &&
      upstreams.length > 1 &&
      upstreams.some(({ name, kind }) => kind === "server" && detail.startsWith(name)),
  },
  {
    // Seed 876. The client begins anew in the moment in which a deployed object comes back: up0.3 and up0.4 are dialled at once.
    name: "a client begins anew while a deployed object comes back, and a connection is dialled that nobody hangs up",
    matches: ({ invariant }, { faults }) =>
      invariant === "after-end" &&
      faults.includes("client.begins_anew") &&
      faults.includes("platform.deploy"),
  },
  {
    // Seed 904. The provider dies in every `ready`, and the object is evicted between: not looked into.
    name: "a provider dies whenever it is ready, the object is evicted, and a turn is never answered",
    matches: ({ invariant }, { faults }) =>
      invariant === "turn-unanswered" &&
      faults.includes("provider.dies_when_ready") &&
      faults.includes("platform.evict"),
  },
  {
    // Seed 792. More of an item is remembered than came when its connection was reset in it: not looked into.
    name: "the client's format changes, the provider's connection is reset, and an item is remembered for too long",
    matches: ({ invariant }, { faults }) =>
      invariant === "history" && faults.includes("client.formats") && faults.includes("provider.reset"),
  },
  {
    // Seed 626. The client is away for longer than the lead, and hears nothing of an answer of a second: not looked into.
    name: "the way to the client stalls and is dead, and an answer that it never got stays at the provider",
    matches: ({ invariant }, { faults }) =>
      invariant === "provider-history" &&
      faults.includes("network.stall_down") &&
      faults.includes("network.hole_down"),
  },
  {
    // Seeds 238, 263, 445, 732. What was said arrives at once, later; whether the answer is one too many is not understood.
    name: "seconds arrive at once, and an answer more is asked for than there is a cause for",
    matches: ({ invariant }, { faults }) =>
      invariant === "asked-twice" &&
      (faults.includes("network.hole_up") || faults.includes("client.seconds_at_once")),
  },
  {
    // Seed 969. The ask that was swallowed is taken for cancelled; the provider begins it later, beside the next.
    name: "a provider that swallows an ask is asked again while it answers",
    matches: ({ invariant }, { faults }) =>
      invariant === "provider-protocol" && faults.includes("provider.swallows_ask"),
  },
];

/** The finding that explains the violation, or null when it is news. */
export function findingOf(outcome: Outcome): string | null {
  const { violation } = outcome;
  if (violation === null) return null;
  return FINDINGS.find((finding) => finding.matches(violation, outcome))?.name ?? null;
}
