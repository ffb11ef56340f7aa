/** What an eagerness accepts, and the bounds within which a silence ends a turn. */
import type { TurnDetection } from "../../protocol/session-config.ts";

export type Eagerness = Extract<TurnDetection, { type: "semantic_vad" }>["eagerness"];

/** A silence of so long may be the end of a turn: it is looked at, once. */
export const CANDIDATE_MS = 96;

export interface Waits {
  /** Interruptions of the caller per silence that are accepted, by what is known: the less, the longer the wait. */
  readonly accepted: number;
  /** Milliseconds of silence: never less, never more, whatever is known. */
  readonly leastMs: number;
  readonly mostMs: number;
}

const MEDIUM: Waits = { accepted: 0.014, leastMs: 480, mostMs: 1600 };

export const WAITS: Readonly<Record<Eagerness, Waits>> = {
  low: { accepted: 0.004, leastMs: 700, mostMs: 2600 },
  medium: MEDIUM,
  auto: MEDIUM,
  high: { accepted: 0.05, leastMs: 360, mostMs: 1200 },
};
