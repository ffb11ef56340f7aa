/** What the commands share that play from seeds in worker threads of their own file. */
import { Worker } from "node:worker_threads";

const EVERY_MS = 2_000;

/** Writes to standard error every two seconds how far it is, as `line` has it. */
export function ticker(line: (done: number, found: number) => string): (done: number, found: number) => void {
  let last = performance.now();
  return (done, found) => {
    if (performance.now() - last < EVERY_MS) return;
    last = performance.now();
    process.stderr.write(`${line(done, found)}\n`);
  };
}

/**
 * What a thread says: before each piece of its work (a seed, a case, a script) which one that is, with its report of the pieces
 * before; at its end the whole report.
 */
export type FromThread<Report> =
  | { readonly type: "begins"; readonly piece: number; readonly report: Report }
  | { readonly type: "report"; readonly report: Report };

/** A piece that a thread never came out of. */
export interface Stuck {
  readonly piece: number;
  /** What became of the thread, and where it was. */
  readonly detail: string;
}

export interface Watched<Report> {
  /** Of all pieces but the one that it is stuck in. */
  readonly report: Report;
  readonly stuck: Stuck | null;
}

/**
 * CPU seconds that one piece may take. The longest of the simulator's first 500 calls took 0.7, the longest case of the
 * fuzzer's first 100,000 messages 1.8, each the first of its thread.
 */
export const PIECE_CPU_SECONDS = 30;
/** What grows without end is stopped before the machine has no memory left. */
const MOST_HEAP_MB = 1024;

interface ThreadLimits {
  readonly cpuSeconds: number;
  readonly heapMb: number;
}

/**
 * Runs `file` in a thread, on `workerData`, and looks from outside how much of a processor each piece takes: code that never
 * comes back cannot look at itself. @param told of each report but the last.
 * @returns also when a piece takes more than that, or its thread fails: the thread is gone then.
 */
export function watched<Report>(
  file: string,
  workerData: unknown,
  told: (report: Report) => void,
  { cpuSeconds = PIECE_CPU_SECONDS, heapMb = MOST_HEAP_MB }: Partial<ThreadLimits> = {},
): Promise<Watched<Report>> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(file, { workerData, resourceLimits: { maxOldGenerationSizeMb: heapMb } });
    let at: { readonly piece: number; readonly report: Report; since: number | null } | null = null;
    const end = (ended: Watched<Report>): void => {
      clearInterval(looks);
      resolve(ended);
    };
    const failed = (detail: string): void => {
      clearInterval(looks);
      if (at === null) reject(new Error(detail));
      else end({ report: at.report, stuck: { piece: at.piece, detail } });
    };
    const look = async (): Promise<void> => {
      const seen = at;
      const { user, system } = await worker.cpuUsage();
      if (seen === null || seen !== at) return;
      const seconds = (user + system) / 1e6;
      seen.since ??= seconds;
      if (seconds - seen.since < cpuSeconds) return;
      failed(`${cpuSeconds} s of CPU were not enough for it; it was ${whereIs(worker)}`);
      await worker.terminate();
    };
    // Asked of a thread that has just stopped, it has no answer: its exit says what there is to say.
    const looks = setInterval(() => void look().catch(() => undefined), Math.min(1_000, 250 * cpuSeconds));
    worker.on("message", (said: FromThread<Report>) => {
      if (said.type === "report") return end({ report: said.report, stuck: null });
      at = { piece: said.piece, report: said.report, since: null };
      told(said.report);
    });
    // What it had said is heard before its exit, and not always before its error.
    let why: string | null = null;
    worker.once("error", (error) => (why = `its thread failed: ${String(error)}`));
    worker.once("exit", (code) => failed(why ?? `its thread stopped with code ${code}`));
  });
}

/** The functions that a thread is in, outermost last, as Node's diagnostic report has them. */
function whereIs({ threadId }: Worker): string {
  // Names of the network's devices are asked for else, which takes time; @types/node does not know of it yet.
  Object.assign(process.report, { excludeNetwork: true });
  const { workers } = process.report.getReport() as unknown as {
    readonly workers: readonly {
      readonly header: { readonly threadId: number };
      readonly javascriptStack: { readonly stack?: readonly string[] };
    }[];
  };
  const stack = workers.find(({ header }) => header.threadId === threadId)?.javascriptStack.stack ?? [];
  return stack
    .slice(0, 8)
    .map((line) => line.replace(/file:\/\/\S*?\/(?=(?:src|durable-objects|test|tools)\/)/, ""))
    .join(" ");
}
