/** Breaks a temporary copy of the core deliberately and plays calls there: a simulator that misses it is no good. */
import { MUTATIONS } from "../../test/sim/mutations.ts";
import type { Report } from "../../test/sim/report.ts";
import { runInCopy } from "./mutated-copy.ts";

const COPIED = [
  "src",
  "durable-objects",
  "test/sim",
  "test/support",
  "wasm/build",
  "tools/sim.ts",
  "tools/threads.ts",
  "tools/sim",
  "package.json",
];

interface Wanted {
  readonly from: number;
  readonly to: number;
  readonly among: readonly string[];
  readonly having: readonly string[];
}

/** @returns the exit code: 0 when the mutation was caught. */
export function runMutated(number: number, { from, to, among, having }: Wanted, json: boolean): number {
  const mutation = MUTATIONS.find((one) => one.number === number);
  if (!mutation) throw new RangeError(`there is no mutation ${number}`);
  const seeds = ["--seeds", `${from}..${to}`, "--faults", among.join(","), "--having", having.join(",")];
  const args = [...seeds, "--until-failure", "--json", "--jobs", "1"];
  const stdout = runInCopy(COPIED, mutation, "tools/sim.ts", args);
  return tell(number, mutation.what, JSON.parse(stdout) as Report, json);
}

function tell(number: number, what: string, report: Report, json: boolean): number {
  const [first] = report.failures;
  if (json)
    process.stdout.write(
      `${JSON.stringify({ mutation: number, what, calls: report.calls, caught: first ?? null })}\n`,
    );
  else if (first === undefined)
    process.stdout.write(`mutation ${number} (${what}) survived ${report.calls} calls\n`);
  else
    process.stdout.write(
      `mutation ${number} (${what}) caught by call ${report.calls}, seed ${first.seed}: ${first.invariant}: ${first.detail}\n`,
    );
  return first === undefined ? 1 : 0;
}
