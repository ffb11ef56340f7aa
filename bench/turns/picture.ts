/** The picture of the figures. */
import type { Picture, Panel } from "../report.ts";
import type { BaselinePoint } from "../turns.ts";
import { TARGETS, type Figures, type Spread } from "./figures.ts";
import type { Helped } from "./helped.ts";

type Record = Figures & {
  readonly played: string;
  readonly fixed_silence_baseline: readonly BaselinePoint[];
  readonly with_transcriber: Helped;
};

export function picture(record: Record): Picture {
  const { calls, judged } = record.cases;
  return {
    title: "Turn-taking at the edge",
    subtitle: `${judged} judged moments in ${calls} calls; ${record.played}`,
    panels: [summary(record), nuisances(record), interruptions(record), patience(record), eager(record)],
  };
}

function summary(record: Record): Panel {
  const { interruption, nuisance, resumed, turns, eager: early, heard_position: heard } = record;
  const { words_and_signs: helped } = record.with_transcriber;
  const row = (name: string, value: number | boolean | null, target: string): [string, string, string] => [
    name,
    String(value ?? "–"),
    target,
  ];
  return {
    kind: "table",
    title: "What was asked, what came",
    head: ["", "measured", "target"],
    rows: [
      row(
        "interruption: onset → last full-level sample, p50 ms",
        interruption.full_level_ms.p50,
        `≤ ${TARGETS.interruption_full_level_p50_ms}`,
      ),
      row(
        "interruption: onset → last full-level sample, p95 ms",
        interruption.full_level_ms.p95,
        `≤ ${TARGETS.interruption_full_level_p95_ms}`,
      ),
      row(
        "decision → flush on the wire, p95 ms",
        interruption.decision_to_flush_ms.p95,
        `≤ ${TARGETS.decision_to_flush_ms}`,
      ),
      row("yields to interruptions, %", interruption.yield_percent, `≥ ${TARGETS.yield_percent}`),
      row("false cuts, %", nuisance.false_cut_percent, `≤ ${TARGETS.false_cut_percent}`),
      row("resumed gapless and sample-exact", resumed.gapless_and_exact, "true"),
      row(
        "hesitant speakers cut in on, %",
        turns.hesitant.cut_in_percent,
        `≤ ${TARGETS.hesitant_cut_in_percent}`,
      ),
      row(
        "their answer's delay, p50 ms",
        turns.hesitant.answer_delay_ms.p50,
        `≤ ${TARGETS.hesitant_delay_p50_ms}`,
      ),
      row(
        "with a transcriber: cut in on, %",
        helped.hesitant_cut_in_percent,
        `≤ ${TARGETS.transcriber_hesitant_cut_in_percent}`,
      ),
      row(
        "with a transcriber: delay, p50 ms",
        helped.hesitant_delay_p50_ms,
        `≤ ${TARGETS.transcriber_hesitant_delay_p50_ms}`,
      ),
      row(
        "eager answer's delay, p50 ms",
        early.on.fluent.answer_delay_ms.p50,
        `≤ ${TARGETS.eager_answer_p50_ms}`,
      ),
      row(
        "discarded answers heard or remembered",
        early.on.discarded_audible + early.on.discarded_remembered,
        "0",
      ),
      row(
        "heard position off, with acks, p95 ms",
        heard.with_acks.p95,
        `≤ ${TARGETS.heard_error_acks_p95_ms}`,
      ),
      row(
        "heard position off, without, p95 ms",
        heard.without_acks.p95,
        `≤ ${TARGETS.heard_error_no_acks_p95_ms}`,
      ),
    ],
  };
}

function nuisances(record: Record): Panel {
  return {
    kind: "bars",
    title: "Sounds that are no interruption",
    unit: "%",
    bars: ["stood still", "went on quieter", "cut"],
    groups: Object.entries(record.nuisance.by_kind).map(([label, one]) => ({
      label,
      values: [one.false_hold_percent, one.false_duck_percent, one.false_cut_percent],
    })),
  };
}

function interruptions(record: Record): Panel {
  const of = (label: string, { p50, p95 }: Spread) => ({ label, values: [p50, p95] });
  return {
    kind: "bars",
    title: "Onset of an interruption to the agent's last sample at full level",
    unit: "ms",
    bars: ["p50", "p95"],
    groups: [
      of("headphones", record.interruption.headphones.full_level_ms),
      of("over echo", record.interruption.over_echo.full_level_ms),
    ],
  };
}

function patience(record: Record): Panel {
  const points = record.fixed_silence_baseline.flatMap((point): [number, number][] =>
    point.hesitant_delay_p50_ms === null || point.hesitant_cut_in_percent === null
      ? []
      : [[point.hesitant_delay_p50_ms, point.hesitant_cut_in_percent]],
  );
  const { hesitant } = record.turns;
  const own: [number, number][] =
    hesitant.answer_delay_ms.p50 === null || hesitant.cut_in_percent === null
      ? []
      : [[hesitant.answer_delay_ms.p50, hesitant.cut_in_percent]];
  return {
    kind: "lines",
    title: "Hesitant speakers: patience against speed",
    xLabel: "median answer delay, ms (a model that needs no time)",
    yLabel: "turns cut in on, %",
    series: [
      { name: "fixed silence 200 … 1200 ms", points: points.toSorted((a, b) => a[0] - b[0]) },
      { name: "semantic_vad", points: own },
    ],
    y: [0, 100],
  };
}

function eager(record: Record): Panel {
  const { on, off } = record.eager;
  const of = (label: string, fluent: Spread, wavering: Spread) => ({
    label,
    values: [fluent.p50, wavering.p50],
  });
  return {
    kind: "bars",
    title: "End of speech to the answer: 500 ms hangover, 300 ms model, p50",
    unit: "ms",
    bars: ["fluent", "wavering"],
    groups: [
      of("eager", on.fluent.answer_delay_ms, on.wavering.answer_delay_ms),
      of("not eager", off.fluent.answer_delay_ms, off.wavering.answer_delay_ms),
    ],
  };
}
