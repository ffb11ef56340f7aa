/**
 * Ends of turns on recorded people: `semantic_vad` against fixed silences, on the same calls, in virtual time, of
 * the speakers that are for the report (bench/ends/speakers.json). Others (`--tune`) are for those who choose constants.
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { ARMS, type Figures, type Task } from "./ends/arms.ts";
import { LATE_MS, STOPS } from "./ends/ear.ts";
import { peopleFor, recordedPeople } from "./ends/recordings.ts";
import { markdownTable, type Picture } from "./report.ts";
import type { Flags } from "./flags.ts";
import type { BenchOptions, BenchResult } from "./run.ts";

export const description = "ends of turns on recorded people: semantic_vad against fixed silences";
export const flags: Flags = {
  only: { value: "'ARM|ARM'", says: "only the arms of these names" },
  tune: { says: "the speakers that figures are chosen with, not those that are reported" },
  seed: { value: "N", says: "another choice of calls" },
  threads: { value: "N", says: "arms at a time (as many as there are cores)" },
};
export const lasts = "some minutes";

const TARGETS = {
  hesitant_cut_in_percent: 5,
  hesitant_p50_ms: 900,
  with_words_p50_ms: 600,
  fluent_cut_in_percent: 2,
  first_fluent_p50_ms: 700,
};
const DEFAULT_SEED = 20_261_123;

export async function run({ given, json, say }: BenchOptions): Promise<BenchResult> {
  if (!recordedPeople) throw new Error("the recordings (../shared/data/human) are not here");
  const seed = given.number("seed", DEFAULT_SEED);
  const tune = given.has("tune");
  const only = given.text("only")?.split("|");
  const arms = ARMS.filter(({ name }) => only?.includes(name) ?? true);
  const purpose = tune ? "tuning" : "report";
  const threads = given.number("threads", availableParallelism());
  const began = performance.now();
  const figures = await figuresOf(
    arms.map(({ name }) => ({ arm: name, purpose, seed })),
    Math.max(1, threads),
    (name, some) => say(`${name}: ${JSON.stringify(some)}`),
  );
  const table = tableOf(figures);
  if (!json) process.stdout.write(`\n${table}\n`);
  const record = {
    seed,
    speakers: peopleFor(purpose).map(({ speaker }) => speaker),
    speakers_for: purpose,
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

/** Arms, some at a time: each is a function of its task alone, so the order does not matter. */
async function figuresOf(
  tasks: readonly Task[],
  threads: number,
  told: (name: string, figures: Figures) => void,
): Promise<Record<string, Figures>> {
  const found = new Map<string, Figures>();
  const waiting = [...tasks];
  const thread = async () => {
    for (let task = waiting.shift(); task; task = waiting.shift()) {
      const figures = await inThread(task);
      found.set(task.arm, figures);
      told(task.arm, figures);
    }
  };
  await Promise.all(Array.from({ length: threads }, thread));
  return Object.fromEntries(
    tasks.flatMap(({ arm }) => {
      const figures = found.get(arm);
      return figures ? [[arm, figures] as const] : [];
    }),
  );
}

function inThread(task: Task): Promise<Figures> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./ends/arm-worker.ts", import.meta.url), { workerData: task });
    worker.once("message", resolve);
    worker.once("error", reject);
  });
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
      { name: "medium, energy detector", points: points(kind, (name) => name === "energy: medium") },
    ],
  });
  return {
    title: "Ends of turns on recorded people",
    subtitle:
      "nineteen speakers that the network was neither trained nor tuned with; pauses of 300 to 1200 ms in their own gaps",
    panels: [panel("hesitant", "Hesitant"), panel("fluent", "Fluent, with their own pauses")],
  };
}
