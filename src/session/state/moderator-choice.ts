/** Moderators, as a route chooses them. */

export interface OpenAiChoice {
  readonly adapter: "openai";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly model: string;
  /** Only these count; absent: whatever is flagged. */
  readonly categories?: readonly string[];
}

export interface PatternsChoice {
  readonly adapter: "patterns";
  /** Category → patterns. */
  readonly patterns: Readonly<Record<string, readonly string[]>>;
}

export interface WorkersAiChoice {
  readonly adapter: "workers-ai";
  readonly binding: string;
  readonly model: string;
}

export type ModeratorChoice = OpenAiChoice | PatternsChoice | WorkersAiChoice;
