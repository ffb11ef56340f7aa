/**
 * `npm run bench -- NAME`: runs `bench/NAME.ts`, which exports `description`, `flags`, `lasts` and `run(options)`. Its
 * figures go to bench/results/NAME.json, and as the last line of standard output; its progress goes to standard error.
 * Every bench measures its baseline in the same run.
 */
import { readdir } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { type Flags, type Given, helpOf, readFlags, usageOf, UsageError } from "./flags.ts";
import { writePicture, writeResult, type Picture } from "./report.ts";

export interface BenchOptions {
  /** The exit code will depend on the targets: measure carefully. */
  readonly assert: boolean;
  /** Print nothing on standard output but the last line. */
  readonly json: boolean;
  readonly given: Given;
  /** A line about how far it is, or what it found so far. */
  readonly say: (line: string) => void;
}

export interface BenchResult {
  readonly bench: string;
  readonly figures: Readonly<Record<string, unknown>>;
  /** What the figures ought to be, by the names that `missed` uses. */
  readonly targets: Readonly<Record<string, unknown>>;
  /** Targets that were missed, each with the figure, in words. */
  readonly missed: readonly string[];
  /** Only a part of the bench was run: told, but the figures of the last whole run stay in bench/results. */
  readonly partial?: boolean;
  /** Drawn to bench/results/NAME.svg; absent where the bench writes its own. */
  readonly picture?: Picture;
}

export interface Bench {
  /** What it measures, in one line. */
  readonly description: string;
  /** What may follow its name. */
  readonly flags: Flags;
  /** How long it takes on two cores with nothing else to do. */
  readonly lasts: string;
  readonly run: (options: BenchOptions) => Promise<BenchResult>;
}

const HELP = `npm run bench                    lists the benchmarks
npm run bench -- NAME --help     what one measures, its flags, how long it takes
npm run bench -- NAME [FLAGS]    runs it; its last line is one JSON object {bench, figures, targets, missed}
`;

const NOT_BENCHES = new Set(["flags.ts", "report.ts", "run.ts", "steady-call.ts"]);

async function names(): Promise<string[]> {
  const files = await readdir(new URL(".", import.meta.url));
  return files
    .filter((file) => file.endsWith(".ts") && !NOT_BENCHES.has(file))
    .map((file) => file.slice(0, -3))
    .sort();
}

async function load(name: string): Promise<Bench> {
  const module: Bench = await import(new URL(`${name}.ts`, import.meta.url).href);
  return module;
}

async function list(): Promise<void> {
  process.stdout.write(HELP);
  for (const name of await names()) {
    const { description, flags, lasts } = await load(name);
    process.stdout.write(
      `\n  ${name.padEnd(10)} ${description}\n${" ".repeat(12)}${lasts};${usageOf(flags)}\n`,
    );
  }
}

async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === "--help" || name === "-h") {
    await list();
    return 0;
  }
  const known = await names();
  if (!known.includes(name))
    throw new UsageError(`there is no benchmark ${name}; there are: ${known.join(", ")}`);
  const bench = await load(name);
  const given = readFlags(rest, bench.flags);
  if (given.has("help")) {
    process.stdout.write(helpOf({ name, ...bench }));
    return 0;
  }
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  return measure(name, bench, { assert: given.has("assert"), json: given.has("json"), given, say });
}

async function measure(name: string, { run }: Bench, options: BenchOptions): Promise<number> {
  await import("../tools/build.ts");
  const { picture, bench, figures, targets, missed, partial = false } = await run(options);
  const [cpu] = cpus();
  const machine = {
    cpu: cpu?.model ?? "unknown",
    cores: cpus().length,
    memory_gb: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
  };
  const record = { bench, date: new Date().toISOString().slice(0, 10), machine, figures, targets, missed };
  if (!partial) await writeResult(`${name}.json`, `${JSON.stringify(record, null, 2)}\n`);
  if (!partial && picture !== undefined) await writePicture(name, picture);
  if (!options.json) for (const miss of missed) process.stdout.write(`missed: ${miss}\n`);
  process.stdout.write(`${JSON.stringify({ bench, figures, targets, missed })}\n`);
  return options.assert && missed.length > 0 ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
