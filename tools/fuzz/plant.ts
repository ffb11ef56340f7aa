/** Plants a fault in a copy of the sources and fuzzes that until it is found. */
import { PLANTS } from "../../test/fuzz/plants.ts";
import type { Report } from "../../test/fuzz/run.ts";
import { runInCopy } from "../sim/mutated-copy.ts";
import type { Played } from "./play-all.ts";

/** What of the project it needs. */
export const COPIED = [
  "src",
  "demo",
  "durable-objects",
  "test/fuzz",
  "test/dialects/wire.ts",
  "test/oracle",
  "test/sim",
  "test/support",
  "test/upstreams/cascade/over-channels.ts",
  "test/upstreams/cascade/scripted-stages.ts",
  "test/upstreams/transcription-providers.ts",
  "tools/fuzz.ts",
  "tools/threads.ts",
  "tools/fuzz",
  "tools/sim",
  "wasm/build",
  "package.json",
];

/** @returns the exit code: 0 when the planted fault was found. */
export function runPlanted(
  number: number,
  { range: { seed, messages }, cpuSeconds }: Pick<Played, "range" | "cpuSeconds">,
  json: boolean,
): number {
  const plant = PLANTS.find((one) => one.number === number);
  if (plant === undefined) throw new RangeError(`there is no fault ${number}`);
  const range = ["--seed", seed, "--messages", messages, "--most", 1];
  const args = [...range, "--cpu", cpuSeconds, "--jobs", 1, "--json"].map(String);
  const report = JSON.parse(runInCopy(COPIED, plant, "tools/fuzz.ts", args)) as Report;
  const [first] = report.findings;
  const found = first?.check === plant.check;
  if (json) {
    const said = { plant: number, what: plant.what, messages: report.messages, found: first ?? null };
    process.stdout.write(`${JSON.stringify(said)}\n`);
  } else if (first === undefined) {
    process.stdout.write(`fault ${number} (${plant.what}) was not found in ${report.messages} messages\n`);
  } else {
    const after = `after ${report.messages} messages, in case ${first.case}`;
    process.stdout.write(
      `fault ${number} (${plant.what}) found ${after}: ${first.check}: ${first.detail.slice(0, 200)}\n`,
    );
  }
  return found ? 0 : 1;
}
