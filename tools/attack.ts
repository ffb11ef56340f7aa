/** `npm run attack`: attacks on a whole relay, and an innocent call beside each of them (docs/testing.md). */
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { writePicture, writeResult } from "../bench/report.ts";
import { ATTACKS } from "./attack/attacks.ts";
import type { Attack } from "./attack/attack.ts";
import { describeRow, missedOf, pictureOf, rowOf, table, TARGETS, type Row } from "./attack/report.ts";

const HELP = `npm run attack -- [options]

Starts a relay in workerd with the demo voice, holds an innocent call, and attacks beside it in ${ATTACKS.length} ways, one after the other.
Of each it prints the bytes in both directions on the network, workerd's CPU and memory, how the attacker was ended, and the
innocent call's round trips, beside those that it had just before.

  --only NAME     one of them; may be given several times
  --seconds N     how long each lasts                            (10)
  --quiet N       seconds of the innocent call alone before each (3)
  --json          print one JSON object
  --write         write bench/results/attack.json and .svg
  --list          print their names
  --help

Code 1: a target was missed, or what is to be refused was not (p99 of the innocent call under ${TARGETS.innocent_p99_ms} ms; at most ${TARGETS.amplification} bytes out
for each byte in, where nothing is spoken; at most ${TARGETS.cpu_ms_per_second} ms of CPU a second). 2: wrong arguments.
`;

class UsageError extends Error {}

interface Settings {
  readonly attacks: readonly Attack[];
  readonly seconds: number;
  readonly quiet: number;
  readonly json: boolean;
  readonly write: boolean;
}

function readArguments(argv: string[]): Settings | "help" | "list" {
  const values = parse(argv);
  if (values.help === true) return "help";
  if (values.list === true) return "list";
  const only = values.only ?? [];
  for (const name of only)
    if (!ATTACKS.some((each) => each.name === name))
      throw new UsageError(`there is no attack ${name} (--list)`);
  return {
    attacks: only.length === 0 ? ATTACKS : ATTACKS.filter(({ name }) => only.includes(name)),
    seconds: positive("seconds", values.seconds, 10),
    quiet: positive("quiet", values.quiet, 3),
    json: values.json === true,
    write: values.write === true,
  };
}

function parse(argv: string[]) {
  try {
    return parseArgs({
      args: argv,
      options: {
        only: { type: "string", multiple: true },
        seconds: { type: "string" },
        quiet: { type: "string" },
        json: { type: "boolean" },
        write: { type: "boolean" },
        list: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function positive(name: string, given: string | undefined, otherwise: number): number {
  const value = given === undefined ? otherwise : Number(given);
  if (!(Number.isFinite(value) && value > 0)) throw new UsageError(`--${name} takes a number above 0`);
  return value;
}

async function main(): Promise<number> {
  const settings = readArguments(process.argv.slice(2));
  if (settings === "help" || settings === "list") {
    const list = ATTACKS.map(({ name, what }) => `  ${name.padEnd(20)} ${what}\n`).join("");
    process.stdout.write(settings === "help" ? HELP : list);
    return 0;
  }
  const { attacks, seconds, quiet, json, write } = settings;
  const rows: Row[] = [];
  // A relay, a bundler and a demo voice: not for those who only want to read what there is.
  const { setStage } = await import("./attack/stage.ts");
  const stage = await setStage(attacks, quiet);
  try {
    for (const attack of attacks) {
      const row = rowOf(await stage.play(attack, Math.max(seconds, attack.leastSeconds ?? 0)));
      rows.push(row);
      if (!json) process.stdout.write(`${describeRow(row)}\n`);
    }
  } finally {
    await stage.close();
  }
  const missed = missedOf(rows);
  const [cpu] = cpus();
  const load = Number((loadavg()[0] ?? 0).toFixed(1));
  const machine = { cpu: cpu?.model ?? "unknown", cores: cpus().length, load, node: process.version };
  const date = new Date().toISOString().slice(0, 10);
  const report = {
    attack: attacks.length === ATTACKS.length ? "all" : "some",
    date,
    machine,
    seconds,
    targets: TARGETS,
    missed,
    rows,
  };
  if (write) {
    await writeResult("attack.json", `${JSON.stringify(report, null, 2)}\n`);
    await writePicture("attack", pictureOf(rows, load));
  }
  if (json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else process.stdout.write(`${table(rows)}\n\n${missed.map((each) => `missed: ${each}\n`).join("")}`);
  return missed.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`npm run attack: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 70;
}
