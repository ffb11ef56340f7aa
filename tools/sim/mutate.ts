/** Breaks a temporary copy of the core deliberately and plays calls there: a simulator that misses it is no good. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MUTATIONS, mutate } from "../../test/sim/mutations.ts";
import type { Report } from "../../test/sim/report.ts";

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));
const COPIED = [
  "src",
  "durable-objects",
  "test/sim",
  "test/support",
  "wasm/build",
  "tools/sim.ts",
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
  const copy = mkdtempSync(join(tmpdir(), "sim-mutation-"));
  try {
    for (const path of COPIED) cpSync(join(PROJECT, path), join(copy, path), { recursive: true });
    symlinkSync(join(PROJECT, "node_modules"), join(copy, "node_modules"), "dir");
    const file = join(copy, mutation.file);
    writeFileSync(file, mutate(readFileSync(file, "utf8"), mutation));
    const seeds = [
      "--seeds",
      `${from}..${to}`,
      "--faults",
      among.join(","),
      "--having",
      having.join(","),
      "--until-failure",
      "--json",
      "--jobs",
      "1",
    ];
    const { stdout, stderr } = spawnSync(process.execPath, [join(copy, "tools/sim.ts"), ...seeds], {
      encoding: "utf8",
      maxBuffer: 1 << 28,
    });
    if (stdout === "") throw new Error(`the mutated simulator said nothing: ${stderr.slice(0, 2000)}`);
    return tell(number, mutation.what, JSON.parse(stdout), json);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
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
