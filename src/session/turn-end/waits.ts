/** How long a silence lasts before it is taken for the end of a turn: the bounds within which evidence moves it. */
import type { TurnDetection } from "../../protocol/session-config.ts";

export type Eagerness = Extract<TurnDetection, { type: "semantic_vad" }>["eagerness"];

/** Milliseconds of silence. */
export interface Waits {
  /** Nothing is known of the speaker, and nothing speaks for an end. */
  readonly usualMs: number;
  /** The evidence says that the turn is over. */
  readonly quickMs: number;
  /** At least this when the evidence says that it is not. */
  readonly fullMs: number;
  /** Never less, never more, whatever is learned or said. The upper ones are OpenAI's. */
  readonly leastMs: number;
  readonly mostMs: number;
}

const MEDIUM: Waits = { usualMs: 1050, quickMs: 480, fullMs: 1300, leastMs: 400, mostMs: 4000 };

export const WAITS: Readonly<Record<Eagerness, Waits>> = {
  low: { usualMs: 1600, quickMs: 800, fullMs: 2000, leastMs: 700, mostMs: 8000 },
  medium: MEDIUM,
  auto: MEDIUM,
  high: { usualMs: 700, quickMs: 320, fullMs: 900, leastMs: 280, mostMs: 2000 },
};
