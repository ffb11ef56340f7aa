/**
 * `npm run bench -- NAME`: runs `bench/NAME.ts`, which exports `description` and `run(options)`. Its figures go to
 * bench/results/NAME.json, and as the last line of the output. Every bench measures its baseline in the same run.
 */
import { readdir } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { writePicture, writeResult, type Picture } from "./report.ts";

export interface BenchOptions {
  /** The exit code will depend on the targets: measure carefully. */
  readonly assert: boolean;
  /** Print nothing but the last line. */
  readonly json: boolean;
  /** What the caller gave after the name, without `--assert` and `--json`. */
  readonly args: readonly string[];
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
  readonly description: string;
  run(options: BenchOptions): Promise<BenchResult>;
}

const HELP = `npm run bench                    lists the benchmarks
npm run bench -- NAME [ARGS]     runs one; its last line is one JSON object {bench, figures, targets, missed}
  --assert                       exit with 1 when a target is missed
  --json                         print nothing but that line
`;

const NOT_BENCHES = new Set(["run.ts", "report.ts"]);

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
    const bench = await load(name);
    process.stdout.write(`\n  ${name.padEnd(16)} ${bench.description}\n`);
  }
}

async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === "--help" || name === "-h") {
    await list();
    return 0;
  }
  const known = await names();
  if (!known.includes(name)) {
    process.stderr.write(`there is no benchmark ${name}; there are: ${known.join(", ")}\n`);
    return 2;
  }
  if (rest.includes("--help") || rest.includes("-h")) {
    process.stdout.write(`npm run bench -- ${name}   ${(await load(name)).description}\n\n${HELP}`);
    return 0;
  }
  const options: BenchOptions = {
    assert: rest.includes("--assert"),
    json: rest.includes("--json"),
    args: rest.filter((arg) => arg !== "--assert" && arg !== "--json"),
  };
  await import("../tools/build.ts");
  const { picture, bench, figures, targets, missed, partial = false } = await (await load(name)).run(options);
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

process.exitCode = await main(process.argv.slice(2));
