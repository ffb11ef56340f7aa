/** Breaks a temporary copy of the core deliberately and plays calls there: a simulator that misses it is no good. */
import { MUTATIONS, type Mutation } from "../../test/sim/mutations.ts";
import type { Report } from "../../test/sim/report.ts";
import { play } from "../../test/sim/simulate.ts";
import { runInCopy } from "./mutated-copy.ts";
import type { Played } from "./play-all.ts";

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

type Wanted = Played["range"];

/** Calls that break without the mutation as well say nothing of it: so many are passed over. */
const MOST_ALIKE = 20;

/** @returns the exit code: 0 when the mutation was caught. */
export async function runMutated(
  number: number,
  { range: wanted, cpuSeconds }: Pick<Played, "range" | "cpuSeconds">,
  json: boolean,
): Promise<number> {
  const mutation = MUTATIONS.find((one) => one.number === number);
  if (!mutation) throw new RangeError(`there is no mutation ${number}`);
  let { from } = wanted;
  let calls = 0;
  for (let alike = 0; ; alike += 1) {
    const report = playMutated(mutation, { ...wanted, from }, cpuSeconds);
    const [first] = report.failures;
    calls += report.calls;
    const excused = first !== undefined && (await play(first.seed, wanted.among)).violation !== null;
    if (!excused || first.seed >= wanted.to || alike === MOST_ALIKE)
      return tell(number, mutation.what, { calls, caught: excused ? undefined : first }, json);
    process.stderr.write(`seed ${first.seed} breaks without the mutation as well\n`);
    from = first.seed + 1;
  }
}

function playMutated(mutation: Mutation, { from, to, among, having }: Wanted, cpuSeconds: number): Report {
  const seeds = ["--seeds", `${from}..${to}`, "--faults", among.join(","), "--having", having.join(",")];
  const args = [...seeds, "--until-failure", "--json", "--jobs", "1", "--cpu", String(cpuSeconds)];
  return JSON.parse(runInCopy(COPIED, mutation, "tools/sim.ts", args)) as Report;
}

interface Told {
  readonly calls: number;
  readonly caught: Report["failures"][number] | undefined;
}

function tell(number: number, what: string, { calls, caught: first }: Told, json: boolean): number {
  if (json)
    process.stdout.write(`${JSON.stringify({ mutation: number, what, calls, caught: first ?? null })}\n`);
  else if (first === undefined)
    process.stdout.write(`mutation ${number} (${what}) survived ${calls} calls\n`);
  else
    process.stdout.write(
      `mutation ${number} (${what}) caught by call ${calls}, seed ${first.seed}: ${first.invariant}: ${first.detail}\n`,
    );
  return first === undefined ? 1 : 0;
}
