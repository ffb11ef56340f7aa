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
import type { Flags } from "./flags.ts";
import type { BenchOptions, BenchResult } from "./run.ts";

export const description = "no word is lost: clients, providers and objects that die";
export const flags: Flags = {
  only: { value: "gaps,failover,death,rollover", says: "only these of its parts" },
  full: { says: "as many cases as docs/reliability.md has" },
  few: { value: "N", says: "so many cases of each part" },
  seed: { value: "N", says: "another choice of cases" },
};
export const lasts = "four minutes, with --full nine";

const DEFAULT_SEED = 20_261_123;

const PARTS: Readonly<Record<string, Part>> = { gaps, failover, death, rollover };

export async function run(options: BenchOptions): Promise<BenchResult> {
  const { given, say } = options;
  const names = Object.keys(PARTS);
  const only = given.some("only", names);
  const few = given.has("few") ? given.number("few", 0) : null;
  const seed = given.number("seed", DEFAULT_SEED);
  const results: [string, PartResult][] = [];
  for (const name of only) {
    const part = PARTS[name];
    if (part === undefined) continue;
    const began = performance.now();
    say(`${name} …`);
    const result = await part({
      seed,
      full: given.has("full"),
      few,
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
    partial: only.length < names.length || few !== null,
    picture: {
      title: "What is lost when something dies",
      subtitle: "Relay in workerd, providers and clients on one machine, real sockets, real time",
      panels: results.flatMap(([, { panels }]) => [...panels]),
    },
  };
}
