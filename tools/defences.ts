/** `npm run defences`: does a test fail when a defence of docs/security.md is taken away? */
import { parseArgs } from "node:util";
import { REMOVALS } from "../test/defences/index.ts";
import type { Removal } from "../test/defences/removal.ts";
import { removeEach, type Outcome } from "./defences/run.ts";
import { ticker } from "./threads.ts";

const HELP = `npm run defences -- [--only RULE|TEXT] [options]

Takes each defence of docs/security.md away, by one replacement in a temporary copy of the project, and runs the test
there that the table names. A test that fails and cites the rule has caught it; one that cannot be loaded, or fails together
with all the others of its file, has not, and one that runs out of time only if it passes where nothing is missing.

  --only X     those of a rule, or with X in their threat, words, source or test   (all)
  --jobs N     so many at a time                                                  (1)
  --list       print them, run nothing
  --json       print one JSON object
  --help

Code 0: all caught. 1: one was not. 2: wrong arguments.
`;

class UsageError extends Error {}

interface Arguments {
  readonly removals: readonly Removal[];
  readonly jobs: number;
  readonly list: boolean;
  readonly json: boolean;
}

function readArguments(argv: string[]): Arguments | "help" {
  const values = parse(argv);
  if (values.help === true) return "help";
  if (values.jobs !== undefined && !/^[1-9]\d?$/.test(values.jobs))
    throw new UsageError("--jobs takes a number from 1 to 99");
  const removals = REMOVALS.filter((removal) => values.only === undefined || isAbout(removal, values.only));
  if (removals.length === 0) throw new UsageError(`no defence is about "${values.only}"`);
  return {
    removals,
    jobs: Number(values.jobs ?? 1),
    list: values.list === true,
    json: values.json === true,
  };
}

function parse(argv: string[]) {
  try {
    return parseArgs({
      args: argv,
      options: {
        only: { type: "string" },
        jobs: { type: "string" },
        list: { type: "boolean" },
        json: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function isAbout({ threat, rule, what, file, test }: Removal, wanted: string): boolean {
  if (/^[A-Z]{1,2}\d+$/.test(wanted)) return rule === wanted;
  return [threat, what, file, test].some((text) => text.includes(wanted));
}

async function runAll({ removals, jobs, json }: Arguments): Promise<number> {
  const tick = ticker((done, missed) => `${done} of ${removals.length} defences, ${missed} not caught`);
  let done = 0;
  let missed = 0;
  const outcomes = await removeEach(removals, jobs, (outcome) => {
    done += 1;
    if (outcome.caughtBy === null) missed += 1;
    if (!json) process.stdout.write(line(outcome));
    tick(done, missed);
  });
  if (json) process.stdout.write(`${JSON.stringify({ removed: done, caught: done - missed, outcomes })}\n`);
  else process.stdout.write(summary(outcomes));
  return missed === 0 ? 0 : 1;
}

function line({ removal, caughtBy, detail, seconds }: Outcome): string {
  const found = caughtBy === null ? `NOT CAUGHT: ${detail}` : `caught: ${caughtBy}\n    ${detail}`;
  return `${described(removal)}\n    ${found} (${seconds} s)\n`;
}

function described({ rule, what, file, test }: Removal): string {
  return `${rule} ${what}\n    ${file} → ${test}`;
}

function summary(outcomes: readonly Outcome[]): string {
  const rows = new Map<string, boolean>();
  for (const { removal, caughtBy } of outcomes)
    rows.set(removal.threat, (rows.get(removal.threat) ?? true) && caughtBy !== null);
  const caught = outcomes.filter(({ caughtBy }) => caughtBy !== null).length;
  const whole = [...rows.values()].filter(Boolean).length;
  return `${caught} of ${outcomes.length} missing defences caught; ${whole} of ${rows.size} threats\n`;
}

async function main(): Promise<number> {
  const given = readArguments(process.argv.slice(2));
  if (given === "help") process.stdout.write(HELP);
  else if (given.list) for (const removal of given.removals) process.stdout.write(`${described(removal)}\n`);
  else return runAll(given);
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`npm run defences: ${error.message}\n`);
  process.exitCode = 2;
}
