/** A voice alone, alone again, and beside a shadow, with the very same delays: what the caller has of it is to be the same. */
import { seeded } from "../../test/support/signal.ts";
import { PlannedCall, type Heard } from "./call.ts";

export interface ShadowFigures {
  readonly turns: number;
  /** Answers of the shadow in these turns, and turns in which something of it was heard. */
  readonly shadow_asked: number;
  readonly shadow_heard: number;
  /** Of the same turn beside a shadow and alone: milliseconds to the first sample, and turns that differ in words or samples. */
  readonly delay_ms_more_most: number;
  readonly turns_that_differ: number;
  /** CPU of the message that brings the first sample, median: beside a shadow, and of two runs alone, less the first of them. */
  readonly handle_ms_more: number;
  readonly handle_ms_more_alone: number;
}

const DELAY_MS = [100, 1500] as const;
const CUT_EVERY = 5;
const CUT_MS = [150, 900] as const;
const SHADOW = 1;

function between(random: () => number, [least, most]: readonly [number, number]): number {
  return Math.round(least + random() * (most - least));
}

async function play(turns: number, shadows: number) {
  const delays = Array.from({ length: 1 + shadows }, (_, voice) => {
    const random = seeded(1000 + voice);
    return () => between(random, DELAY_MS);
  });
  const cuts = seeded(77);
  const call = new PlannedCall(delays, null, null, shadows);
  await call.begin();
  const heard: Heard[] = [];
  for (let turn = 1; turn <= turns; turn += 1)
    heard.push(await call.turn(turn % CUT_EVERY === 0 ? between(cuts, CUT_MS) : null));
  return { heard, asked: call.voices[SHADOW]?.asked ?? 0 };
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const handleMs = (heard: readonly Heard[]): number => median(heard.map((one) => one.handleMs));
const same = (a: Heard, b: Heard | undefined): boolean =>
  a.words === b?.words && a.audioMs === b.audioMs && a.cutMs === b.cutMs;

export async function shadowFigures(turns: number): Promise<ShadowFigures> {
  const alone = await play(turns, 0);
  const again = await play(turns, 0);
  const beside = await play(turns, 1);
  const more = beside.heard.map((one, turn) => one.delayMs - (alone.heard[turn]?.delayMs ?? Number.NaN));
  return {
    turns,
    shadow_asked: beside.asked,
    shadow_heard: beside.heard.filter(({ voices }) => voices.has(SHADOW)).length,
    delay_ms_more_most: Math.max(...more.map(Math.abs)),
    turns_that_differ: beside.heard.filter((one, turn) => !same(one, alone.heard[turn])).length,
    handle_ms_more: Number((handleMs(beside.heard) - handleMs(alone.heard)).toFixed(3)),
    handle_ms_more_alone: Number((handleMs(again.heard) - handleMs(alone.heard)).toFixed(3)),
  };
}

export function shadowMissed(figures: ShadowFigures): readonly string[] {
  const { turns, shadow_asked, shadow_heard, delay_ms_more_most, turns_that_differ } = figures;
  return [
    ...(shadow_asked < turns ? [`shadow: asked ${shadow_asked} times in ${turns} turns`] : []),
    ...(shadow_heard > 0 ? [`shadow: heard in ${shadow_heard} turns`] : []),
    ...(delay_ms_more_most > 0
      ? [`shadow: an answer came ${delay_ms_more_most} ms otherwise than alone`]
      : []),
    ...(turns_that_differ > 0 ? [`shadow: ${turns_that_differ} answers are not those heard alone`] : []),
  ];
}
