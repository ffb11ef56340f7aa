/** Plays scripts and judges them. */
import { compare, type Mismatch } from "./compare.ts";
import type { Received } from "./client.ts";
import { DIFFERENCES, type Difference } from "./differences.ts";
import { draw } from "./draw.ts";
import { explained } from "./known.ts";
import { playDirect, playThrough, type Tampering } from "./play.ts";
import type { Script } from "./script.ts";
import { shrink } from "./shrink.ts";

export interface Verdict {
  readonly mismatches: readonly Mismatch[];
  /** The known finding that explains all of them; null: none does, or there is nothing to explain. */
  readonly known: string | null;
}

export interface Finding {
  readonly seed: number;
  readonly number: number;
  /** As short as it could be made. */
  readonly script: Script;
  readonly mismatches: readonly Mismatch[];
}

export interface Range {
  readonly seed: number;
  readonly from: number;
  readonly to: number;
  /** Only every so many-th number from `from` on: how workers share a range. */
  readonly step: number;
  readonly provider: string | null;
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

export function verdictOf(
  script: Script,
  direct: readonly Received[],
  through: readonly Received[],
  differences: readonly Difference[] = DIFFERENCES,
): Verdict {
  const mismatches = compare(script, direct, through, differences);
  return { mismatches, known: mismatches.length === 0 ? null : explained(mismatches, script) };
}

export async function judge(script: Script, tampering: Tampering = {}): Promise<Verdict> {
  return verdictOf(script, await playDirect(script), await playThrough(script, tampering));
}

/** A script that is no known finding and differs. */
export async function differs(script: Script, tampering: Tampering = {}): Promise<boolean> {
  const { mismatches, known } = await judge(script, tampering);
  return mismatches.length > 0 && known === null;
}

export async function run(range: Range, progress: (report: Report) => void = () => undefined): Promise<Report> {
  const report = emptyReport();
  for (let number = range.from; number <= range.to; number += range.step) {
    const script = draw(range.seed, number, range.provider ?? undefined);
    const [direct, through] = [await playDirect(script), await playThrough(script)];
    const { mismatches, known } = verdictOf(script, direct, through);
    report.scripts += 1;
    report.events += direct.length + through.length;
    report.providers[script.provider] = (report.providers[script.provider] ?? 0) + 1;
    if (mismatches.length === 0) report.equal += 1;
    else if (known !== null) report.known[known] = (report.known[known] ?? 0) + 1;
    else {
      const shortest = await shrink(script, differs);
      const found = await judge(shortest);
      report.findings.push({ seed: range.seed, number, script: shortest, mismatches: found.mismatches });
      if (report.findings.length >= range.most) break;
    }
    progress(report);
  }
  return report;
}
