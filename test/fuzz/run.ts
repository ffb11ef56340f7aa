/** Many calls: what broke, what was slow, what grew. */
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { play } from "./play.ts";
import { sameFault } from "./shrink.ts";

/** Milliseconds of CPU; a message that takes more is a fault: nothing here is larger than 150 kB. */
const SLOW_MS = 250;
const SLOWEST_KEPT = 5;
const HEAP_EVERY = 10_000;
/** Heap that may be kept per 10,000 messages: less than one message's worth. */
const MOST_GROWTH_BYTES = 60_000;
/** Samples before this are of code that is compiled, and tables that are made, once. */
const WARM = 8;
const SAMPLES = 24;

export interface Range {
  readonly seed: number;
  /** Cases from here, in steps, until so many messages were said. */
  readonly from: number;
  readonly step: number;
  readonly messages: number;
  /** Stop at so many different findings. */
  readonly most: number;
  /** Stop then, by `Date.now()`; absent: never. */
  readonly until?: number;
}

export interface Finding {
  readonly seed: number;
  readonly case: number;
  readonly check: string;
  readonly detail: string;
  /** How many calls broke it. */
  count: number;
}

export interface Slow {
  readonly case: number;
  readonly ms: number;
  readonly to: string;
  readonly chars: number;
  readonly begins: string;
}

export interface Report {
  cases: number;
  messages: number;
  cpuMs: number;
  findings: Finding[];
  slowest: Slow[];
  /** Live heap after every 10,000 messages, bytes; of one thread. */
  heap: number[];
  snapshotBytes: number;
  longestList: number;
  sentBytes: number;
  /** Messages, by who said them; and how often objects slept and clients resumed. */
  played: Record<string, number>;
}

export function emptyReport(): Report {
  return {
    cases: 0,
    messages: 0,
    cpuMs: 0,
    findings: [],
    slowest: [],
    heap: [],
    snapshotBytes: 0,
    longestList: 0,
    sentBytes: 0,
    played: {},
  };
}

/** @param begins is told of each case before it is played, and the report of those before. */
export function run(
  range: Range,
  begins: (number: number, report: Report) => void = () => undefined,
): Report {
  const report = emptyReport();
  const began = cpuMs();
  const collect = collector();
  for (let number = range.from; report.messages < range.messages; number += range.step) {
    begins(number, report);
    one(range.seed, number, report);
    report.cpuMs = cpuMs() - began;
    if (report.messages >= HEAP_EVERY * (report.heap.length + 1)) report.heap.push(collect());
    if (report.findings.length >= range.most || Date.now() >= (range.until ?? Infinity)) break;
  }
  const growth = growthOf(report.heap);
  if (growth !== null && growth > MOST_GROWTH_BYTES) {
    const detail = `the heap grows by ${Math.round(growth)} bytes in 10,000 messages`;
    add(report.findings, { seed: range.seed, case: range.from, check: "heap", detail, count: 1 });
  }
  return report;
}

function one(seed: number, number: number, report: Report): void {
  const { violation, messages, said, snapshotBytes, longestList, sentBytes, played } = play(seed, number);
  for (const [what, count] of played) report.played[what] = (report.played[what] ?? 0) + count;
  report.cases += 1;
  report.messages += messages;
  report.sentBytes += sentBytes;
  report.snapshotBytes = Math.max(report.snapshotBytes, snapshotBytes);
  report.longestList = Math.max(report.longestList, longestList);
  if (violation !== null) {
    const { check, message: detail } = violation;
    add(report.findings, { seed, case: number, check, detail, count: 1 });
  }
  for (const { to, data, tookMs } of said) {
    const begins = typeof data === "string" ? data.slice(0, 120) : "(binary)";
    report.slowest.push({ case: number, ms: tookMs, to, chars: data.length, begins });
    if (tookMs > SLOW_MS && isSlow(seed, number)) {
      const detail = `a message of ${data.length} took ${tookMs.toFixed(0)} ms: ${begins}`;
      add(report.findings, { seed, case: number, check: "slow", detail, count: 1 });
    }
  }
  report.slowest.sort((a, b) => b.ms - a.ms);
  report.slowest.length = Math.min(report.slowest.length, SLOWEST_KEPT);
}

/** By the processor's own clock, twice: another process that had the processor makes no message slow. */
function isSlow(seed: number, number: number): boolean {
  return [1, 2].every(() => play(seed, number, { clock: cpuMs }).said.some(({ tookMs }) => tookMs > SLOW_MS));
}

/** One that is known is counted. */
export function add(findings: Finding[], finding: Finding): void {
  const known = findings.find((each) => sameFault(each, finding));
  if (known) known.count += finding.count;
  else findings.push(finding);
}

export function addReport(total: Report, part: Report): void {
  total.cases += part.cases;
  total.messages += part.messages;
  total.cpuMs += part.cpuMs;
  total.sentBytes += part.sentBytes;
  for (const [what, count] of Object.entries(part.played)) {
    total.played[what] = (total.played[what] ?? 0) + count;
  }
  total.snapshotBytes = Math.max(total.snapshotBytes, part.snapshotBytes);
  total.longestList = Math.max(total.longestList, part.longestList);
  for (const finding of part.findings) add(total.findings, finding);
  total.slowest = [...total.slowest, ...part.slowest].sort((a, b) => b.ms - a.ms).slice(0, SLOWEST_KEPT);
  if (part.heap.length > total.heap.length) total.heap = part.heap;
}

/** Bytes per 10,000 messages, by the line of least squares; null: too few samples to tell. */
export function growthOf(heap: readonly number[]): number | null {
  const samples = heap.slice(WARM);
  if (samples.length < SAMPLES - WARM) return null;
  const middle = (samples.length - 1) / 2;
  const mean = samples.reduce((sum, bytes) => sum + bytes, 0) / samples.length;
  let [above, below] = [0, 0];
  for (const [at, bytes] of samples.entries()) {
    above += (at - middle) * (bytes - mean);
    below += (at - middle) ** 2;
  }
  return above / below;
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1e3;
}

/** Memory of WebAssembly and of buffers that nobody has is only given back by a later collection than the one that finds it. */
const MOST_COLLECTIONS = 6;
/** What is still given back is no more than this, bytes. */
const SETTLED_BYTES = 100_000;

/** Measures the live heap, bytes: what full collections leave that give nothing back any more. */
export function collector(): () => number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  return () => {
    let before = Infinity;
    for (let count = 0; ; count += 1) {
      collect();
      const { used_heap_size: used, external_memory: external } = getHeapStatistics();
      const now = used + external;
      if (before - now < SETTLED_BYTES || count === MOST_COLLECTIONS) return now;
      before = now;
    }
  };
}
