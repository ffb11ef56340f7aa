/** Who says what a turn of the caller's is: the relay, or the providers that do so by themselves. */
import type { TurnDetection } from "../../protocol/session-config.ts";
import type { Link } from "./ports.ts";

export interface Deciding {
  /** Turns are found here. */
  readonly edge: boolean;
  /** Speech is listened for though they are not. */
  readonly witness: boolean;
}

/**
 * Turns are decided at the edge unless the primary upstream insists on deciding itself and no other needs them. Then the
 * turns of those that decide by themselves are their own affair, and what they answer to them as well.
 */
export function whoDecides(turn: TurnDetection | null, links: readonly Link[]): Deciding {
  const primary = links[0]?.capabilities.turns;
  const needed = primary !== "server" || links.some(({ capabilities }) => capabilities.turns === "client");
  const edge = turn !== null && turn.type !== "duplex" && needed;
  // A provider that takes the turns may have died unheard; one that hears everything may have been hung up.
  const watched = links.some((link) => link.remote && link.capabilities.turns !== "client");
  return { edge, witness: !edge && watched };
}
