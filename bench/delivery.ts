/**
 * No word is lost: calls through the project's own Worker in workerd, over real sockets, in which clients, providers
 * and session objects die. What was said and what was heard are compared sample by sample at both ends; how long it
 * took, by one clock.
 */
import { loadavg } from "node:os";
import { death } from "./delivery/death.ts";
import { failover } from "./delivery/failover.ts";
import { gaps } from "./delivery/gaps.ts";
import type { Part, PartResult } from "./delivery/part.ts";
import { rollover } from "./delivery/rollover.ts";
import { fixed } from "./delivery/spread.ts";
import type { BenchOptions, BenchResult } from "./run.ts";

export const description =
  "no word is lost: clients, providers and objects that die [--only gaps,failover,death,rollover] [--full] [--few N] [--seed N]";

const DEFAULT_SEED = 20_261_123;

const PARTS: Readonly<Record<string, Part>> = { gaps, failover, death, rollover };

export async function run(options: BenchOptions): Promise<BenchResult> {
  const { args } = options;
  const names = Object.keys(PARTS);
  const only = argument(args, "--only")?.split(",") ?? names;
  const few = argument(args, "--few");
  const say = (line: string): void => void (options.json || process.stdout.write(`${line}\n`));
  const results: [string, PartResult][] = [];
  for (const name of only) {
    const part = PARTS[name];
    if (part === undefined) throw new Error(`there is no part ${name}; there are: ${names.join(", ")}`);
    const began = performance.now();
    say(`${name} …`);
    const result = await part({
      seed: Number(argument(args, "--seed") ?? DEFAULT_SEED),
      full: args.includes("--full"),
      few: few === undefined ? null : Number(few),
      say: (line) => say(`  ${line}`),
    });
    const wall_s = Math.round((performance.now() - began) / 1000);
    // Of the machine, others' work included: what is late here may be late for it.
    const [load = 0] = loadavg();
    const figures = { wall_s, load_average: fixed(load), ...result.figures };
    say(JSON.stringify(figures, null, 2));
    results.push([name, { ...result, figures }]);
  }
  return {
    bench: "delivery",
    figures: Object.fromEntries(results.map(([name, { figures }]) => [name, figures])),
    targets: Object.fromEntries(results.map(([name, { targets }]) => [name, targets])),
    missed: results.flatMap(([name, { missed }]) => missed.map((miss) => `${name}: ${miss}`)),
    partial: only.length < names.length || few !== undefined,
    picture: {
      title: "What is lost when something dies",
      subtitle: "Relay in workerd, providers and clients on one machine, real sockets, real time",
      panels: results.flatMap(([, { panels }]) => [...panels]),
    },
  };
}

function argument(args: readonly string[], name: string): string | undefined {
  const at = args.indexOf(name);
  return at < 0 ? undefined : args[at + 1];
}
