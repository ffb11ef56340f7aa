/**
 * Calls under a guard: what agents say in them, by the sentence, a moderator that is late or cannot be had, and that no sample
 * of a refused sentence is heard. Every word of a refused sentence is one that may not be said, so that each piece of it that
 * is judged is refused, however it is cut.
 */
import type { GuardPlan } from "../../src/session/state/guard-plan.ts";
import type { Random } from "./random.ts";
import type { Scenario, World } from "./world.ts";

export const GUARD_VETO = "guard.veto";

/** A word of five letters is said in this: 21 letters a second. */
const WORD_MS = 240;
const WORDS = 4;
/** Of so many sentences one is refused. */
const REFUSES_EVERY = 4;
const MODERATOR = { adapter: "openai", url: "https://moderator.sim/", headers: {}, model: "m" } as const;

/** Drawn only where it is named: all other calls are what they were. */
export function guarded(random: Random, scenario: Scenario): Scenario {
  if (!scenario.faults.includes(GUARD_VETO)) return scenario;
  // Where sound comes before its words, or the questions die with the object, what is open lets pass unjudged.
  const ordered = scenario.upstreams.every(({ profile }) => profile === "openai");
  const dies = scenario.faults.some((name) => name.startsWith("platform."));
  const fail = ordered && !dies && random.chance(0.4) ? "open" : "closed";
  const holdMs = random.pick([300, 500, 1000]);
  const replacement = random.chance(0.4) ? { replacement: "Let us talk of something else." } : {};
  return { ...scenario, guard: { output: { moderators: [MODERATOR], fail, holdMs, ...replacement } } };
}

/** Words that an answer says between two moments of its sound. */
export function wordsBetween(answer: number, fromMs: number, toMs: number): string {
  let words = "";
  for (let n = Math.ceil(fromMs / WORD_MS); n * WORD_MS < toMs; n += 1) {
    const word = isRefused(answer, Math.floor(n / WORDS)) ? "nasty" : "plain";
    words += n % WORDS === WORDS - 1 ? `${word}. ` : `${word} `;
  }
  return words;
}

function isRefused(answer: number, sentence: number): boolean {
  return (answer * 7 + sentence * 3) % REFUSES_EVERY === 1;
}

/** Samples of an answer reached the client's player. */
export function lookForRefused(world: World, answer: number, from: number, to: number): void {
  const { scenario, checks } = world;
  if (scenario.guard?.output === undefined) return;
  const perSentence = (WORD_MS * WORDS * scenario.rateHz) / 1000;
  for (let sentence = Math.floor(from / perSentence); sentence * perSentence < to; sentence += 1) {
    if (isRefused(answer, sentence))
      checks.fail("heard-refused", `samples of sentence ${sentence} of answer ${answer}, which is refused`);
    else checks.count("guard: pieces of sentences heard");
  }
}

/** Says what may pass, sometimes late, and sometimes not at all. */
export function moderatorOf(world: World, random: Random, plan: GuardPlan | undefined) {
  const { fail = "closed", holdMs = 0 } = plan?.output ?? {};
  return (text: string): Promise<string | null> => {
    const late = fail === "closed" && random.chance(0.08);
    const fails = fail === "closed" && random.chance(0.04);
    const afterMs = late ? random.between(holdMs, 2 * holdMs) : random.between(5, holdMs / 2 - 20);
    const refused = text.includes("nasty");
    if (refused) world.checks.strike(GUARD_VETO);
    world.checks.note(() => `moderator ← ${text.slice(-60)}`);
    return new Promise((resolve, reject) => {
      world.time.after(afterMs, () => {
        world.checks.note(() => `moderator → ${fails ? "nothing" : refused ? "refused" : "passes"}`);
        world.time.unsettled();
        if (fails) reject(new Error("no moderator"));
        else resolve(refused ? "nastiness" : null);
      });
    });
  };
}
