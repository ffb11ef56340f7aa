/** Sums over many calls: which faults struck, what was told, which invariants broke. Plain data, so that workers can hand it over. */
import type { Violation } from "./checks.ts";
import type { Outcome } from "./call.ts";

export interface Failure extends Violation {
  readonly seed: number;
  readonly faults: readonly string[];
}

export interface Report {
  calls: number;
  virtualSeconds: number;
  cpuSeconds: number;
  /** By fault: calls that had it, and how often it struck in them. */
  readonly faults: Record<string, { calls: number; struck: number }>;
  /** Pairs of faults that were in one call and both struck. */
  readonly pairs: Record<string, number>;
  readonly figures: Record<string, number>;
  readonly failures: Failure[];
}

export function emptyReport(): Report {
  return {
    calls: 0,
    virtualSeconds: 0,
    cpuSeconds: 0,
    faults: {},
    pairs: {},
    figures: {},
    failures: [],
  };
}

export function addOutcome(report: Report, outcome: Outcome): void {
  report.calls += 1;
  report.virtualSeconds += outcome.lastedMs / 1000;
  for (const name of outcome.scenario.faults) {
    const fault = (report.faults[name] ??= { calls: 0, struck: 0 });
    fault.calls += 1;
    fault.struck += outcome.struck.get(name) ?? 0;
  }
  const both = outcome.scenario.faults.filter((name) => outcome.struck.has(name));
  const sorted = both.toSorted((a, b) => a.localeCompare(b));
  for (const [at, one] of sorted.entries())
    for (const other of sorted.slice(at + 1)) bump(report.pairs, `${one} × ${other}`, 1);
  for (const [name, value] of outcome.figures) bump(report.figures, name, value);
  if (outcome.violation === null) return;
  report.failures.push({ ...outcome.violation, seed: outcome.seed, faults: outcome.scenario.faults });
}

function bump(figures: Record<string, number>, name: string, by: number): void {
  const before = figures[name] ?? 0;
  figures[name] = name.startsWith("most ") ? Math.max(before, by) : before + by;
}

export function addReport(total: Report, part: Report): void {
  total.calls += part.calls;
  total.virtualSeconds += part.virtualSeconds;
  total.cpuSeconds += part.cpuSeconds;
  for (const [name, { calls, struck }] of Object.entries(part.faults)) {
    const fault = (total.faults[name] ??= { calls: 0, struck: 0 });
    fault.calls += calls;
    fault.struck += struck;
  }
  for (const [name, count] of Object.entries(part.pairs)) bump(total.pairs, name, count);
  for (const [name, value] of Object.entries(part.figures)) bump(total.figures, name, value);
  total.failures.push(...part.failures);
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number =>
  a.localeCompare(b);

/** For people: one line per thing worth knowing. */
export function describeReport(report: Report): string {
  const lines = [
    `${report.calls} calls, ${(report.virtualSeconds / 60).toFixed(0)} virtual minutes, ${report.cpuSeconds.toFixed(1)} s of CPU`,
    `${Object.keys(report.faults).length} kinds of faults, ${Object.keys(report.pairs).length} pairs struck together`,
    "",
    "fault                     calls  struck",
    ...Object.entries(report.faults)
      .toSorted(byName)
      .map(
        ([name, { calls, struck }]) =>
          `${name.padEnd(24)} ${String(calls).padStart(6)} ${String(struck).padStart(7)}`,
      ),
    "",
    ...Object.entries(report.figures)
      .filter(([name]) => !name.startsWith("metric_"))
      .toSorted(byName)
      .map(([name, value]) => `${name.padEnd(48)} ${value.toFixed(0).padStart(9)}`),
    "",
    ...report.failures.slice(0, 30).map((failure) => describeFailure(failure)),
    report.failures.length === 0
      ? "no invariant broken"
      : `${report.failures.length} calls broke an invariant`,
  ];
  return `${lines.join("\n")}\n`;
}

export function describeFailure({ seed, faults, invariant, detail, at }: Failure): string {
  const among = faults.length > 0 ? ` [${faults.join(", ")}]` : "";
  return `seed ${seed}${among} at ${at.toFixed(0)} ms: ${invariant}: ${detail}`;
}
