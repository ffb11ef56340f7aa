/**
 * Ends of turns on recorded people: `semantic_vad` against fixed silences, on the same calls, in virtual time, of
 * every other speaker. The other half (`--tune`) is for those who choose constants (docs/turn-end.md says how these were).
 */
import { humanCalls, type HumanCall, type Kind } from "./ends/callers.ts";
import { LATE_MS, ScriptedEar, STOPS } from "./ends/ear.ts";
import { monologues, people, recordedPeople, type Person } from "./ends/recordings.ts";
import { markdownTable, type Picture } from "./report.ts";
import { playInCore, type Beside } from "./turns/core.ts";
import { spread } from "./turns/figures.ts";
import { judge, type TurnVerdict } from "./turns/judge.ts";
import type { Flags } from "./flags.ts";
import type { BenchOptions, BenchResult } from "./run.ts";
import type { JsonObject } from "../src/protocol/json.ts";

export const description = "ends of turns on recorded people: semantic_vad against fixed silences";
export const flags: Flags = {
  only: { value: "ARM", says: "only arms whose name begins so" },
  tune: { says: "the speakers that figures are chosen with, not those that are reported" },
  seed: { value: "N", says: "another choice of calls" },
};
export const lasts = "some minutes";

const TARGETS = {
  hesitant_cut_in_percent: 5,
  hesitant_p50_ms: 900,
  with_words_p50_ms: 600,
  fluent_cut_in_percent: 2,
  first_fluent_p50_ms: 700,
};
const FIXED_MS = [500, 600, 800, 1000, 1200, 1400, 1600];
const DEFAULT_SEED = 20_261_123;

interface Arm {
  readonly name: string;
  readonly session: JsonObject;
  readonly beside?: (call: HumanCall) => Beside;
}

const semantic = (eagerness: string): JsonObject => ({ type: "semantic_vad", eagerness });
const ARMS: readonly Arm[] = [
  ...FIXED_MS.map((ms) => ({
    name: `fixed ${ms}`,
    session: { type: "server_vad", silence_duration_ms: ms },
  })),
  ...["high", "medium", "low"].map((eagerness) => ({ name: eagerness, session: semantic(eagerness) })),
  ...["high", "medium", "low"].map((eagerness) => ({
    name: `${eagerness}, no network`,
    session: semantic(eagerness),
    beside: () => ({ deaf: true }),
  })),
  {
    name: "medium, words",
    session: semantic("medium"),
    beside: (call) => ({ ear: new ScriptedEar(call, false) }),
  },
  {
    name: "medium, words and signs",
    session: semantic("medium"),
    beside: (call) => ({ ear: new ScriptedEar(call, true) }),
  },
];

interface Turn extends TurnVerdict {
  readonly kind: Kind;
  readonly group: TurnVerdict["group"];
  readonly who: string;
  readonly first: boolean;
}

type Figures = ReturnType<typeof figuresOf>;

export async function run({ given, json, say }: BenchOptions): Promise<BenchResult> {
  if (!recordedPeople) throw new Error("the recordings (../shared/data/human) are not here");
  const seed = given.number("seed", DEFAULT_SEED);
  const tune = given.has("tune");
  const arms = ARMS.filter(({ name }) => name.startsWith(given.text("only") ?? ""));
  // Every other speaker, in the order of the list: children, adults and prompts alike.
  const everybody = people().filter((_, index) => (index % 2 === 0) === tune);
  const figures: Record<string, Figures> = {};
  const began = performance.now();
  for (const arm of arms) {
    const turns = (["hesitant", "fluent"] as const).flatMap((kind) => played(everybody, seed, kind, arm));
    figures[arm.name] = figuresOf(turns, played(monologues(), seed, "fluent", arm));
    say(`${arm.name}: ${JSON.stringify(figures[arm.name])}`);
  }
  const table = tableOf(figures);
  if (!json) process.stdout.write(`\n${table}\n`);
  const record = {
    seed,
    speakers: everybody.map(({ speaker }) => speaker),
    half: tune ? "tuned on" : "reported",
    words: { late_ms: LATE_MS, full_stops: STOPS, times: "by letters, not measured" },
    wall_s: Math.round((performance.now() - began) / 1000),
    arms: figures,
  };
  return {
    bench: "ends",
    figures: record,
    targets: TARGETS,
    missed: missedOf(figures),
    partial: tune || arms.length < ARMS.length,
    picture: picture(figures),
  };
}

function played(everybody: readonly Person[], seed: number, kind: Kind, { session, beside }: Arm): Turn[] {
  return humanCalls(everybody, seed, kind, session).flatMap((call) =>
    judge(playInCore(call.script, beside?.(call) ?? {})).turns.map((turn, index) => ({
      ...turn,
      kind,
      who: call.person.group,
      first: index === 0,
    })),
  );
}

function one(turns: readonly Turn[]) {
  const whole = turns.filter(({ cutIn }) => !cutIn);
  const { p50, p95 } = spread(whole.map(({ delayMs }) => delayMs));
  const cut = turns.length - whole.length;
  return {
    turns: turns.length,
    cut_in_percent: Math.round((1000 * cut) / Math.max(1, turns.length)) / 10,
    p50_ms: p50,
    p95_ms: p95,
  };
}

function figuresOf(turns: readonly Turn[], alone: readonly Turn[]) {
  const groups = Map.groupBy(
    turns.filter(({ kind }) => kind === "hesitant"),
    ({ who }) => who,
  );
  return {
    hesitant: one(turns.filter(({ kind }) => kind === "hesitant")),
    fluent: one(turns.filter(({ kind }) => kind === "fluent")),
    first_fluent: one(turns.filter(({ kind, first }) => kind === "fluent" && first)),
    hesitant_by_group: Object.fromEntries(Array.from(groups, ([who, some]) => [who, one(some)])),
    monologues_cut: alone.filter(({ cutIn }) => cutIn).length,
    monologues: alone.length,
  };
}

function tableOf(figures: Readonly<Record<string, Figures>>): string {
  const cell = ({ cut_in_percent: cut, p50_ms: p50, p95_ms: p95 }: Figures["fluent"]) =>
    `${cut} %, ${Math.round(p50 ?? 0)}/${Math.round(p95 ?? 0)}`;
  return markdownTable(
    ["", "hesitant: cut in, p50/p95 ms", "fluent", "first, fluent", "monologues cut"],
    Object.entries(figures).map(([name, all]) => [
      name,
      cell(all.hesitant),
      cell(all.fluent),
      cell(all.first_fluent),
      `${all.monologues_cut} of ${all.monologues}`,
    ]),
  );
}

function missedOf(figures: Readonly<Record<string, Figures>>): string[] {
  const [medium, words] = [figures["medium"], figures["medium, words and signs"]];
  const checks: readonly (readonly [string, number | null | undefined, number])[] = [
    ["hesitant_cut_in_percent", medium?.hesitant.cut_in_percent, TARGETS.hesitant_cut_in_percent],
    ["hesitant_p50_ms", medium?.hesitant.p50_ms, TARGETS.hesitant_p50_ms],
    ["with_words_p50_ms", words?.hesitant.p50_ms, TARGETS.with_words_p50_ms],
    ["fluent_cut_in_percent", medium?.fluent.cut_in_percent, TARGETS.fluent_cut_in_percent],
    ["first_fluent_p50_ms", medium?.first_fluent.p50_ms, TARGETS.first_fluent_p50_ms],
  ];
  return checks.flatMap(([name, value, target]) =>
    value !== undefined && value !== null && value > target ? [`${name}: ${value}, target ${target}`] : [],
  );
}

function picture(figures: Readonly<Record<string, Figures>>): Picture {
  const points = (kind: "hesitant" | "fluent", belongs: (name: string) => boolean) =>
    Object.entries(figures)
      .filter(([name]) => belongs(name))
      .map(([, all]): [number, number] => [all[kind].p50_ms ?? 0, all[kind].cut_in_percent])
      .toSorted((a, b) => a[0] - b[0]);
  const eagernesses = ["high", "medium", "low"];
  const panel = (kind: "hesitant" | "fluent", title: string) => ({
    kind: "lines" as const,
    title,
    xLabel: "median delay of the answer, ms (a model that needs no time)",
    yLabel: "turns cut in on, %",
    series: [
      { name: "fixed silence", points: points(kind, (name) => name.startsWith("fixed")) },
      { name: "semantic_vad", points: points(kind, (name) => eagernesses.includes(name)) },
      { name: "without its network", points: points(kind, (name) => name.endsWith("no network")) },
      { name: "medium with words", points: points(kind, (name) => name.includes("words")) },
    ],
  });
  return {
    title: "Ends of turns on recorded people",
    subtitle: "every other speaker; pauses of 300 to 1200 ms in their own gaps",
    panels: [panel("hesitant", "Hesitant"), panel("fluent", "Fluent, with their own pauses")],
  };
}
