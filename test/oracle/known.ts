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

const says = (script: Script, pattern: RegExp): boolean => pattern.test(JSON.stringify(script.steps));

export const KNOWN: readonly Known[] = [
  {
    id: "R07",
    what: "the rest of a refused update is in force; a refused item stays, a refused answer is told as begun and failed; unknown keys are kept",
    concerns: (script) =>
      script.steps.some(
        (step) =>
          step.do === "send" &&
          REFUSED_BY_PROVIDER.some((pattern) => pattern.test(JSON.stringify(step.event))),
      ),
  },
  {
    id: "N13",
    what: "the voice of one answer is not told",
    concerns: (script) => says(script, /"response":\{"audio":\{"output":\{"voice"/),
  },
  {
    id: "R17",
    what: "audio in an item is passed on in the client's format",
    concerns: (script) => says(script, /"type":"input_audio"/),
  },
  {
    id: "N-untyped",
    what: "an update without a type is taken",
    concerns: (script) => says(script, /"no type"/),
  },
  {
    id: "N-part-end",
    what: "a part ends when its item ends, not when the provider ends it",
    concerns: (script) => script.provider === "text and audio",
  },
  {
    id: "R28",
    what: "the deltas of a growing transcript add up to less than its end",
    concerns: (script) => script.provider === "growing transcripts",
  },
  {
    id: "N-unnamed",
    what: "a delete that waits for the provider's name of an item is overtaken by the response.create after it",
    concerns: (script) =>
      script.provider === "item ids of its own" && says(script, /"conversation.item.delete"/),
  },
];

const REFUSED_BY_PROVIDER = [
  /"bad name!"/,
  /"tools":\[\{"type":"function"\}\]/,
  /"voice":"v-marin"/,
  /"prompt":"pmpt"/,
  /"effort":"enormous"/,
  /"truncation":"sometimes"/,
  /"tool_choice":"sometimes"/,
  /"type":"far"/,
  /"audio\/opus"/,
  /"content":\[\]/,
  /"type":"nothing"/,
  /"unheard_of":true/,
  /"modalities":\["text"\]/,
  /"voice":"v-alloy"/,
  /"input_audio_format"/,
];

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
