/** Plays a range of calls in worker threads, which are this file too. A call that never ends is a broken one, and the rest is played. */
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, workerData } from "node:worker_threads";
import { faultsOf } from "../../test/sim/faults/index.ts";
import { addReport, describeFailure, emptyReport, type Failure, type Report } from "../../test/sim/report.ts";
import { simulate, type Range } from "../../test/sim/simulate.ts";
import { ticker, watched, type FromThread, type Stuck } from "../threads.ts";

const FILE = fileURLToPath(import.meta.url);
/** A thread has so many calls at least: it takes a second to load. */
const LEAST = 20;

/** The invariant that such a call breaks. */
export const NEVER_ENDS = "never-ends";

export interface Played {
  readonly range: Omit<Range, "step">;
  readonly jobs: number;
  /** So many CPU seconds may a call take. */
  readonly cpuSeconds: number;
}

/** Says how far it is, and each broken call as soon as it is known. */
export async function playAll({ range, jobs, cpuSeconds }: Played): Promise<Report> {
  const seeds = range.to - range.from + 1;
  const tick = ticker((played, broken) => `${played} of ${seeds} seeds, ${broken} broken`);
  const threads = Math.max(1, Math.min(jobs, Math.ceil(seeds / LEAST)));
  const far = Array.from({ length: threads }, () => ({ calls: 0, broken: 0 }));
  const shares = far.map((state, n) => {
    const share = { ...range, from: range.from + n, step: threads };
    return playShare(share, cpuSeconds, ({ calls, failures }) => {
      for (const failure of failures.slice(state.broken)) announce(failure);
      Object.assign(state, { calls, broken: failures.length });
      tick(sum(far.map((one) => one.calls)), sum(far.map(({ broken }) => broken)));
    });
  });
  const total = emptyReport();
  for (const part of await Promise.all(shares)) addReport(total, part);
  total.failures.sort((a, b) => a.seed - b.seed);
  return total;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}

function announce(failure: Failure): void {
  process.stderr.write(`${describeFailure(failure)}\n`);
}

/** Looks whether one call ends, in a thread that can be given up. @returns what there is to say if it does not. */
export async function stuckIn({ range, cpuSeconds }: Omit<Played, "jobs">): Promise<Failure | null> {
  const { stuck } = await watched<Report>(FILE, { ...range, to: range.from, step: 1 }, () => {}, {
    cpuSeconds,
  });
  return stuck && neverEnded(stuck, range.among);
}

/** One thread after the other: each goes on behind the call that the one before did not come out of. */
async function playShare(share: Range, cpuSeconds: number, told: (report: Report) => void): Promise<Report> {
  const total = emptyReport();
  for (let { from } = share; from <= share.to;) {
    const sofar = (part: Report): Report => {
      const report = { ...emptyReport(), calls: total.calls, failures: [...total.failures] };
      addReport(report, part);
      return report;
    };
    const { report, stuck } = await watched<Report>(FILE, { ...share, from }, (part) => told(sofar(part)), {
      cpuSeconds,
    });
    addReport(total, report);
    if (stuck !== null) {
      total.calls += 1;
      total.failures.push(neverEnded(stuck, share.among));
    }
    told(total);
    if (stuck === null || share.untilFailure) break;
    from = stuck.piece + share.step;
  }
  return total;
}

function neverEnded({ piece: seed, detail }: Stuck, among: readonly string[]): Failure {
  return { seed, faults: faultsOf(seed, among), invariant: NEVER_ENDS, detail, at: 0 };
}

function cpuSeconds(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1e6;
}

if (!isMainThread && workerData !== null) {
  // What this file itself sent. A worker's port has no origin.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  const say = (message: FromThread<Report>): void => parentPort?.postMessage(message);
  const report = await simulate(workerData as Range, cpuSeconds, (piece, sofar) =>
    say({ type: "begins", piece, report: sofar }),
  );
  say({ type: "report", report });
}
