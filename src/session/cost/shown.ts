/** Sums as clients and applications are told them: seconds, tokens and money, and nothing of what is zero. */
import type { JsonObject } from "../../protocol/json.ts";
import type { Sum } from "./ledger.ts";
import type { Unit, Units } from "./price.ts";

/** Money is told to so many parts of one. */
const FINEST = 1e9;

export function rounded(money: number): number {
  return Math.round(money * FINEST) / FINEST;
}

export function totalOf(sums: readonly Sum[]): number {
  return sums.reduce((all, { money }) => all + (money ?? 0), 0);
}

const SHOWN: readonly (readonly [name: string, ...units: readonly Unit[]])[] = [
  ["input_audio_seconds", "heardSeconds"],
  ["output_audio_seconds", "saidSeconds"],
  ["open_seconds", "openSeconds"],
  ["stated_seconds", "statedSeconds"],
  ["transcript_seconds", "transcriptSeconds"],
  [
    "input_tokens",
    ...(["inputText", "inputAudio", "inputImage", "inputOther", "transcriptInput"] as const),
    ...(["cachedText", "cachedAudio", "cachedImage", "cachedOther"] as const),
  ],
  ["cached_tokens", "cachedText", "cachedAudio", "cachedImage", "cachedOther"],
  ["output_tokens", "outputText", "outputAudio", "outputOther", "transcriptOutput"],
  ["speech_characters", "characters"],
];

export function shownSums(sums: readonly Sum[]): JsonObject {
  return { cost: rounded(totalOf(sums)), upstreams: sums.map(shownSum) };
}

function shownSum({ upstream, role, kind, units, money }: Sum): JsonObject {
  return { upstream, role, kind, ...shownUnits(units), ...(money !== null && { cost: rounded(money) }) };
}

function shownUnits(units: Units): JsonObject {
  const shown = SHOWN.map(([name, ...of]) => {
    const sum = of.reduce((all, unit) => all + (units[unit] ?? 0), 0);
    return [name, Math.round(sum * 1000) / 1000] as const;
  });
  return Object.fromEntries(shown.filter(([, sum]) => sum !== 0));
}
