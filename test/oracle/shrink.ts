/** The shortest script that still differs: steps are left out in ever smaller runs, then what is left is made plain. */
import { isFair } from "./fair.ts";
import { differs } from "./judge.ts";
import type { Tampering } from "./play.ts";
import type { Script, Step } from "./script.ts";

/** Scripts played for one finding. */
const TRIES = 200;

/** Says who takes the turns, and settles: what is compared hangs on it. */
const OPENING = 2;

/** `tampering`: what was done to the relay when it differed. */
export async function shrink(script: Script, tampering: () => Tampering = () => ({})): Promise<Script> {
  const budget = { left: TRIES };
  const still = async (candidate: Script): Promise<boolean> => {
    if (budget.left <= 0 || !isFair(candidate.steps)) return false;
    budget.left -= 1;
    return differs(candidate, tampering());
  };
  let best = script;
  for (
    let size = Math.ceil(script.steps.length / 2);
    size >= 1;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let at = OPENING; at < best.steps.length;) {
      const steps = best.steps.toSpliced(at, size);
      if (await still({ ...best, steps })) best = { ...best, steps };
      else at += size;
    }
  }
  for (const plainer of plain(best)) if (await still(plainer(best))) best = plainer(best);
  return best;
}

function plain(script: Script): ((script: Script) => Script)[] {
  const whole: ((script: Script) => Script)[] = [
    (given) => ({ ...given, provider: "demo" }),
    (given) => ({ ...given, pace: 4, pieceMs: 40 }),
  ];
  const each = script.steps.map((_, at) => (given: Script): Script => {
    const step = given.steps[at];
    return step === undefined ? given : { ...given, steps: given.steps.with(at, plainStep(step)) };
  });
  return [...whole, ...each];
}

function plainStep(step: Step): Step {
  if (step.do === "send") return { do: "send", event: step.event };
  if (step.do === "say")
    return { ...step, seed: 1, chunkMs: 100, spelling: "plain", ms: Math.min(step.ms, 1_500) };
  return step;
}
