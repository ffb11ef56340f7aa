/** Calls in which an upstream is tried out beside those that speak: not a sample of it is heard. */
import type { Random } from "./random.ts";
import type { Scenario, World } from "./world.ts";

export const SHADOW = "shade";
const MOST_UPSTREAMS = 4;

/** Drawn last of all, so that other calls are what they were. */
export function shadowed(random: Random, scenario: Scenario): Scenario {
  const { upstreams, manual } = scenario;
  const [first] = upstreams;
  const apt = !manual && upstreams.every(({ kind }) => kind === "turns") && upstreams.length < MOST_UPSTREAMS;
  if (!apt || first === undefined || !random.chance(0.2)) return scenario;
  return { ...scenario, upstreams: [...upstreams, { ...first, name: SHADOW, profile: "openai" }] };
}

export function isShaded({ upstreams }: Scenario): boolean {
  return upstreams.some(({ name }) => name === SHADOW);
}

/** Something of an answer is heard. */
export function lookForShadow({ checks, shadowAnswers }: World, answer: number): void {
  if (shadowAnswers.has(answer)) checks.fail("heard-unknown", `answer ${answer} of a shadow was heard`);
}
