/** `npm run oracle`: the same conversation with and without the relay (docs/testing.md). */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, workerData } from "node:worker_threads";
import { fileURLToPath } from "node:url";
import { draw } from "../test/oracle/draw.ts";
import { HABITS } from "../test/oracle/habits.ts";
import { judge } from "../test/oracle/judge.ts";
import { mutationNamed, MUTATIONS } from "../test/oracle/mutations/index.ts";
import { addReport, emptyReport, run, type Range, type Report } from "../test/oracle/oracle.ts";
import { describeFinding, describeReport } from "../test/oracle/show.ts";
import { ticker, watched, type FromThread } from "./threads.ts";

const HELP = `npm run oracle -- [--scripts N] [--seed S] [options]
npm run oracle -- --seed S --script N

Plays seeded client scripts twice in virtual time, straight to a reference provider and through the relay to the same,
and compares what the client receives: equal but for the differences that SPEC.md lists. Prints the shortest script
of whatever differs.

  --scripts N      how many to play                                  (2000)
  --seed S         other scripts                                     (1)
  --script N       one script: prints it, and both streams where they differ
  --provider NAME  all of them with this habit of a provider; --list prints the names
  --mutate NAME    with a fault brought back on purpose; --list prints them
  --jobs N         worker threads                                    (as many as there are processors, at most 8)
  --most N         stop at so many findings                          (5)
  --json           print one JSON object
  --list           print the habits and the faults
  --help

Code 0: all equal, or known (test/oracle/known.ts). 1: something differs. 2: wrong arguments.
`;

const FILE = fileURLToPath(import.meta.url);

class UsageError extends Error {}

interface Arguments {
  readonly range: Range;
  readonly script: number | null;
  readonly jobs: number;
  readonly json: boolean;
}

function readArguments(argv: string[]): Arguments | "help" | "list" {
  const values = parse(argv);
  if (values.help === true) return "help";
  if (values.list === true) return "list";
  const provider = values.provider ?? null;
  if (provider !== null && !HABITS.some((habit) => habit.name === provider)) {
    throw new UsageError(`--provider: there is no ${provider}; --list prints those there are`);
  }
  const mutation = values.mutate ?? null;
  if (mutation !== null && !MUTATIONS.some(({ name }) => name === mutation)) {
    throw new UsageError(`--mutate: there is no "${mutation}"; --list prints those there are`);
  }
  const to = whole("scripts", values.scripts, 2_000);
  const range = {
    seed: whole("seed", values.seed, 1),
    from: 1,
    to,
    step: 1,
    provider,
    mutation,
    most: whole("most", values.most, 5),
  };
  const script = values.script === undefined ? null : whole("script", values.script, 1);
  const jobs = whole("jobs", values.jobs, Math.min(availableParallelism(), 8));
  return { range, script, jobs: Math.min(jobs, 64), json: values.json === true };
}

function parse(argv: string[]) {
  try {
    return parseArgs({
      args: argv,
      options: {
        scripts: { type: "string" },
        seed: { type: "string" },
        script: { type: "string" },
        provider: { type: "string" },
        mutate: { type: "string" },
        jobs: { type: "string" },
        most: { type: "string" },
        json: { type: "boolean" },
        list: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function whole(name: string, given: string | undefined, otherwise: number): number {
  if (given === undefined) return otherwise;
  if (!/^[1-9]\d{0,8}$/.test(given)) throw new UsageError(`--${name} takes a number from 1`);
  return Number(given);
}

async function playAll({ range, jobs }: Arguments): Promise<Report> {
  const tick = ticker((done, differ) => `${done} of ${range.to} scripts, ${differ} differ`);
  const threads = Math.max(1, Math.min(jobs, Math.ceil(range.to / 100)));
  const far = Array.from({ length: threads }, () => ({ scripts: 0, findings: 0 }));
  const shares = far.map((state, n) =>
    playShare({ ...range, from: range.from + n, step: threads }, ({ scripts, findings }) => {
      for (const { number } of findings.slice(state.findings))
        process.stderr.write(`script ${number} differs\n`);
      Object.assign(state, { scripts, findings: findings.length });
      tick(
        far.reduce((sum, each) => sum + each.scripts, 0),
        far.reduce((sum, each) => sum + each.findings, 0),
      );
    }),
  );
  const total = emptyReport();
  for (const part of await Promise.all(shares)) addReport(total, part);
  total.findings.sort((a, b) => a.script.steps.length - b.script.steps.length || a.number - b.number);
  return total;
}

/** One thread after the other: each goes on behind the script that the one before did not come out of. */
async function playShare(share: Range, told: (report: Report) => void): Promise<Report> {
  let total = emptyReport();
  for (let { from } = share; from <= share.to;) {
    const before = total;
    const joined = (part: Report): Report => {
      const report = structuredClone(before);
      addReport(report, part);
      return report;
    };
    const { report, stuck } = await watched<Report>(FILE, { ...share, from }, (part) => told(joined(part)));
    total = joined(report);
    if (stuck !== null) {
      const { piece: number, detail: neverEnded } = stuck;
      total.scripts += 1;
      const script = draw(share.seed, number, share.provider ?? undefined);
      total.findings.push({ seed: share.seed, number, script, mismatches: [], neverEnded });
    }
    told(total);
    if (stuck === null || total.findings.length >= share.most) break;
    from = stuck.piece + share.step;
  }
  return total;
}

/** One script, here: after a look at it in a thread, which can be given up. */
async function replay({ range, json }: Arguments, number: number): Promise<number> {
  const one = { ...range, from: number, to: number };
  const [stuck] = (await playShare(one, () => {})).findings.filter(
    ({ neverEnded }) => neverEnded !== undefined,
  );
  if (stuck !== undefined) {
    process.stdout.write(`${json ? JSON.stringify(stuck) : describeFinding(stuck)}\n`);
    return 1;
  }
  const script = draw(range.seed, number, range.provider ?? undefined);
  const tampering = range.mutation === null ? {} : mutationNamed(range.mutation).tampering();
  const { mismatches, known } = await judge(script, tampering);
  if (json)
    process.stdout.write(`${JSON.stringify({ seed: range.seed, number, script, known, mismatches })}\n`);
  else if (mismatches.length > 0) {
    process.stdout.write(`${describeFinding({ seed: range.seed, number, script, mismatches })}\n`);
    if (known !== null) process.stdout.write(`known: ${known}\n`);
  } else {
    process.stdout.write(
      `${JSON.stringify(script, null, 2)}\nscript ${number} of seed ${range.seed}: equal\n`,
    );
  }
  return mismatches.length > 0 && known === null ? 1 : 0;
}

function list(): string {
  const habits = HABITS.map(
    ({ name, what, hidden }) => `  ${name.padEnd(22)} ${what}${hidden ? " (hidden)" : ""}\n`,
  );
  const mutations = MUTATIONS.map(({ name }) => `  ${name}\n`);
  return `${habits.length} habits of providers\n${habits.join("")}${mutations.length} faults\n${mutations.join("")}`;
}

async function main(): Promise<number> {
  const settings = readArguments(process.argv.slice(2));
  if (settings === "help" || settings === "list") {
    process.stdout.write(settings === "help" ? HELP : list());
    return 0;
  }
  if (settings.script !== null) return replay(settings, settings.script);
  const began = performance.now();
  const report = await playAll(settings);
  const seconds = (performance.now() - began) / 1000;
  process.stdout.write(
    settings.json ? `${JSON.stringify({ seconds, ...report })}\n` : describeReport(report, seconds),
  );
  return report.findings.length === 0 ? 0 : 1;
}

if (isMainThread) {
  try {
    process.exitCode = await main();
  } catch (error) {
    process.stderr.write(`npm run oracle: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof UsageError ? 2 : 70;
  }
} else {
  // What this file itself sent. A worker's port has no origin.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  const say = (said: FromThread<Report>): void => parentPort?.postMessage(said);
  const report = await run(workerData as Range, (piece, sofar) =>
    say({ type: "begins", piece, report: sofar }),
  );
  say({ type: "report", report });
}
