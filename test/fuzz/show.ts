/** What the fuzzer found, for people. */
import type { DoorReport } from "./doors.ts";
import { growthOf, type Finding, type Report } from "./run.ts";
import type { Shortest } from "./shrink.ts";
import type { Said } from "./world.ts";

const MOST_CHARS = 300;
/** Of the beginning and of the end of what was said. */
const MOST_SAID = 20;

export function describeReport(report: Report): string {
  const { cases, messages, cpuMs, findings, slowest, heap, snapshotBytes, longestList, sentBytes } = report;
  const played = Object.entries(report.played).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const perSecond = cpuMs === 0 ? 0 : Math.round(messages / (cpuMs / 1000));
  const growth = growthOf(heap);
  const grown =
    growth === null
      ? "too few messages to tell whether the heap grows"
      : `the heap grows by ${Math.round(growth)} bytes in 10,000 messages (${mb(heap.at(-1) ?? 0)} MB in all)`;
  const lines = [
    `${messages} messages in ${cases} calls, ${perSecond} a second of CPU; ${findings.length} findings`,
    `largest snapshot ${mb(snapshotBytes)} MB, longest list ${longestList}; ${mb(sentBytes)} MB told to clients; ${grown}`,
    ...played.map(([what, count]) => `played: ${what}: ${count}`),
    ...slowest.map(
      (slow) =>
        `slow: ${slow.ms.toFixed(0)} ms for ${slow.chars} characters to ${slow.to} in case ${slow.case}: ${slow.begins.slice(0, 60)}`,
    ),
  ];
  return `${lines.join("\n")}\n`;
}

/** What came to each door, and what was answered. */
export function describeDoors({ statuses, doors }: Pick<DoorReport, "statuses" | "doors">): string {
  const answers = Object.entries(statuses).map(([status, count]) => `${count} with ${status}`);
  const lines = Object.entries(doors)
    .toSorted(([, a], [, b]) => b.asked - a.asked)
    .map(([door, { asked, taken }]) => `played: ${door}: ${asked}, ${taken} taken`);
  return `answers: ${answers.join(", ")}\n${lines.join("\n")}\n`;
}

export function describeFinding(finding: Finding, shortest: Shortest | null): string {
  const replay = `npm run fuzz -- --seed ${finding.seed} --case ${finding.case}`;
  const head = `\n${finding.check} in ${finding.count} calls; ${replay}\n  ${shortest?.detail ?? finding.detail}\n`;
  if (shortest === null) return head;
  return `${head}shortest: ${shortest.said.length} messages, the probe's included\n${describeSome(shortest.said)}`;
}

function describeSome(said: readonly Said[]): string {
  if (said.length <= MOST_SAID * 2) return describeSaid(said);
  const left = `  … ${said.length - MOST_SAID * 2} more (--said prints all)\n`;
  return describeSaid(said.slice(0, MOST_SAID)) + left + describeSaid(said.slice(-MOST_SAID));
}

export function describeSaid(said: readonly Said[]): string {
  return said.map(({ to, data }) => `  ${to.padEnd(8)} ${spelled(data)}\n`).join("");
}

function spelled(data: string | Uint8Array): string {
  const text =
    typeof data === "string" ? JSON.stringify(data).slice(1, -1).replaceAll('\\"', '"') : `0x${data.toHex()}`;
  return text.length <= MOST_CHARS ? text : `${text.slice(0, MOST_CHARS)}… (${data.length})`;
}

function mb(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(2);
}
