/** Whether anything goes on in a session: what has to be over before it sleeps, and before somebody begins of its own accord. */
import type { Conduct } from "./conduct.ts";

/** Nothing is asked, being said, being heard or half said. */
export function isQuiet(conduct: Conduct): boolean {
  const { asides, listener, tools, turns } = conduct;
  return !tools?.busy && !asides.busy && !asides.asks && turns.still && isStill(conduct) && !listener.audible;
}

/** The same, but for what still plays, and for tasks under way. */
export function isUnasked(conduct: Conduct): boolean {
  const { asides, asking, floor, input, responses, talk, tools, turns } = conduct;
  if (floor.judging || floor.held || (turns.decides && input.endpointer.rising)) return false;
  if (!talk.hushed || talk.talks) return false;
  if (asides.ready) return false;
  return isStill(conduct) && !asking.holding && !tools?.answersSoon && !responses.ending;
}

/** Whatever the caller does. */
function isStill({ guard, responses, rounds, transcriber, witness }: Conduct): boolean {
  const owed = witness.owesAny || transcriber?.owes === true || responses.active.length > 0;
  if (rounds.open || guard?.input?.waits) return false;
  return !owed && !witness.hears;
}

/** Nothing is audible, pending or in flight: its object may sleep. */
export function mayRest(conduct: Conduct): boolean {
  const { lines, messages, presence, tools } = conduct;
  if (presence.status !== "connected" && tools?.pending !== true) return true;
  return conduct.quiet && !messages.busy && lines.every((link) => link.dormant);
}
