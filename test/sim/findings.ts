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

const server = ({ scenario }: Outcome): boolean =>
  scenario.upstreams.some((upstream) => upstream.kind === "server");
const struck = ({ struck }: Outcome, ...faults: readonly string[]): boolean =>
  faults.some((fault) => struck.has(fault));

const LOST: ReadonlySet<string> = new Set(["spoken-lost", "turn-unanswered"]);

const FINDINGS: readonly Finding[] = [
  {
    name: "a provider with its own turn detection that dies without a word, or never answers, is not noticed",
    matches: ({ invariant }, outcome) =>
      server(outcome) &&
      struck(outcome, "provider.hole_in_answer", "provider.hole_anytime", "provider.mute") &&
      LOST.has(invariant),
  },
  {
    name: "what is said while a provider that hears everything is dialled again is lost",
    matches: ({ invariant }, outcome) =>
      server(outcome) &&
      struck(
        outcome,
        "provider.refuse",
        "provider.no_answer",
        "provider.never_ready",
        "provider.close_anytime",
      ) &&
      LOST.has(invariant),
  },
  {
    name: "a delta without names opens a second item, and audio is told of the wrong one",
    matches: ({ invariant, detail }, outcome) =>
      struck(outcome, "provider.garbage") &&
      ((invariant === "event-order" && detail.startsWith("audio of")) ||
        (invariant === "provider-protocol" && detail.endsWith("deletion of an unknown item"))),
  },
  {
    name: "a client's commit is not told to an upstream with its own turn detection",
    matches: ({ invariant, detail }, outcome) =>
      server(outcome) && invariant === "event-order" && /^speech_(started|stopped)|^committed/.test(detail),
  },
  {
    name: "a turn that is said again to a provider's successor is cut to less than a commit takes, or left out",
    matches: ({ invariant, detail }, outcome) =>
      [...outcome.struck.keys()].some((fault) => fault.startsWith("provider.")) &&
      ((invariant === "provider-protocol" && / had to refuse: a commit of /.test(detail)) ||
        LOST.has(invariant)),
  },
  {
    name: "after digital silence the energy detector takes a quiet room for speech",
    matches: ({ invariant }, outcome) => struck(outcome, "caller.zeros") && invariant === "turn-unanswered",
  },
];

/** The finding that explains the violation, or null when it is news. */
export function findingOf(outcome: Outcome): string | null {
  const { violation } = outcome;
  if (violation === null) return null;
  return FINDINGS.find((finding) => finding.matches(violation, outcome))?.name ?? null;
}
