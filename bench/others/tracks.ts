/** What others' rulers look at: who sounds when, in milliseconds of the caller's clock. */
import type { PlayedCue } from "../turns/caller.ts";
import type { PlayedCall } from "../turns/core.ts";
import { PER_MS } from "../turns/sounds.ts";

export interface Span {
  readonly from: number;
  readonly to: number;
}

/** One sound over the agent, and all that the agent said in the call. */
export interface Moment {
  readonly row: string;
  readonly played: PlayedCall;
  readonly cue: PlayedCue;
  readonly sound: Span;
  readonly agent: readonly Span[];
}

/** What follows on within a frame is one. */
const JOINED_MS = 25;

function agentOf({ caller }: PlayedCall): Span[] {
  const spans: { from: number; to: number }[] = [];
  for (const { at, from, to } of caller.player.spans) {
    const next = { from: at / PER_MS, to: (at + to - from) / PER_MS };
    const last = spans.at(-1);
    if (last && next.from - last.to < JOINED_MS) last.to = next.to;
    else spans.push(next);
  }
  return spans;
}

export function spanOf({ at, cue }: PlayedCue): Span {
  return { from: at / PER_MS, to: (at + cue.sound.length) / PER_MS };
}

/** The sound over the agent; null: it never came. */
export function momentOf(row: string, played: PlayedCall): Moment | null {
  const cue = played.caller.cues[1];
  return cue ? { row, played, cue, sound: spanOf(cue), agent: agentOf(played) } : null;
}

/** When what the agent said at a moment ended; null: it said nothing. */
export function saidUntil(agent: readonly Span[], at: number): number | null {
  return agent.find(({ from, to }) => from <= at && to > at)?.to ?? null;
}
