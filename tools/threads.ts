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

/** The last message of a thread. */
interface Ended {
  readonly type: "report";
  readonly report: unknown;
}

/**
 * Runs `file` in a thread, on `workerData`. @param told whatever it posts before its report.
 * @returns the report; rejects when the thread fails or stops without one.
 */
export function inThread<Message extends { readonly type: string }>(
  file: string,
  workerData: unknown,
  told: (message: Exclude<Message, Ended>) => void,
): Promise<Extract<Message, Ended>["report"]> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(file, { workerData });
    worker.on("message", (message: Message) => {
      if (message.type === "report") resolve((message as Extract<Message, Ended>).report);
      else told(message as Exclude<Message, Ended>);
    });
    worker.once("error", reject);
    worker.once("exit", (code) => reject(new Error(`a worker stopped with code ${code}`)));
  });
}
