/**
 * Ten calls for ten minutes through the project's own Worker in workerd, with clients and providers that are lost now
 * and then: what is dropped, and what becomes of workerd's memory.
 */
import { seededRandom } from "../demo/ids.ts";
import { Inspector, residentMb } from "./delivery/memory.ts";
import { missedBy } from "./delivery/part.ts";
import { playSoak, type Soaked } from "./delivery/soak-call.ts";
import { sleep } from "./delivery/speaker.ts";
import { fixed, sum } from "./delivery/spread.ts";
import { openStage, type Stage } from "./delivery/stage.ts";
import type { Flags } from "./flags.ts";
import type { BenchOptions, BenchResult } from "./run.ts";

export const description = "ten calls for ten minutes: what is dropped, and memory of workerd";
export const flags: Flags = {
  minutes: { value: "N", says: "for so long (10)" },
  sessions: { value: "N", says: "so many calls (10)" },
  peace: { says: "nothing is dropped: memory alone" },
};
export const lasts = "eleven minutes";

const TARGETS = {
  lost_turns: 0,
  wrong_answers: 0,
  /** Mean of the last quarter over the mean of the second. */
  resident_growth_percent: 10,
  live_heap_growth_percent: 10,
  buffers_growth_percent: 10,
};
const MINUTES = 10;
const SESSIONS = 10;
const SEED = 20_261_124;
const SAMPLE_MS = 5000;
/** A fallback for most, kept warm for some; and a new connection every four seconds for the rest. */
const ROUTES = ["near", "near-warm", "rolling", "far", "far-warm"] as const;

interface Sample {
  readonly minute: number;
  readonly residentMb: number;
  readonly heapMb: number;
  readonly buffersMb: number;
}

export async function run(options: BenchOptions): Promise<BenchResult> {
  const { given, say } = options;
  const minutes = given.number("minutes", MINUTES);
  const sessions = given.number("sessions", SESSIONS);
  const peace = given.has("peace");
  const stage = await openStage(true);
  const judges: (() => Soaked)[] = [];
  const failures: string[] = [];
  const samples: Sample[] = [];
  try {
    const endAt = performance.now() + minutes * 60_000;
    const sampling = watch(stage, endAt, samples, say);
    const one = async (_: unknown, n: number): Promise<void> => {
      const name = `soak ${n}`;
      const route = ROUTES[n % ROUTES.length] ?? "near";
      const seed = SEED + n;
      try {
        await sleep(n * 173);
        const what = { name, seed, route, random: seededRandom(seed), endAt, peace };
        judges.push(await playSoak(stage, what));
      } catch (error) {
        failures.push(`${name} (${route}): ${String(error)}`);
        say(failures.at(-1) ?? "");
      }
    };
    await Promise.all([...Array.from({ length: sessions }, one), sampling]);
  } finally {
    await stage.close();
  }
  return resultOf(
    judges.map((judge) => judge()),
    { minutes, sessions, peace, failures, samples },
  );
}

async function watch(
  stage: Stage,
  endAt: number,
  samples: Sample[],
  say: (line: string) => void,
): Promise<void> {
  const { worker } = stage.relay;
  const inspector = await Inspector.open(await worker.miniflare.getInspectorURL());
  const pid = worker.pid();
  const began = performance.now();
  let told = 0;
  while (performance.now() < endAt) {
    await sleep(SAMPLE_MS);
    const { heapMb, buffersMb } = await inspector.usage();
    const minute = (performance.now() - began) / 60_000;
    const resident = await residentMb(pid);
    samples.push({ minute, residentMb: resident, heapMb, buffersMb });
    if (minute < told + 1) continue;
    told = Math.floor(minute);
    const held = `${heapMb.toFixed(1)} MB alive in V8, ${buffersMb.toFixed(1)} MB in buffers`;
    say(`minute ${told}: ${resident.toFixed(0)} MB resident, ${held}`);
  }
  inspector.close();
}

interface Run {
  readonly minutes: number;
  readonly sessions: number;
  readonly peace: boolean;
  readonly failures: readonly string[];
  readonly samples: readonly Sample[];
}

function resultOf(
  soaked: readonly Soaked[],
  { minutes, sessions, peace, failures, samples }: Run,
): BenchResult {
  const total = (of: (one: Soaked) => number): number => sum(soaked.map(of));
  const count = (names: readonly string[]) =>
    Object.fromEntries([...Map.groupBy(names, (name) => name)].map(([name, { length }]) => [name, length]));
  const figures = {
    minutes,
    sessions,
    strikes: count(
      soaked.flatMap(({ strikes }) =>
        Object.entries(strikes).flatMap(([kind, n]) => Array<string>(n).fill(kind)),
      ),
    ),
    verdicts: count(soaked.flatMap(({ verdicts }) => verdicts)),
    connections_to_providers: total(({ connections }) => connections),
    turns: total(({ turns }) => turns),
    lost_turns: total(({ lostTurns }) => lostTurns),
    odd_turns: total(({ oddTurns }) => oddTurns),
    answers: total(({ answers }) => answers),
    /** Those that their provider did not live to finish. */
    broken_answers: total(({ failedAnswers }) => failedAnswers),
    wrong_answers: total(({ wrongAnswers }) => wrongAnswers),
    missing_numbers: total(({ missingNumbers }) => missingNumbers),
    resident_mb: memoryOf(samples, ({ residentMb }) => residentMb),
    live_heap_mb: memoryOf(samples, ({ heapMb }) => heapMb),
    buffers_mb: memoryOf(samples, ({ buffersMb }) => buffersMb),
    faults: count(soaked.flatMap(({ name, faults }) => faults.map((fault) => `${name}: ${fault}`))),
    failures,
  };
  const missed = missedBy([
    ["turns lost", figures.lost_turns, TARGETS.lost_turns],
    ["turns heard twice or of nobody", figures.odd_turns, 0],
    ["answers heard otherwise than said", figures.wrong_answers, TARGETS.wrong_answers],
    ["numbers missing", figures.missing_numbers, 0],
    ["% growth of resident memory", figures.resident_mb.growth_percent, TARGETS.resident_growth_percent],
    [
      "% growth of what is alive in V8",
      figures.live_heap_mb.growth_percent,
      TARGETS.live_heap_growth_percent,
    ],
    ["% growth of buffers", figures.buffers_mb.growth_percent, TARGETS.buffers_growth_percent],
    ["faults", Object.keys(figures.faults).length, 0],
    ["failed calls", failures.length, 0],
  ]);
  const series = (name: string, of: (sample: Sample) => number) => ({
    name,
    points: samples.map((sample): [number, number] => [sample.minute, of(sample)]),
  });
  return {
    bench: "soak",
    figures,
    targets: TARGETS,
    missed,
    partial: peace || minutes < MINUTES || sessions < SESSIONS,
    picture: {
      title: "Memory of workerd",
      subtitle: `${sessions} calls that never fall silent for ${minutes} minutes; ${total(({ connections }) => connections)} connections to providers; V8 collects garbage before every sample`,
      panels: [
        {
          kind: "lines",
          title: "Megabytes",
          xLabel: "minutes",
          yLabel: "MB",
          series: [
            series("resident", ({ residentMb }) => residentMb),
            series("alive in V8", ({ heapMb }) => heapMb),
            series("in buffers", ({ buffersMb }) => buffersMb),
          ],
        },
      ],
    },
  };
}

function memoryOf(samples: readonly Sample[], of: (sample: Sample) => number) {
  const values = samples.map(of);
  const mean = (from: number, to: number): number => {
    const part = values.slice(Math.floor(values.length * from), Math.floor(values.length * to));
    return sum(part) / Math.max(1, part.length);
  };
  const [second, last] = [mean(0.25, 0.5), mean(0.75, 1)];
  return {
    second_quarter: fixed(second),
    last_quarter: fixed(last),
    max: fixed(Math.max(0, ...values)),
    growth_percent: second === 0 ? null : fixed((100 * (last - second)) / second),
  };
}
