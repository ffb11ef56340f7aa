/** What becomes of agents and of a sound over them: they give way while it is judged (`hold`, `duck`), and then? */
export type OverlapDecision = "hold" | "duck" | "interrupt" | "backchannel" | "noise" | "echo" | "background";

/** Explained by the echo, listened to for longer, too soft for the caller, or judged to be someone else. */
export type Passed = "echo" | "patience" | "soft" | "background";

export interface Overlap {
  readonly prefixTicks: number;
  /** The guard's frame at which it can have begun. */
  readonly fromFrame: number;
  /** It began when the agent might have been heard, and nothing spoke against that since. */
  mayEcho: boolean;
  /** Voice that it takes to hold the agent. */
  readonly patienceMs: number;
  voicedMs: number;
  silentMs: number;
  /** Why it does not hold the agent; it may still turn out to be the caller. Null: it does. */
  passed: Passed | null;
  /** So much quieter than the caller's usual, and it is someone else. */
  backgroundDb: number;
  /** Sum of power over the voiced hops, and their number: a mean of decibels is dragged down by the quiet ones. */
  power: number;
  hops: number;
  /** The words so far only say that the caller listens. */
  listening: boolean;
}

/** One hop of it was heard, at a level in dBFS where it is voice. */
export function heardHop(overlap: Overlap, voiced: boolean, hopMs: number, levelDb: number): void {
  overlap.silentMs = voiced ? 0 : overlap.silentMs + hopMs;
  if (!voiced) return;
  overlap.voicedMs += hopMs;
  overlap.power += 10 ** (levelDb / 10);
  overlap.hops += 1;
}

/** How loud it is is looked at anew. */
export function levelAnew(overlap: Overlap): void {
  overlap.power = 0;
  overlap.hops = 0;
}
