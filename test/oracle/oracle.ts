/** Plays scripts and judges them. */
import type { Mismatch } from "./compare.ts";
import { draw } from "./draw.ts";
import { judge, verdictOf } from "./judge.ts";
import { mutationNamed } from "./mutations/index.ts";
import { playDirect, playThrough, type Tampering } from "./play.ts";
import type { Script } from "./script.ts";
import { shrink } from "./shrink.ts";

export interface Finding {
  readonly seed: number;
  readonly number: number;
  /** As short as it could be made. */
  readonly script: Script;
  readonly mismatches: readonly Mismatch[];
  /** Its call did not end, seen from outside: where it was. */
  readonly neverEnded?: string;
}

export interface Range {
  readonly seed: number;
  readonly from: number;
  readonly to: number;
  /** Only every so many-th number from `from` on: how workers share a range. */
  readonly step: number;
  readonly provider: string | null;
  /** Name of a fault that is brought back (`mutations/`). */
  readonly mutation: string | null;
  /** Stops at so many findings. */
  readonly most: number;
}

export interface Report {
  scripts: number;
  equal: number;
  /** Events that a client received, on both sides. */
  events: number;
  readonly known: Record<string, number>;
  readonly providers: Record<string, number>;
  readonly findings: Finding[];
}

export function emptyReport(): Report {
  return { scripts: 0, equal: 0, events: 0, known: {}, providers: {}, findings: [] };
}

export function addReport(total: Report, part: Report): void {
  total.scripts += part.scripts;
  total.equal += part.equal;
  total.events += part.events;
  for (const [id, count] of Object.entries(part.known)) total.known[id] = (total.known[id] ?? 0) + count;
  for (const [name, count] of Object.entries(part.providers)) {
    total.providers[name] = (total.providers[name] ?? 0) + count;
  }
  total.findings.push(...part.findings);
}

/** @param begins is told of each script before it is played, and the report of those before. */
export async function run(
  range: Range,
  begins: (number: number, report: Report) => void = () => undefined,
): Promise<Report> {
  const report = emptyReport();
  const tampering = (): Tampering =>
    range.mutation === null ? {} : mutationNamed(range.mutation).tampering();
  for (let number = range.from; number <= range.to; number += range.step) {
    begins(number, report);
    const script = draw(range.seed, number, range.provider ?? undefined);
    const [direct, through] = [await playDirect(script), await playThrough(script, tampering())];
    const { mismatches, known } = verdictOf(script, direct, through);
    report.scripts += 1;
    report.events += direct.length + through.length;
    report.providers[script.provider] = (report.providers[script.provider] ?? 0) + 1;
    if (mismatches.length === 0) report.equal += 1;
    else if (known !== null) report.known[known] = (report.known[known] ?? 0) + 1;
    else {
      const shortest = await shrink(script, tampering);
      const found = await judge(shortest, tampering());
      report.findings.push({ seed: range.seed, number, script: shortest, mismatches: found.mismatches });
      if (report.findings.length >= range.most) break;
    }
  }
  return report;
}
