/** `npm run fuzz`: hostile clients and hostile providers against the real session and adapters (docs/testing.md). */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { runDoors } from "../test/fuzz/doors.ts";
import { play } from "../test/fuzz/play.ts";
import { describeDoors, describeFinding, describeReport, describeSaid } from "../test/fuzz/show.ts";
import { shrink } from "../test/fuzz/shrink.ts";
import { PLANTS } from "../test/fuzz/plants.ts";
import { runPlanted } from "./fuzz/plant.ts";
import { NEVER_ENDS, playAll, stuckIn, type Played } from "./fuzz/play-all.ts";
import { PIECE_CPU_SECONDS } from "./threads.ts";

const HELP = `npm run fuzz -- [--messages N] [--seed S] [options]
npm run fuzz -- --seed S --case N

Says what no protocol allows, from all sides: clients (OpenAI's dialect, its beta, duplex.v1, telephone carriers, resumes),
providers (every profile, Gemini Live, Moshi, agents, transcribers, cascades) and observers speak valid messages, changed ones and rubbish to the real session
with the real adapters, in virtual time. After each message what docs/testing.md lists is looked at, and after each call
whether the session still holds a turn.

  --messages N   how many, of all calls                              (100000)
  --seed S       other calls                                         (1)
  --case N       one call: prints the fewest messages that break it, or that nothing breaks
  --said         with --case: prints all that was said in it
  --doors N      so many requests to the doors in process, instead
  --sockets N    so many messages and requests to a whole relay in workerd, instead
  --mutate N     with one of ${PLANTS.length} faults planted in a copy of the sources: is it found?
  --list         print those faults
  --jobs N       worker threads                                      (as many as there are processors, at most 8)
  --minutes N    stop after so many, with what was said until then  (no)
  --cpu SECONDS  a call that has taken so much of a processor is given up: it never ends   (${PIECE_CPU_SECONDS})
  --most N       stop a thread at so many different findings         (5)
  --json         print one JSON object
  --help

Code 0: nothing found (with --mutate: found). 1: something, with the fewest messages that show it. 2: wrong arguments.
`;

class UsageError extends Error {}

interface Arguments extends Played {
  readonly number: number | null;
  readonly said: boolean;
  readonly doors: number | null;
  readonly sockets: number | null;
  readonly mutate: number | null;
  readonly json: boolean;
}

function readArguments(argv: string[]): Arguments | "help" | "list" {
  const values = parse(argv);
  if (values.help === true) return "help";
  if (values.list === true) return "list";
  const mutate = values.mutate === undefined ? null : whole("mutate", values.mutate, 1);
  if (mutate !== null && mutate > PLANTS.length) throw new UsageError(`--mutate takes 1 to ${PLANTS.length}`);
  const seed = whole("seed", values.seed, 1);
  const messages = whole("messages", values.messages, 100_000);
  const most = whole("most", values.most, 5);
  return {
    range: {
      seed,
      from: 1,
      step: 1,
      messages,
      most,
      ...(values.minutes === undefined
        ? {}
        : { until: Date.now() + 60_000 * whole("minutes", values.minutes, 1) }),
    },
    number: values.case === undefined ? null : whole("case", values.case, 1),
    said: values.said === true,
    doors: values.doors === undefined ? null : whole("doors", values.doors, 1),
    sockets: values.sockets === undefined ? null : whole("sockets", values.sockets, 1),
    mutate,
    cpuSeconds: whole("cpu", values.cpu, PIECE_CPU_SECONDS),
    jobs: Math.min(whole("jobs", values.jobs, Math.min(availableParallelism(), 8)), 64),
    json: values.json === true,
  };
}

function parse(argv: string[]) {
  try {
    return parseArgs({
      args: argv,
      options: {
        messages: { type: "string" },
        seed: { type: "string" },
        case: { type: "string" },
        said: { type: "boolean" },
        doors: { type: "string" },
        sockets: { type: "string" },
        mutate: { type: "string" },
        list: { type: "boolean" },
        jobs: { type: "string" },
        most: { type: "string" },
        cpu: { type: "string" },
        minutes: { type: "string" },
        json: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function whole(name: string, given: string | undefined, otherwise: number): number {
  if (given === undefined) return otherwise;
  if (!/^[1-9]\d{0,9}$/.test(given)) throw new UsageError(`--${name} takes a number from 1`);
  return Number(given);
}

/** One call, here: after a look at it in a thread, which can be given up. */
async function replay({ range, cpuSeconds, said, json }: Arguments, number: number): Promise<number> {
  const stuck = await stuckIn(range, number, cpuSeconds);
  if (stuck !== null) {
    const { check, detail } = stuck;
    const object = { seed: range.seed, case: number, fault: { check, detail } };
    process.stdout.write(json ? `${JSON.stringify(object)}\n` : describeFinding(stuck, null));
    return 1;
  }
  const { violation, said: all, messages } = play(range.seed, number, { keeps: true });
  const fault = violation && { check: violation.check, detail: violation.message };
  const shortest = fault && shrink(range.seed, number, fault);
  if (json) {
    const shown = (shortest?.said ?? []).map(({ to, data }) => [
      to,
      typeof data === "string" ? data : [...data],
    ]);
    process.stdout.write(
      `${JSON.stringify({ seed: range.seed, case: number, messages, fault, shortest: shown })}\n`,
    );
  } else {
    if (said) process.stdout.write(describeSaid(all));
    const clean = `case ${number} of seed ${range.seed}: ${messages} messages, nothing is broken\n`;
    const finding = fault && { seed: range.seed, case: number, ...fault, count: 1 };
    process.stdout.write(finding ? describeFinding(finding, shortest) : clean);
  }
  return violation === null ? 0 : 1;
}

async function main(): Promise<number> {
  const settings = readArguments(process.argv.slice(2));
  if (settings === "help" || settings === "list") {
    const plants = PLANTS.map(({ number, what }) => `  ${number}  ${what}\n`).join("");
    process.stdout.write(settings === "help" ? HELP : plants);
    return 0;
  }
  if (settings.mutate !== null) return runPlanted(settings.mutate, settings, settings.json);
  if (settings.number !== null) return replay(settings, settings.number);
  if (settings.doors !== null) return doors(settings.doors, settings);
  if (settings.sockets !== null) {
    const { runSockets } = await import("../test/fuzz/sockets.ts");
    const report = await runSockets(settings.range.seed, settings.sockets);
    for (const [door, calls] of Object.entries(settings.json ? {} : report.doors)) {
      process.stdout.write(`played: ${door}: ${calls} calls\n`);
    }
    return tell(report, settings.json);
  }
  const report = await playAll(settings);
  if (settings.json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else {
    process.stdout.write(describeReport(report));
    for (const finding of report.findings) {
      // One that never ends is not played here.
      const shortest = finding.check === NEVER_ENDS ? null : shrink(finding.seed, finding.case, finding);
      process.stdout.write(describeFinding(finding, shortest));
    }
  }
  return report.findings.length === 0 ? 0 : 1;
}

async function doors(requests: number, { range, json }: Arguments): Promise<number> {
  const report = await runDoors(range.seed, requests);
  if (!json) process.stdout.write(describeDoors(report));
  return tell(report, json);
}

function tell(
  report: { readonly requests: number; readonly findings: readonly string[] },
  json: boolean,
): number {
  const { requests, findings } = report;
  if (json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else
    process.stdout.write(
      `${requests} messages and requests, ${findings.length} findings\n${findings.map((each) => `${each}\n`).join("")}`,
    );
  return findings.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`npm run fuzz: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 70;
}
