/** Scripts whose outcome is not a matter of chance. */
import type { Step } from "./script.ts";

/**
 * Nothing hangs on what comes first in one moment: what is cancelled has begun a while ago, and nobody dials again in
 * the middle of an event, or without saying again who takes the turns.
 */
export function isFair(steps: readonly Step[]): boolean {
  let asked = false;
  let waited = true;
  let dialled = false;
  for (const step of steps) {
    if (step.do === "reconnect" && !waited) return false;
    if (dialled && !(step.do === "send" && step.event["type"] === "session.update")) return false;
    dialled = step.do === "reconnect";
    waited = step.do === "wait" || step.do === "settle";
    if (step.do !== "send") asked = asked && step.do === "say" && step.burst;
    else if (step.event["type"] === "response.create") asked = true;
    else if (asked && step.event["type"] === "response.cancel") return false;
  }
  return true;
}
