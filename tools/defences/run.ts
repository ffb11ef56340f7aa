/** Takes defences away, one at a time, and runs the test that is to notice. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Removal } from "../../test/defences/removal.ts";
import { copyWithout, drop, projectFiles } from "./copy.ts";
import { verdictOn, verdictOnWaiting, type TestReport, type Verdict } from "./verdict.ts";

export interface Outcome extends Verdict {
  readonly removal: Removal;
  readonly seconds: number;
}

/** A test that hangs without its defence. */
const MOST_MS = 10 * 60_000;
/** Folders of `test` that are projects of vitest.config.ts by themselves (the Worker's are two); the others are its `core`. */
const PROJECTS = new Set(["sim", "oracle", "fuzz", "tools", "demo", "worker", "e2e"]);

/** @param told each outcome as it comes. @returns all, in the order of `removals`. */
export async function removeEach(
  removals: readonly Removal[],
  jobs: number,
  told: (outcome: Outcome) => void,
): Promise<Outcome[]> {
  const files = projectFiles();
  const outcomes: Outcome[] = [];
  // All take from one.
  const queue = removals.entries();
  const work = async (): Promise<void> => {
    for (const [i, removal] of queue) {
      const outcome = await removeOne(files, removal);
      outcomes[i] = outcome;
      told(outcome);
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, removals.length) }, work));
  return outcomes;
}

async function removeOne(files: readonly string[], removal: Removal): Promise<Outcome> {
  const began = performance.now();
  const copy = copyWithout(files, removal);
  try {
    const report = await testIn(copy, removal);
    const found = verdictOn(report, removal.rule, removal.named !== undefined);
    const { waited, ...verdict } = found;
    const judged = waited === undefined ? verdict : await afterWaiting(files, removal, waited);
    return { ...judged, removal, seconds: Math.round((performance.now() - began) / 1000) };
  } finally {
    drop(copy);
  }
}

/** The same test in a copy in which nothing is missing. */
async function afterWaiting(files: readonly string[], removal: Removal, waited: string): Promise<Verdict> {
  const copy = copyWithout(files, null);
  try {
    return verdictOnWaiting(waited, await testIn(copy, removal));
  } finally {
    drop(copy);
  }
}

/** A run without a report ran no test. */
async function testIn(copy: string, { test, named }: Removal): Promise<TestReport> {
  const written = join(copy, "report.json");
  const folder = test.split("/")[1] ?? "";
  const vitest = join(copy, "node_modules/vitest/vitest.mjs");
  const args = ["run", "--project", PROJECTS.has(folder) ? `${folder}*` : "core", test];
  const child = spawn(
    process.execPath,
    [
      vitest,
      ...args,
      "--reporter=json",
      `--outputFile=${written}`,
      ...(named === undefined ? [] : ["-t", named]),
    ],
    {
      cwd: copy,
      stdio: ["ignore", "ignore", "pipe"],
      timeout: MOST_MS,
      // What is compiled would be kept for files that nobody reads again.
      env: { ...process.env, NODE_DISABLE_COMPILE_CACHE: "1" },
    },
  );
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-2000)));
  await once(child, "close");
  try {
    return JSON.parse(readFileSync(written, "utf8")) as TestReport;
  } catch {
    return { testResults: [{ message: `vitest wrote no report: ${said.trim()}`, assertionResults: [] }] };
  }
}
