/** `npm run sim`: plays seeded calls over seeded faults through the real core, and fails with the seed. */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { FAULTS, faultNamed } from "../test/sim/faults/index.ts";
import { MUTATIONS } from "../test/sim/mutations.ts";
import { describeFailure, describeReport, type Report } from "../test/sim/report.ts";
import { play, soak, SURVIVABLE } from "../test/sim/simulate.ts";
import { runMutated } from "./sim/mutate.ts";
import { NEVER_ENDS, playAll, stuckIn, type Played } from "./sim/play-all.ts";
import { PIECE_CPU_SECONDS } from "./threads.ts";

const HELP = `npm run sim -- --seeds A..B [options]
npm run sim -- --seed N --trace

Plays calls in virtual time: the real session and the real adapters, with callers, providers, networks and a platform
that go wrong as the seed wants it. Every tenth seed is a call without faults; every other one crosses two kinds of
faults. After each step the invariants of docs/testing.md are looked at.

  --seeds A..B       the calls to play                                  (1..500)
  --seed N           one call
  --faults a,b,c     draw pairs from these only; with one, every call has it
  --having a,b       play only those calls of the range that have one of these faults
  --trace            with --seed: print what happened, and what the call was
  --jobs N           worker threads                                     (as many as there are processors)
  --cpu SECONDS      a call that has taken so much of a processor is given up: it never ends   (${PIECE_CPU_SECONDS})
  --until-failure    stop at the first broken invariant
  --json             print one JSON object
  --soak             seeds 1..20: one virtual hour each without faults; prints what the session keeps every ten minutes
  --mutate N         break a temporary copy of the core deliberately, in one of ${MUTATIONS.length} ways, and play there
  --list             print the kinds of faults and the mutations
  --help

Code 0: no invariant broken (with --mutate: the mutation was caught). 1: broken (not caught). 2: wrong arguments.
`;

class UsageError extends Error {}

interface Arguments extends Played {
  readonly trace: boolean;
  readonly json: boolean;
  readonly mutate: number | null;
  readonly soak: boolean;
}

function readArguments(argv: string[]): Arguments | "help" | "list" {
  const values = parse(argv);
  if (values.help === true) return "help";
  if (values.list === true) return "list";
  const [from, to] =
    values.seed === undefined
      ? readSeeds(values.seeds ?? (values.soak === true ? "1..20" : "1..500"))
      : [readSeed(values.seed), readSeed(values.seed)];
  const mutate = values.mutate === undefined ? null : Number(values.mutate);
  const mutation = MUTATIONS.find(({ number }) => number === mutate);
  if (mutate !== null && mutation === undefined) {
    throw new UsageError(`--mutate takes one of ${MUTATIONS.map(({ number }) => number).join(", ")}`);
  }
  const among = values.faults?.split(",").filter((name) => name !== "") ?? mutation?.among ?? SURVIVABLE;
  const having = (values.having ?? "").split(",").filter((name) => name !== "");
  for (const name of [...among, ...having]) checkFault(name);
  const jobs = Number(values.jobs ?? Math.min(availableParallelism(), 8));
  if (!Number.isInteger(jobs) || jobs < 1 || jobs > 64) throw new UsageError("--jobs takes 1 to 64");
  const cpuSeconds = Number(values.cpu ?? PIECE_CPU_SECONDS);
  if (!Number.isInteger(cpuSeconds) || cpuSeconds < 1)
    throw new UsageError("--cpu takes a number of seconds");
  const range = { from, to, among, having, untilFailure: values["until-failure"] === true };
  const [trace, json, soaks] = [values.trace === true, values.json === true, values.soak === true];
  return { range, jobs, cpuSeconds, mutate, trace, json, soak: soaks };
}

function parse(argv: string[]) {
  try {
    return parseArgs({
      args: argv,
      options: {
        seeds: { type: "string" },
        seed: { type: "string" },
        faults: { type: "string" },
        having: { type: "string" },
        trace: { type: "boolean" },
        jobs: { type: "string" },
        cpu: { type: "string" },
        "until-failure": { type: "boolean" },
        json: { type: "boolean" },
        mutate: { type: "string" },
        soak: { type: "boolean" },
        list: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function readSeeds(text: string): [number, number] {
  const [, from, to] = /^(\d+)\.\.(\d+)$/.exec(text) ?? [];
  if (from === undefined || to === undefined || Number(from) > Number(to)) {
    throw new UsageError("--seeds takes A..B, two numbers in order");
  }
  return [Number(from), Number(to)];
}

function readSeed(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new UsageError("--seed takes a number");
  return Number(text);
}

function checkFault(name: string): void {
  try {
    faultNamed(name);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** One call, here: after a look at it in a thread, which can be given up. */
async function replay(settings: Arguments): Promise<number> {
  const { range, trace, json } = settings;
  const stuck = await stuckIn(settings);
  if (stuck !== null) {
    process.stdout.write(
      `${json ? JSON.stringify({ seed: range.from, violation: stuck }) : describeFailure(stuck)}\n`,
    );
    return 1;
  }
  const {
    violation,
    scenario,
    lastedMs,
    struck,
    figures,
    trace: lines,
  } = await play(range.from, range.among, trace);
  if (json) {
    const said = {
      seed: range.from,
      violation,
      scenario,
      lasted_ms: lastedMs,
      struck: [...struck],
      figures: [...figures],
    };
    process.stdout.write(`${JSON.stringify({ ...said, ...(trace ? { trace: lines } : {}) })}\n`);
    return violation === null ? 0 : 1;
  }
  if (trace) process.stdout.write(`${lines.join("\n")}\n\n${JSON.stringify(scenario, null, 2)}\n`);
  process.stdout.write(
    violation === null
      ? `seed ${range.from}: no invariant broken in ${(lastedMs / 1000).toFixed(1)} s\n`
      : `${describeFailure({ ...violation, seed: range.from, faults: scenario.faults })}\n`,
  );
  return violation === null ? 0 : 1;
}

const HOUR_MS = 3_600_000;

/** @returns how many calls broke an invariant. */
async function soakAll({ range }: Arguments): Promise<number> {
  let broken = 0;
  process.stdout.write(
    "seed   kB kept by the session after 10, 20 … 60 virtual minutes   heap before, after (MB)\n",
  );
  for (let seed = range.from; seed <= range.to; seed += 1) {
    const before = heapMb();
    const { violation, kept, scenario } = await soak(seed, HOUR_MS);
    const sizes = kept.map((bytes) => (bytes / 1024).toFixed(0).padStart(6)).join(" ");
    process.stdout.write(
      `${String(seed).padStart(4)} ${sizes}   ${before} ${heapMb()}   ${scenario.dialect}\n`,
    );
    if (violation === null) continue;
    broken += 1;
    process.stdout.write(`${describeFailure({ ...violation, seed, faults: [] })}\n`);
  }
  return broken;
}

function heapMb(): string {
  globalThis.gc?.();
  return (process.memoryUsage().heapUsed / 2 ** 20).toFixed(1);
}

function list(): string {
  const faults = FAULTS.map(
    ({ name, onlyNamed }) =>
      `  ${name}${SURVIVABLE.includes(name) ? "" : onlyNamed ? "   (only where it is named)" : "   (needs resume, which this checkout has not)"}`,
  );
  const mutations = MUTATIONS.map(({ number, what }) => `  ${number}  ${what}`);
  return `${FAULTS.length} kinds of faults\n${faults.join("\n")}\n${MUTATIONS.length} mutations\n${mutations.join("\n")}\n`;
}

/** The last of what happened in a call that failed, and ended. */
async function tail(report: Report, among: readonly string[]): Promise<string> {
  const first = report.failures.find(({ invariant }) => invariant !== NEVER_ENDS);
  if (first === undefined) return "";
  const { trace } = await play(first.seed, among, true);
  const lines = trace.slice(-40);
  return `\nThe end of seed ${first.seed} (whole: npm run sim -- --seed ${first.seed} --trace):\n${lines.join("\n")}\n`;
}

async function main(): Promise<number> {
  const settings = readArguments(process.argv.slice(2));
  if (settings === "help" || settings === "list") {
    process.stdout.write(settings === "help" ? HELP : list());
    return 0;
  }
  const { range, json, mutate } = settings;
  if (settings.soak) return (await soakAll(settings)) === 0 ? 0 : 1;
  if (mutate !== null) return runMutated(mutate, settings, json);
  // A mutated copy is asked for a report, also of one call.
  if (range.from === range.to && !range.untilFailure) return replay(settings);
  const report = await playAll(settings);
  if (json) process.stdout.write(`${JSON.stringify({ seeds: [range.from, range.to], ...report })}\n`);
  else process.stdout.write(describeReport(report) + (await tail(report, range.among)));
  return report.failures.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`npm run sim: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 70;
}
