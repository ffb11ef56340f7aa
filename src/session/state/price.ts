/** What an upstream asks for, as `relay.config.ts` says it. */

/** Members of a price table, in money. */
export const PRICED = [
  /** Minutes of the caller's audio that it was sent, and of audio that it made. */
  "inputAudioPerMinute",
  "outputAudioPerMinute",
  /** Minutes in which a connection was open. */
  "openPerMinute",
  /** Minutes that the provider itself states (`audio_seconds`), of its session and of a transcript. */
  "statedPerMinute",
  "transcriptPerMinute",
  /** Of all tokens that have no price of their own. */
  "inputTokensPerMillion",
  "inputTextTokensPerMillion",
  "inputAudioTokensPerMillion",
  "inputImageTokensPerMillion",
  /** Of input that the provider had cached; without it that costs what other input does. */
  "cachedTokensPerMillion",
  "cachedTextTokensPerMillion",
  "cachedAudioTokensPerMillion",
  "cachedImageTokensPerMillion",
  "outputTokensPerMillion",
  "outputTextTokensPerMillion",
  "outputAudioTokensPerMillion",
  /** Of the model that writes down what the caller says. */
  "transcriptInputTokensPerMillion",
  "transcriptOutputTokensPerMillion",
  /** Characters that a cascade's synthesiser was given. */
  "speechCharactersPerMillion",
] as const;

export type Price = Readonly<Partial<Record<(typeof PRICED)[number], number | undefined>>>;
