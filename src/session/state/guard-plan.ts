/** What a route says of its guard. */
import type { ModeratorChoice } from "./moderator-choice.ts";

interface GuardSide {
  /** All are asked; one is enough to refuse. */
  readonly moderators: readonly ModeratorChoice[];
  /** What nobody judged in time passes (`open`) or does not (`closed`). */
  readonly fail: "open" | "closed";
}

export interface InputGuardPlan extends GuardSide {
  /** The answer is not asked for before the caller's words are judged, for so long at most. */
  readonly waitMs: number;
}

export interface OutputGuardPlan extends GuardSide {
  /** Words and their sound wait to be judged, for so long at most; 0: nothing waits. */
  readonly holdMs: number;
  /** Told in place of what was refused. */
  readonly replacement?: string;
}

export interface GuardPlan {
  readonly input?: InputGuardPlan;
  readonly output?: OutputGuardPlan;
}

export type Side = keyof GuardPlan;
