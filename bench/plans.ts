/**
 * Two demo voices as one: how long until somebody is heard when both are asked (`race`), or the second when the first is late
 * (`hedge`), beside each voice alone with the very same delays. In virtual time, without a line: what is measured is what the
 * plan makes of the delays, that nobody else is heard, and what the other knows in the next turn.
 */
import type { StrategyChoice } from "../src/session/state/plan.ts";
import { seeded } from "../test/support/signal.ts";
import { backgroundFigures, type BackgroundFigures } from "./plans/background.ts";
import {
  FANOUT_CPU_RATIO,
  fanoutFigures,
  fanoutMissed,
  fanoutPanel,
  type FanoutFigures,
} from "./plans/fanout.ts";
import { guardFigures, type GuardFigures } from "./plans/guard.ts";
import type { Flags } from "./flags.ts";
import { PlannedCall, replyOf, type Heard } from "./plans/call.ts";
import { LETTER_MS, type Remembered } from "./plans/demo-voice.ts";
import { shadowFigures, shadowMissed } from "./plans/shadow.ts";
import { markdownTable, type Picture } from "./report.ts";
import type { BenchOptions, BenchResult } from "./run.ts";

export const description = "two models as one voice: a race and a hedge, beside each model alone";
const PARTS = ["voices", "shadow", "background", "fanout"] as const;
export const flags: Flags = {
  turns: { value: "N", says: "turns of each arm (500)" },
  rounds: { value: "N", says: "seconds of each arm of the fan-out (9)" },
  only: { value: PARTS.join(","), says: "some of its parts" },
};
export const lasts = "three minutes";

const TURNS = 500;
const ROUNDS = 9;
const DELAY_MS = [100, 1500] as const;
const HEDGE_MS = 600;
/** Every so many-th answer is cut, so many milliseconds after its first sample. */
const CUT_EVERY = 5;
const CUT_MS = [150, 900] as const;

const GUARD_CASES = 200;
const BACKGROUND_TASKS = 150;

const TARGETS = {
  shadow_heard: 0,
  shadow_delay_ms_more_most: 0,
  guard_refused_ms_heard: 0,
  guard_over_moderator_ms: 5,
  race_over_minimum_ms_median: 5,
  race_handle_ms_over_alone_median: 1,
  answers_of_more_than_one_voice: 0,
  answers_with_mixed_words: 0,
  histories_that_disagree: 0,
  hedge_p95_ms: "deadline + the second's median",
  hedge_extra_share: "at most the share that missed the deadline",
  background_over_caller: 0,
  background_over_agent_at_a_gap: 0,
  background_twice_late_out_of_order_or_without_end: 0,
  fanout_cpu_ratio: FANOUT_CPU_RATIO,
};

interface Arm {
  readonly name: string;
  readonly heard: readonly Heard[];
  /** Answers asked for, by voice. */
  readonly asked: readonly number[];
  /** Turns after which some voice did not remember what was heard. */
  readonly disagree: number;
}

function between(random: () => number, [least, most]: readonly [number, number]): number {
  return Math.round(least + random() * (most - least));
}

/** @param voices numbers of the voices, each with delays of its own seed. */
async function play(
  name: string,
  voices: readonly number[],
  strategy: StrategyChoice | null,
  turns: number,
): Promise<Arm> {
  const delays = voices.map((voice) => {
    const random = seeded(1000 + voice);
    return () => between(random, DELAY_MS);
  });
  const cuts = seeded(77);
  const call = new PlannedCall(delays, strategy);
  await call.begin();
  const heard: Heard[] = [];
  let disagree = 0;
  for (let turn = 1; turn <= turns; turn += 1) {
    const cutAfterMs = turn % CUT_EVERY === 0 ? between(cuts, CUT_MS) : null;
    const before = call.voices.map(({ remembers }) => new Set(remembers.keys()));
    const one = await call.turn(cutAfterMs);
    heard.push(one);
    const added = call.voices.map(({ remembers }, voice) =>
      [...remembers].filter(([id]) => !before[voice]?.has(id)).map(([, what]) => what),
    );
    if (!added.every((each) => agrees(each, one))) disagree += 1;
  }
  return { name, heard, asked: call.voices.map(({ asked }) => asked), disagree };
}

/**
 * What a voice came to remember in this turn is what was heard: its own answer by its place, another's by its words. The relay
 * works out which words that were from the share of the audio, so they may be one more or one less than were whole.
 */
function agrees(added: readonly Remembered[], heard: Heard): boolean {
  const [last, more] = added;
  if (more !== undefined) return false;
  if (heard.cutMs === null) return last?.words === heard.words;
  if (last !== undefined && last.cutMs !== null) return last.cutMs === heard.cutMs;
  const said = heard.words.split(" ");
  const told = last === undefined || last.words === "" ? [] : last.words.split(" ");
  const whole = said.filter(
    (_, at) => said.slice(0, at + 1).join(" ").length * LETTER_MS <= (heard.cutMs ?? 0),
  );
  return Math.abs(told.length - whole.length) <= 1 && told.every((word, at) => word === said[at]);
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

const delaysOf = ({ heard }: Arm): readonly number[] => heard.map(({ delayMs }) => delayMs);

function figuresOf(arm: Arm) {
  const delays = delaysOf(arm);
  const handles = arm.heard.map(({ handleMs }) => handleMs);
  return {
    median_ms: quantile(delays, 0.5),
    p95_ms: quantile(delays, 0.95),
    handle_ms_median: Number(quantile(handles, 0.5).toFixed(3)),
    asked: arm.asked,
    cut: arm.heard.filter(({ cutMs }) => cutMs !== null).length,
    more_than_one_voice: arm.heard.filter(({ voices }) => voices.size !== 1).length,
    mixed_words: arm.heard.filter(({ words }) => !ofOneAnswer(words)).length,
    histories_that_disagree: arm.disagree,
  };
}

/** The words are the beginning of one answer of one voice. */
function ofOneAnswer(words: string): boolean {
  const [, name, answer] = /^([a-z]+)(\d+)w0/.exec(words) ?? [];
  const voice = name === "alder" ? 0 : 1;
  return name !== undefined && replyOf(voice, Number(answer)).startsWith(words.trimEnd());
}

function missedBehind(figures: BackgroundFigures): readonly string[] {
  const none = ["over_caller", "over_agent", "twice", "late", "out_of_order", "without_end"] as const;
  return none.filter((name) => figures[name] > 0).map((name) => `background: ${figures[name]} ${name}`);
}

export async function run(options: BenchOptions): Promise<BenchResult> {
  const turns = options.given.number("turns", TURNS);
  const parts = options.given.some("only", PARTS);
  const shadow = parts.includes("shadow") ? await shadowFigures(turns) : null;
  if (shadow) options.say(JSON.stringify({ shadow }));
  const background = parts.includes("background") ? backgroundFigures(BACKGROUND_TASKS) : null;
  if (background) options.say(JSON.stringify({ background }));
  const rounds = options.given.number("rounds", ROUNDS);
  const fanout = parts.includes("fanout") ? await fanoutFigures(rounds, options.say) : null;
  if (fanout) options.say(JSON.stringify({ fanout }));
  const others = [
    ...(shadow ? shadowMissed(shadow) : []),
    ...(background ? missedBehind(background) : []),
    ...(fanout ? fanoutMissed(fanout) : []),
  ];
  const beside = { ...(shadow && { shadow }), ...(background && { background }), ...(fanout && { fanout }) };
  if (!parts.includes("voices"))
    return { bench: "plans", figures: beside, targets: TARGETS, missed: others, partial: true };
  const arms = [
    await play("first alone", [0], null, turns),
    await play("second alone", [1], null, turns),
    await play("race", [0, 1], { name: "race" }, turns),
    await play(`hedge after ${HEDGE_MS} ms`, [0, 1], { name: "hedge", hedgeMs: HEDGE_MS }, turns),
  ] as const;
  const [first, second, race, hedge] = arms;
  const rows = arms.map((arm) => ({ arm: arm.name, ...figuresOf(arm) }));
  for (const row of rows) options.say(JSON.stringify(row));
  const [firsts, seconds] = [delaysOf(first), delaysOf(second)];
  const over = delaysOf(race).map((ms, turn) => ms - Math.min(firsts[turn] ?? ms, seconds[turn] ?? ms));
  const [one, two, raced, hedged] = [first, second, race, hedge].map(figuresOf);
  if (!one || !two || !raced || !hedged) throw new Error("an arm is missing");
  const guard = await guardFigures(GUARD_CASES);
  options.say(JSON.stringify({ guard }));
  const figures = {
    turns,
    guard,
    ...beside,
    delays_ms: DELAY_MS,
    hedge_ms: HEDGE_MS,
    rows,
    race_over_minimum_ms: { median: quantile(over, 0.5), most: quantile(over, 1) },
    race_handle_ms_over_alone: Number((raced.handle_ms_median - one.handle_ms_median).toFixed(3)),
    hedge_most_ms_for_p95: HEDGE_MS + two.median_ms,
    hedge_extra_share: (hedged.asked[1] ?? 0) / turns,
    hedge_missed_share: firsts.filter((ms) => ms > HEDGE_MS).length / turns,
  };
  const table = rows.map((row) => cells(row));
  if (!options.json) process.stdout.write(`\n${markdownTable(HEAD, table)}\n\n`);
  return {
    bench: "plans",
    figures,
    targets: TARGETS,
    missed: [...missed(figures), ...others],
    picture: pictureOf(arms, turns, fanout),
    partial: turns !== TURNS || rounds !== ROUNDS || parts.length < PARTS.length,
  };
}

interface Figures {
  readonly guard: GuardFigures;
  readonly rows: readonly ({ readonly arm: string } & ReturnType<typeof figuresOf>)[];
  readonly race_over_minimum_ms: { readonly median: number };
  readonly race_handle_ms_over_alone: number;
  readonly hedge_most_ms_for_p95: number;
  readonly hedge_extra_share: number;
  readonly hedge_missed_share: number;
}

function missed(figures: Figures): readonly string[] {
  const found: string[] = [];
  const expect = (holds: boolean, what: string): void => void (holds || found.push(what));
  const { median } = figures.race_over_minimum_ms;
  expect(
    median <= TARGETS.race_over_minimum_ms_median,
    `race: heard ${median} ms after the sooner one (median)`,
  );
  const { race_handle_ms_over_alone: cpu } = figures;
  expect(cpu < TARGETS.race_handle_ms_over_alone_median, `race: the first sample costs ${cpu} ms more`);
  for (const row of figures.rows) {
    expect(row.more_than_one_voice === 0, `${row.arm}: ${row.more_than_one_voice} answers not of one voice`);
    expect(row.mixed_words === 0, `${row.arm}: ${row.mixed_words} answers with mixed words`);
    expect(
      row.histories_that_disagree === 0,
      `${row.arm}: after ${row.histories_that_disagree} turns a model remembers otherwise`,
    );
  }
  const { refused_ms_heard: leaked, wrongly_decided: wrong, ...guard } = figures.guard;
  expect(leaked <= TARGETS.guard_refused_ms_heard, `guard: ${leaked} ms of refused sentences were heard`);
  expect(wrong === 0, `guard: ${wrong} answers were decided wrongly`);
  for (const over of [guard.over_moderator_ms_most, guard.over_window_ms_most])
    expect(
      over <= TARGETS.guard_over_moderator_ms,
      `guard: ${over} ms from the moderator's time or the window`,
    );
  const p95 = figures.rows.at(-1)?.p95_ms ?? Infinity;
  const most = figures.hedge_most_ms_for_p95;
  expect(p95 <= most, `hedge: p95 is ${p95} ms, at most ${most}`);
  const { hedge_extra_share: extra, hedge_missed_share: late } = figures;
  expect(extra <= late, `hedge: ${extra} of the turns asked the second, and ${late} missed the deadline`);
  return found;
}

const HEAD = ["plan", "median ms", "p95 ms", "asked", "not of one voice", "mixed words", "history disagrees"];

function cells(row: Figures["rows"][number]): (string | number)[] {
  return [
    row.arm,
    row.median_ms,
    row.p95_ms,
    row.asked.join(" + "),
    row.more_than_one_voice,
    row.mixed_words,
    row.histories_that_disagree,
  ];
}

function pictureOf(arms: readonly Arm[], turns: number, fanout: FanoutFigures | null): Picture {
  const shares = Array.from({ length: 101 }, (_, at) => at / 100);
  return {
    title: "Two models as one voice: how long until somebody is heard",
    subtitle: `${turns} turns each; each model begins after ${DELAY_MS.join(" to ")} ms, drawn evenly; virtual time, no line`,
    panels: [
      {
        kind: "lines",
        title: "Share of answers that had begun",
        xLabel: "milliseconds after the question",
        yLabel: "share",
        series: arms.map((arm) => ({
          name: arm.name,
          points: shares.map((share) => [quantile(delaysOf(arm), share), share] as const),
        })),
      },
      {
        kind: "table",
        title: "Answers",
        head: HEAD,
        rows: arms.map((arm) => cells({ arm: arm.name, ...figuresOf(arm) })),
      },
      ...(fanout ? [fanoutPanel(fanout)] : []),
    ],
  };
}
