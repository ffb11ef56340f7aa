/** Fuzzes in worker threads, which are this file too. A call that never ends is a finding, and the rest is played. */
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, workerData } from "node:worker_threads";
import {
  add,
  addReport,
  emptyReport,
  run,
  type Finding,
  type Range,
  type Report,
} from "../../test/fuzz/run.ts";
import { ticker, watched, type FromThread, type Stuck } from "../threads.ts";

const FILE = fileURLToPath(import.meta.url);
/** A thread has so many messages at least: it takes a second to load. */
const LEAST = 20_000;
/** The check that such a call breaks. */
export const NEVER_ENDS = "never-ends";

export interface Played {
  readonly range: Range;
  readonly jobs: number;
  /** So many CPU seconds may a call take. */
  readonly cpuSeconds: number;
}

/** Says how far it is, and each finding as soon as it is known: all is played in an hour perhaps. */
export async function playAll({ range, jobs, cpuSeconds }: Played): Promise<Report> {
  const tick = ticker((done, found) => `${done} of ${range.messages} messages, ${found} findings`);
  const threads = Math.max(1, Math.min(jobs, Math.ceil(range.messages / LEAST)));
  const far = Array.from({ length: threads }, () => ({ messages: 0, findings: 0 }));
  const shares = far.map((state, n) => {
    const messages = Math.ceil(range.messages / threads);
    const share = { ...range, from: range.from + n, step: threads, messages };
    return playShare(share, cpuSeconds, (report) => {
      for (const finding of report.findings.slice(state.findings)) announce(finding);
      Object.assign(state, { messages: report.messages, findings: report.findings.length });
      tick(sum(far.map((one) => one.messages)), sum(far.map(({ findings }) => findings)));
    });
  });
  const total = emptyReport();
  for (const part of await Promise.all(shares)) addReport(total, part);
  return total;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}

/** The fewest messages that show it come at the end. */
function announce({ seed, case: number, check, detail }: Finding): void {
  process.stderr.write(`found: --seed ${seed} --case ${number}: ${check}: ${detail.split("\n", 1)[0]}\n`);
}

/** Looks whether one call ends, in a thread that can be given up. @returns what there is to say if it does not. */
export async function stuckIn(range: Range, number: number, cpuSeconds: number): Promise<Finding | null> {
  const one = { ...range, from: number, messages: 1 };
  const { stuck } = await watched<Report>(FILE, one, () => {}, { cpuSeconds });
  return stuck && neverEnded(range.seed, stuck);
}

/** One thread after the other: each goes on behind the call that the one before did not come out of. */
async function playShare(share: Range, cpuSeconds: number, told: (report: Report) => void): Promise<Report> {
  let total = emptyReport();
  for (let { from } = share; ;) {
    const left = { ...share, from, messages: share.messages - total.messages };
    const before = total;
    const joined = (part: Report): Report => {
      const report = structuredClone(before);
      addReport(report, part);
      return report;
    };
    const { report, stuck } = await watched<Report>(FILE, left, (part) => told(joined(part)), { cpuSeconds });
    total = joined(report);
    if (stuck !== null) {
      total.cases += 1;
      add(total.findings, neverEnded(share.seed, stuck));
    }
    told(total);
    const enough = total.messages >= share.messages || total.findings.length >= share.most;
    if (stuck === null || enough || Date.now() >= (share.until ?? Infinity)) return total;
    from = stuck.piece + share.step;
  }
}

function neverEnded(seed: number, { piece, detail }: Stuck): Finding {
  return { seed, case: piece, check: NEVER_ENDS, detail, count: 1 };
}

if (!isMainThread && workerData !== null) {
  // What this file itself sent. A worker's port has no origin.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  const say = (message: FromThread<Report>): void => parentPort?.postMessage(message);
  const report = run(workerData as Range, (piece, sofar) => say({ type: "begins", piece, report: sofar }));
  say({ type: "report", report });
}
