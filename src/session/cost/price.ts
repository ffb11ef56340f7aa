/** What is counted, and what so much of everything comes to. */
import type { Price } from "../state/price.ts";

/** Tokens are disjoint: what was cached is in none of the others, nor is what belongs to a transcript. */
export const UNITS = [
  "heardSeconds",
  "saidSeconds",
  "openSeconds",
  "statedSeconds",
  "transcriptSeconds",
  "inputText",
  "inputAudio",
  "inputImage",
  "inputOther",
  "cachedText",
  "cachedAudio",
  "cachedImage",
  "cachedOther",
  "outputText",
  "outputAudio",
  "outputOther",
  "transcriptInput",
  "transcriptOutput",
  "characters",
] as const;
export type Unit = (typeof UNITS)[number];
/** Absent: none. */
export type Units = Partial<Record<Unit, number>>;

const MINUTE_S = 60;
const MILLION = 1_000_000;

/** Money for one of a unit. */
type Rates = Readonly<Record<Unit, number>>;

export function ratesOf(price: Price): Rates {
  const minute = (of: number | undefined): number => (of ?? 0) / MINUTE_S;
  const million = (...of: readonly (number | undefined)[]): number =>
    (of.find((each) => each !== undefined) ?? 0) / MILLION;
  const {
    inputTokensPerMillion: input,
    outputTokensPerMillion: output,
    cachedTokensPerMillion: cached,
  } = price;
  const text = price.inputTextTokensPerMillion ?? input;
  const audio = price.inputAudioTokensPerMillion ?? input;
  const image = price.inputImageTokensPerMillion ?? input;
  return {
    heardSeconds: minute(price.inputAudioPerMinute),
    saidSeconds: minute(price.outputAudioPerMinute),
    openSeconds: minute(price.openPerMinute),
    statedSeconds: minute(price.statedPerMinute),
    transcriptSeconds: minute(price.transcriptPerMinute),
    inputText: million(text),
    inputAudio: million(audio),
    inputImage: million(image),
    inputOther: million(input, price.inputTextTokensPerMillion),
    cachedText: million(price.cachedTextTokensPerMillion, cached, text),
    cachedAudio: million(price.cachedAudioTokensPerMillion, cached, audio),
    cachedImage: million(price.cachedImageTokensPerMillion, cached, image),
    cachedOther: million(cached, input, price.inputTextTokensPerMillion),
    outputText: million(price.outputTextTokensPerMillion, output),
    outputAudio: million(price.outputAudioTokensPerMillion, output),
    outputOther: million(output, price.outputTextTokensPerMillion),
    transcriptInput: million(price.transcriptInputTokensPerMillion),
    transcriptOutput: million(price.transcriptOutputTokensPerMillion),
    characters: million(price.speechCharactersPerMillion),
  };
}

export function moneyOf(units: Units, rates: Rates): number {
  return UNITS.reduce((sum, unit) => sum + (units[unit] ?? 0) * rates[unit], 0);
}

export function add(to: Units, units: Units): void {
  for (const unit of UNITS) {
    const more = units[unit] ?? 0;
    if (more !== 0) to[unit] = (to[unit] ?? 0) + more;
  }
}
