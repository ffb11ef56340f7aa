/** What a run of tests says of a missing defence. */

/** What is read of the report that `vitest --reporter=json` writes. */
export interface TestReport {
  readonly testResults: readonly {
    readonly message?: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages?: readonly string[] | null;
    }[];
  }[];
}

export interface Verdict {
  /** The test that failed; null: none, for the reason in `detail`. */
  readonly caughtBy: string | null;
  readonly detail: string;
  /** A test that cites the rule waited for what did not come: it has caught it if it passes where nothing is missing. */
  readonly waited?: string;
}

/** Failures of the copy, not of the defence: it does not parse, or has no such name. An answer that is no JSON is none. */
const BROKEN = /^(?:SyntaxError(?!.*JSON)|ReferenceError)\b|Transform failed|Failed to (?:resolve|load)/;
/** On a busy machine any test may. */
const OUT_OF_TIME = /^(?:Test|Hook)TimeoutError\b/;

const OUT = "ran out of time";

/** @param alone what the test that waited does where nothing is missing. */
export function verdictOnWaiting(waited: string, alone: TestReport): Verdict {
  const tests = alone.testResults.flatMap(({ assertionResults }) => assertionResults);
  const passes = tests.some(({ fullName, status }) => fullName === waited && status === "passed");
  if (passes) return { caughtBy: waited, detail: `It ${OUT}, and passes where nothing is missing.` };
  return none(`"${waited}" ${OUT}, and does not pass where nothing is missing either`);
}

/** @param narrowed only the tests of one pattern were run: there need not be one that passes. */
export function verdictOn(report: TestReport, rule: string, narrowed: boolean): Verdict {
  const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  const ran = tests.filter(({ status }) => status === "passed" || status === "failed");
  const failed = ran.filter(({ status }) => status === "failed");
  if (ran.length === 0)
    return none(
      `no test ran: ${firstLine(report.testResults.map(({ message }) => message ?? "").join(" "))}`,
    );
  if (failed.length === 0) return none(`all ${ran.length} tests pass`);
  const of = ran.filter(({ fullName }) => fullName.includes(`[${rule}]`));
  // A file that is about nothing else may fail as a whole.
  if (!narrowed && failed.length === ran.length && of.length < ran.length)
    return none(`all ${ran.length} tests fail: ${reasonOf(failed[0])}`);
  const cites = of.filter(({ status }) => status === "failed");
  const counts = cites.find((test) => !BROKEN.test(reasonOf(test)) && !OUT_OF_TIME.test(reasonOf(test)));
  if (counts !== undefined) return { caughtBy: counts.fullName, detail: reasonOf(counts) };
  const late = cites.find((test) => OUT_OF_TIME.test(reasonOf(test)));
  if (late !== undefined) return { ...none(`"${late.fullName}" ${OUT}`), waited: late.fullName };
  const [other] = cites.length > 0 ? cites : failed;
  const why = cites.length > 0 ? "fails for another reason" : `fails, which does not cite ${rule}`;
  return none(`"${other?.fullName ?? ""}" ${why}: ${reasonOf(other)}`);
}

function none(detail: string): Verdict {
  return { caughtBy: null, detail };
}

function reasonOf(test: { readonly failureMessages?: readonly string[] | null } | undefined): string {
  return firstLine(test?.failureMessages?.[0] ?? "");
}

function firstLine(text: string): string {
  return (text.split("\n", 1)[0] ?? "").slice(0, 300);
}
