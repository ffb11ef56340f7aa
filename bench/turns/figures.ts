/** Verdicts to figures: what issue "The floor" asks to see, by its names. */
import type { Helped } from "./helped.ts";
import type { CallVerdict, FloorVerdict, TurnVerdict } from "./judge.ts";
import { NUISANCES } from "./script.ts";

export const TARGETS = {
  interruption_full_level_p50_ms: 120,
  interruption_full_level_p95_ms: 260,
  decision_to_flush_ms: 2,
  yield_percent: 98,
  false_cut_percent: 2,
  resumed_gapless_and_exact: true,
  hesitant_cut_in_percent: 5,
  hesitant_delay_p50_ms: 900,
  transcriber_hesitant_cut_in_percent: 5,
  transcriber_hesitant_delay_p50_ms: 600,
  eager_answer_p50_ms: 560,
  discarded_audible_or_remembered: 0,
  heard_error_acks_p95_ms: 40,
  heard_error_no_acks_p95_ms: 150,
} as const;

export interface Spread {
  readonly count: number;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly most: number | null;
}

export function spread(values: readonly (number | null)[]): Spread {
  const sorted = values.filter((value) => value !== null).toSorted((a, b) => a - b);
  const at = (share: number): number | null =>
    tenth(sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)]);
  return { count: sorted.length, p50: at(0.5), p95: at(0.95), most: tenth(sorted.at(-1)) };
}

function tenth(value: number | undefined): number | null {
  return value === undefined ? null : Math.round(value * 10) / 10;
}

function percent(part: number, whole: number): number | null {
  return whole === 0 ? null : Math.round((1000 * part) / whole) / 10;
}

export type Figures = ReturnType<typeof figuresOf>;

export function figuresOf(verdicts: readonly CallVerdict[]) {
  const floor = verdicts.flatMap((verdict) => verdict.floor);
  const turns = verdicts.filter(({ group }) => group === "turns").flatMap((verdict) => verdict.turns);
  const nuisances = floor.filter(({ kind }) => NUISANCES.has(kind));
  const resumed = verdicts.filter(({ resumes }) => resumes > 0);
  return {
    cases: {
      calls: verdicts.length,
      judged:
        floor.length +
        verdicts.filter(({ group }) => group !== "floor").flatMap(({ turns: all }) => all).length,
      failed: verdicts
        .filter(({ failure }) => failure !== null)
        .map(({ call, failure }) => `${call}: ${failure}`),
      errors: [
        ...new Set(verdicts.flatMap(({ call, errors }) => errors.map((error) => `${call}: ${error}`))),
      ].slice(0, 20),
    },
    interruption: interruptionOf(verdicts),
    nuisance: {
      false_cut_percent: percent(nuisances.filter(({ cut }) => cut).length, nuisances.length),
      false_hold_percent: percent(nuisances.filter(({ held }) => held).length, nuisances.length),
      ghost_turns: verdicts.reduce((sum, { ghostTurns }) => sum + ghostTurns, 0),
      by_kind: Object.fromEntries(
        [...NUISANCES].map((kind) => [kind, nuisanceOf(floor.filter((verdict) => verdict.kind === kind))]),
      ),
    },
    resumed: {
      calls: resumed.length,
      gapless_and_exact: verdicts.every(({ exact, starvedMs }) => exact && starvedMs === 0),
      inexact: verdicts.filter(({ exact }) => !exact).map(({ call }) => call),
      starved: verdicts
        .filter(({ starvedMs }) => starvedMs > 0)
        .map(({ call, starvedMs }) => `${call}: ${starvedMs} ms`),
    },
    turns: {
      hesitant: turnsOf(turns.filter(({ call }) => call.startsWith("hesitant"))),
      normal: turnsOf(turns.filter(({ call }) => call.startsWith("normal"))),
      fast: turnsOf(turns.filter(({ call }) => call.startsWith("fast"))),
      all: turnsOf(turns),
    },
    eager: eagerOf(verdicts),
    heard_position: {
      with_acks: spread(errorsOf(floor, true)),
      without_acks: spread(errorsOf(floor, false)),
    },
  };
}

/** A call's id without its number. */
function seriesOf(call: string): string {
  return call.replace(/-\d+$/, "");
}

function interruptionOf(verdicts: readonly CallVerdict[]) {
  const floor = verdicts.flatMap((verdict) => verdict.floor);
  /** Those that never came, because the agent did not get so far, were not yielded to either. */
  const unplayed = (series: string | null): number =>
    verdicts.filter(
      ({ call, unplayed: kinds }) =>
        kinds.includes("interruption") && (series === null || seriesOf(call) === series),
    ).length;
  const of = (series: string) => {
    const group = floor.filter(({ kind, call }) => kind === "interruption" && seriesOf(call) === series);
    return {
      cases: group.length,
      never_came: unplayed(series),
      yield_percent: percent(group.filter(({ onTime }) => onTime).length, group.length + unplayed(series)),
      full_level_ms: spread(group.map(({ fullForMs }) => fullForMs)),
      stopped_ms: spread(group.map(({ stoppedAfterMs }) => stoppedAfterMs)),
      whole_percent: percent(group.filter(({ turn }) => turn?.whole).length, group.length),
      missed: group
        .filter(({ onTime }) => !onTime)
        .map(({ call, label, decisions }) => `${call} '${label}': ${decisions.join(" ")}`),
    };
  };
  const all = floor.filter(({ kind }) => kind === "interruption");
  const overlap = floor.filter(({ kind }) => kind === "overlap");
  return {
    headphones: of("interruption"),
    over_echo: of("interruption-over-echo"),
    yield_percent: percent(all.filter(({ onTime }) => onTime).length, all.length + unplayed(null)),
    full_level_ms: spread(all.map(({ fullForMs }) => fullForMs)),
    stopped_ms: spread(all.map(({ stoppedAfterMs }) => stoppedAfterMs)),
    decision_to_flush_ms: spread(all.map(({ flushMs }) => flushMs)),
    decision_to_flush_at_client_ms: spread(all.map(({ flushAtClientMs }) => flushAtClientMs)),
    overlap: {
      cases: overlap.length,
      answered_percent: percent(overlap.filter(({ turn }) => turn?.delayMs !== null).length, overlap.length),
      whole_percent: percent(overlap.filter(({ turn }) => turn?.whole).length, overlap.length),
      missed: overlap
        .filter(({ turn }) => turn?.delayMs === null || turn?.whole !== true)
        .map(({ call, decisions }) => `${call}: ${decisions.join(" ")}`),
    },
  };
}

function nuisanceOf(group: readonly FloorVerdict[]) {
  return {
    cases: group.length,
    false_cut_percent: percent(group.filter(({ cut }) => cut).length, group.length),
    false_hold_percent: percent(group.filter(({ held }) => held).length, group.length),
    held_ms: spread(group.filter(({ held, cut }) => held && !cut).map(({ heldMs }) => heldMs)),
    /** The agent was heard on through all of it, at whatever level. */
    kept_sounding_percent: percent(group.filter(({ held, cut }) => !held && !cut).length, group.length),
    false_duck_percent: percent(group.filter(({ ducked }) => ducked).length, group.length),
    ducked_ms: spread(group.filter(({ ducked, cut }) => ducked && !cut).map(({ duckedMs }) => duckedMs)),
    cuts: group
      .filter(({ cut }) => cut)
      .map(({ call, label, decisions }) => `${call} '${label}': ${decisions.join(" ")}`),
  };
}

function turnsOf(turns: readonly TurnVerdict[]) {
  return {
    turns: turns.length,
    cut_in_percent: percent(turns.filter(({ cutIn }) => cutIn).length, turns.length),
    spoken_over_percent: percent(turns.filter(({ spokenOver }) => spokenOver).length, turns.length),
    answer_delay_ms: spread(turns.map(({ delayMs }) => delayMs)),
    unanswered: turns.filter(({ delayMs }) => delayMs === null).length,
    whole_percent: percent(turns.filter(({ whole }) => whole).length, turns.length),
  };
}

function eagerOf(verdicts: readonly CallVerdict[]) {
  const side = (group: "eager_on" | "eager_off") => {
    const calls = verdicts.filter((verdict) => verdict.group === group);
    return {
      fluent: turnsOf(calls.filter(({ call }) => !call.includes("wavering")).flatMap(({ turns }) => turns)),
      wavering: turnsOf(calls.filter(({ call }) => call.includes("wavering")).flatMap(({ turns }) => turns)),
      discarded: calls.reduce((sum, { discarded }) => sum + discarded.count, 0),
      kept_early: calls.reduce((sum, { discarded }) => sum + discarded.keptEarly, 0),
      discarded_audible: calls.reduce((sum, { discarded }) => sum + discarded.audible, 0),
      discarded_remembered: calls.reduce((sum, { discarded }) => sum + discarded.remembered, 0),
    };
  };
  return { on: side("eager_on"), off: side("eager_off") };
}

function errorsOf(floor: readonly FloorVerdict[], acks: boolean): (number | null)[] {
  return floor
    .filter((verdict) => verdict.acks === acks)
    .map(({ heardErrorMs }) => (heardErrorMs === null ? null : Math.abs(heardErrorMs)));
}

/** @param helped what the same speakers came to with a transcriber's words. */
export function missedOf(figures: Figures, helped: Helped): string[] {
  const { interruption, nuisance, resumed, turns, eager, heard_position } = figures;
  const missed: string[] = [];
  const most = (name: keyof typeof TARGETS, value: number | null): void => {
    if (value === null || value > Number(TARGETS[name]))
      missed.push(`${name}: ${value}, at most ${TARGETS[name]}`);
  };
  most("interruption_full_level_p50_ms", interruption.full_level_ms.p50);
  most("interruption_full_level_p95_ms", interruption.full_level_ms.p95);
  most("decision_to_flush_ms", interruption.decision_to_flush_ms.p95);
  if ((interruption.yield_percent ?? 0) < TARGETS.yield_percent) {
    missed.push(`yield_percent: ${interruption.yield_percent}, at least ${TARGETS.yield_percent}`);
  }
  for (const [kind, { false_cut_percent }] of Object.entries(nuisance.by_kind)) {
    if (false_cut_percent !== null && false_cut_percent > TARGETS.false_cut_percent) {
      missed.push(`false_cut_percent by ${kind}: ${false_cut_percent}, at most ${TARGETS.false_cut_percent}`);
    }
  }
  if (!resumed.gapless_and_exact) {
    missed.push(`resumed_gapless_and_exact: ${[...resumed.inexact, ...resumed.starved].join(", ")}`);
  }
  most("hesitant_cut_in_percent", turns.hesitant.cut_in_percent);
  most("hesitant_delay_p50_ms", turns.hesitant.answer_delay_ms.p50);
  most("transcriber_hesitant_cut_in_percent", helped.words_and_signs.hesitant_cut_in_percent);
  most("transcriber_hesitant_delay_p50_ms", helped.words_and_signs.hesitant_delay_p50_ms);
  most("eager_answer_p50_ms", eager.on.fluent.answer_delay_ms.p50);
  most("discarded_audible_or_remembered", eager.on.discarded_audible + eager.on.discarded_remembered);
  most("heard_error_acks_p95_ms", heard_position.with_acks.p95);
  most("heard_error_no_acks_p95_ms", heard_position.without_acks.p95);
  if (figures.cases.failed.length > 0)
    missed.push(`calls that did not go as planned: ${figures.cases.failed.join("; ")}`);
  return missed;
}
