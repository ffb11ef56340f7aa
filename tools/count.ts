/**
 * `node tools/count.ts FILE…`: adds up the JSON reports of vitest and prints `N passed, N failed` as the last line,
 * with the skipped ones on a line before. A report that is missing or empty counts as one failure.
 */
import { readFile } from "node:fs/promises";
import { parseJsonObject } from "../src/protocol/json.ts";
import { numberAt } from "./talk/ledger.ts";

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Files that failed without a failing test in them, such as one that does not compile, count as one failure each. */
export function countTests(report: string): Counts {
  const json = parseJsonObject(report);
  const passed = numberAt(json, "numPassedTests") ?? 0;
  const failedTests = numberAt(json, "numFailedTests") ?? 0;
  const files = json?.["testResults"];
  const broken = Array.isArray(files) ? files.filter(isBroken).length : 0;
  const empty = passed + failedTests + broken === 0 ? 1 : 0;
  return {
    passed,
    failed: failedTests + broken + empty,
    skipped: (numberAt(json, "numPendingTests") ?? 0) + (numberAt(json, "numTodoTests") ?? 0),
  };
}

function isBroken(file: unknown): boolean {
  if (typeof file !== "object" || file === null || !("status" in file) || file.status !== "failed")
    return false;
  const tests: unknown = "assertionResults" in file ? file.assertionResults : null;
  return !Array.isArray(tests) || !tests.some((test: { status?: unknown }) => test.status === "failed");
}

async function main(files: readonly string[]): Promise<void> {
  let [passed, failed, skipped] = [0, 0, 0];
  for (const file of files) {
    const counts = countTests(await readFile(file, "utf8").catch(() => ""));
    passed += counts.passed;
    failed += counts.failed;
    skipped += counts.skipped;
  }
  if (skipped > 0) process.stdout.write(`${skipped} skipped\n`);
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  if (failed > 0) process.exitCode = 1;
}

if (import.meta.main) await main(process.argv.slice(2));
