/** All kinds of faults, and which of them a seed crosses. */
import type { Random } from "../random.ts";
import { drawScenario, givingWay, oneVoice } from "../scenario.ts";
import type { Scenario } from "../world.ts";
import { CALLER_FAULTS } from "./caller.ts";
import { CLIENT_PLAYBACK_FAULTS } from "./client-playback.ts";
import { CLIENT_SENDING_FAULTS } from "./client-sending.ts";
import { CLIENT_SETTINGS_FAULTS } from "./client-settings.ts";
import type { Fault } from "./fault.ts";
import { guarded } from "../guard.ts";
import { GUARD_FAULTS } from "./guard.ts";
import { withMind } from "../minds.ts";
import { withTyped } from "../typed.ts";
import { withPlanChanges } from "../plan-changes.ts";
import { shadowed } from "../shadow.ts";
import { withAsides } from "../asides.ts";
import { withVoice } from "../voices.ts";
import { ASIDE_FAULTS } from "./asides.ts";
import { withTools } from "../tools.ts";
import { TOOL_FAULTS } from "./tools.ts";
import { NETWORK_FAULTS } from "./network.ts";
import { PLATFORM_FAULTS } from "./platform.ts";
import { PROVIDER_FAULTS } from "./provider.ts";
import { PROVIDER_MANNERS } from "./provider-manners.ts";

export const FAULTS: readonly Fault[] = [
  ...NETWORK_FAULTS,
  ...CALLER_FAULTS,
  ...CLIENT_PLAYBACK_FAULTS,
  ...CLIENT_SENDING_FAULTS,
  ...CLIENT_SETTINGS_FAULTS,
  ...PROVIDER_FAULTS,
  ...PROVIDER_MANNERS,
  ...PLATFORM_FAULTS,
  ...GUARD_FAULTS,
  ...TOOL_FAULTS,
  ...ASIDE_FAULTS,
];

/** @throws RangeError naming the fault that does not exist. */
export function faultNamed(name: string): Fault {
  const fault = FAULTS.find((one) => one.name === name);
  if (!fault)
    throw new RangeError(`there is no fault ${name}; there are ${FAULTS.map((one) => one.name).join(", ")}`);
  return fault;
}

/** What happens in ordinary calls, whatever else goes wrong in them. */
const EVERYDAY: readonly string[] = [
  "caller.barge_in",
  "provider.rollover",
  "caller.update",
  "client.eager_on_off",
  "caller.create",
  "provider.close_anytime",
  "client.player_stalls",
  "caller.cancel",
  "platform.evict",
  "caller.out_of_band",
  "caller.long_silence",
];

/**
 * Every tenth call has no fault at all; every other one has a pair, and the pairs are gone through in turn. Every second
 * call with a pair has something of the everyday besides, for what shows only where three things meet.
 */
export function faultsOf(seed: number, among: readonly string[]): readonly string[] {
  const pair = pairOf(seed, among);
  const everyday = EVERYDAY.filter((name) => among.includes(name) && !pair.includes(name));
  if (pair.length < 2 || everyday.length === 0 || seed % 2 === 0) return pair;
  return [...pair, everyday[(seed >> 1) % everyday.length] ?? ""];
}

function pairOf(seed: number, among: readonly string[]): readonly string[] {
  const pairs = (among.length * (among.length - 1)) / 2;
  if (seed % 10 === 0 || among.length === 0) return [];
  if (pairs === 0) return among;
  // A stride that shares no factor with the number of pairs goes through all of them.
  let stride = Math.floor(pairs * 0.618) | 1;
  while (commonFactor(stride, pairs) > 1) stride += 2;
  let left = (seed * stride) % pairs;
  for (let first = 0; ; first += 1) {
    const row = among.length - 1 - first;
    if (left < row) return [among[first] ?? "", among[first + 1 + left] ?? ""];
    left -= row;
  }
}

function commonFactor(a: number, b: number): number {
  return b === 0 ? a : commonFactor(b, a % b);
}

const DRAWS = 50;

function whole(random: Random, scenario: Scenario): Scenario {
  const judged = withTyped(random, guarded(random, oneVoice(random, givingWay(random, scenario))));
  const played = withVoice(random, withAsides(random, withMind(withTools(random, judged))));
  return withPlanChanges(random, shadowed(random, played));
}

/** A kind of call that can have all these faults; where there is none, a call with those that fit. */
export function drawFitting(random: Random, names: readonly string[]): Scenario {
  for (let draw = 1; ; draw += 1) {
    const scenario = drawScenario(random, names);
    const fitting = names.filter((name) => faultNamed(name).fits?.(scenario) ?? true);
    if (fitting.length === names.length) return whole(random, scenario);
    if (draw === DRAWS) return whole(random, { ...scenario, faults: fitting });
  }
}
