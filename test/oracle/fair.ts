/** Scripts whose outcome is not a matter of chance. */
import type { Step } from "./script.ts";

/** What only a provider finds wrong with a `response.create`. */
const REFUSED = /"tool_choice":"sometimes"|"unheard_of"|"bad name!"/;

/** A name that a client knows when it was told what it made, or what was said. */
const LEARNT = /"\$(?:user|item|assistant)"/;

/**
 * Nothing hangs on what comes first in one moment: what is cancelled has begun a while ago, and nobody dials again in
 * the middle of an event, or of the answer to what was spoken (the detectors are not in step: how far it came differs), or
 * without saying again who takes the turns. An answer that is refused is not followed by another
 * in the same moment: the relay answers at once whether one runs, and does not know yet that this one will not. Nor is an
 * item named by what was told of last where more may have been told by now.
 */
export function isFair(steps: readonly Step[]): boolean {
  let asked = false;
  let waited = true;
  let dialled = false;
  let spoken = false;
  let refused = false;
  for (const step of steps) {
    if (step.do === "reconnect" && (!waited || spoken)) return false;
    if (step.do === "say") spoken = true;
    else if (step.do === "settle") spoken = false;
    if (dialled && !(step.do === "send" && step.event["type"] === "session.update")) return false;
    dialled = step.do === "reconnect";
    if (!waited && step.do === "send" && LEARNT.test(JSON.stringify(step.event))) return false;
    waited = step.do === "wait" || step.do === "settle";
    const instant = step.do === "raw" || (step.do === "say" && step.burst);
    if (step.do !== "send") refused = refused && instant;
    else if (step.event["type"] === "response.create") {
      if (refused) return false;
      refused = REFUSED.test(JSON.stringify(step.event));
    }
    if (step.do !== "send") asked = asked && instant;
    else if (step.event["type"] === "response.create") asked = true;
    else if (asked && step.event["type"] === "response.cancel") return false;
  }
  return true;
}
