/** What the oracle found, for people. */
import type { Mismatch } from "./compare.ts";
import type { Json } from "../../src/protocol/json.ts";
import type { Normal } from "./normal.ts";
import type { Finding, Report } from "./oracle.ts";

const LONGEST = 600;

export function describeFinding({ seed, number, script, mismatches, neverEnded }: Finding): string {
  const steps = script.steps.map((step) => `    ${JSON.stringify(step)}`).join(",\n");
  const { steps: _steps, ...rest } = script;
  return [
    `script ${number} of seed ${seed} ${neverEnded === undefined ? "differs" : "never ends"} (npm run oracle -- --seed ${seed} --script ${number})`,
    `  shortest: ${JSON.stringify(rest).slice(0, -1)},"steps":[`,
    `${steps}]}`,
    ...(neverEnded === undefined ? [] : [`  ${neverEnded}`]),
    ...mismatches.slice(0, 4).map((mismatch) => describeMismatch(mismatch)),
  ].join("\n");
}

export function describeMismatch({ thread, direct, through }: Mismatch): string {
  const lines = [
    `  in the order of ${thread}:`,
    `    direct   ${head(direct)}`,
    `    through  ${head(through)}`,
  ];
  if (direct !== null && through !== null && direct.type === through.type) {
    leaves(direct.value, through.value, "", lines);
  } else {
    if (direct !== null) lines.push(`      direct   ${JSON.stringify(direct.value).slice(0, LONGEST)}`);
    if (through !== null) lines.push(`      through  ${JSON.stringify(through.value).slice(0, LONGEST)}`);
  }
  return lines.join("\n");
}

function head(event: Normal | null): string {
  return event === null ? "(nothing)" : `${event.place} ${event.type}`;
}

/** Members in which they differ, by path. */
function leaves(direct: Json | undefined, through: Json | undefined, path: string, lines: string[]): void {
  if (JSON.stringify(direct) === JSON.stringify(through)) return;
  if (isTree(direct) && isTree(through)) {
    for (const key of new Set([...Object.keys(direct), ...Object.keys(through)])) {
      leaves(direct[key], through[key], path === "" ? key : `${path}.${key}`, lines);
    }
    return;
  }
  const short = (value: Json | undefined): string =>
    (JSON.stringify(value) ?? "absent").slice(0, LONGEST / 3);
  lines.push(`      ${path}: ${short(direct)} => ${short(through)}`);
}

function isTree(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null;
}

export function describeReport(report: Report, seconds: number): string {
  const known = Object.entries(report.known).map(([id, count]) => `${id} ${count}`);
  const each = report.scripts === 0 ? 0 : (seconds * 1000) / report.scripts;
  return [
    ...report.findings.map((finding) => `${describeFinding(finding)}\n`),
    `${report.scripts} scripts, ${report.events} events: ${report.equal} equal, ${report.findings.length} differ` +
      `, ${report.scripts - report.equal - report.findings.length} known${known.length === 0 ? "" : ` (${known.join(", ")})`}`,
    `${seconds.toFixed(1)} s, ${each.toFixed(1)} ms a script`,
    "",
  ].join("\n");
}
