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

const FINDINGS: readonly Finding[] = [
  {
    name: "an answer that nobody asked for goes on after an interruption",
    matches: ({ invariant }, outcome) => invariant === "history" && server(outcome),
  },
  {
    name: "an answer out of band that waited during an interruption is never released",
    matches: ({ invariant }, outcome) => invariant === "stuck" && struck(outcome, "caller.out_of_band"),
  },
  {
    name: "an item created while its upstream is closed reaches it twice",
    matches: ({ invariant, detail }) => invariant === "provider-protocol" && /item \S+ twice/.test(detail),
  },
  {
    name: "turn detection or a clear in mid-speech gives two turns one name, or says a pre-roll twice",
    matches: ({ invariant, detail }, outcome) =>
      struck(outcome, "caller.vad_off_on", "caller.clear") &&
      ((invariant === "event-order" && detail.startsWith("speech_started")) || invariant === "spoken-twice"),
  },
  {
    name: "after a clock that was set back agents seem audible",
    matches: ({ invariant }, outcome) =>
      struck(outcome, "platform.clock_back") &&
      (invariant === "spoken-lost" || invariant === "turn-unanswered" || invariant === "history"),
  },
  {
    name: "a provider that dies without a word is not noticed",
    matches: ({ invariant }, outcome) =>
      struck(
        outcome,
        "provider.hole_in_answer",
        "provider.hole_anytime",
        "provider.mute",
        "provider.stall",
      ) &&
      (invariant === "spoken-lost" || invariant === "turn-unanswered"),
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
      (invariant === "spoken-lost" || invariant === "turn-unanswered"),
  },
  {
    name: "a delta without names opens a second item, and audio is told of the wrong one",
    matches: ({ invariant, detail }, outcome) =>
      invariant === "event-order" && detail.startsWith("audio of") && struck(outcome, "provider.garbage"),
  },
  {
    name: "a client's commit or clear is not told to an upstream with its own detection, or names its turn twice",
    matches: ({ invariant, detail }, outcome) =>
      server(outcome) && invariant === "event-order" && /^speech_(started|stopped)|^committed/.test(detail),
  },
  {
    name: "after a clock that was set back deadlines come late",
    matches: ({ invariant }, outcome) => struck(outcome, "platform.clock_back") && invariant === "stuck",
  },
  {
    name: "a truncation reaches a connection that never had the item's audio",
    matches: ({ invariant, detail }) =>
      invariant === "provider-protocol" && / had to refuse: truncation /.test(detail),
  },
  {
    name: "after digital silence the energy detector takes a quiet room for speech",
    matches: ({ invariant }, outcome) => struck(outcome, "caller.zeros") && invariant === "turn-unanswered",
  },
  {
    name: "what was sent since the last snapshot is said again, or forgotten, when the object dies",
    matches: ({ invariant }, outcome) =>
      struck(outcome, "platform.evict", "platform.crash", "platform.deploy") &&
      invariant !== "acknowledged-lost",
  },
];

/** The finding that explains the violation, or null when it is news. */
export function findingOf(outcome: Outcome): string | null {
  const { violation } = outcome;
  if (violation === null) return null;
  return FINDINGS.find((finding) => finding.matches(violation, outcome))?.name ?? null;
}
