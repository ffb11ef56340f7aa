/** A thread of the tests': one of its pieces does not end as it should. */
import { parentPort, workerData } from "node:worker_threads";
import type { FromThread } from "../../tools/threads.ts";

const { pieces, does } = workerData as { readonly pieces: number; readonly does: string };
const kept: number[][] = [];

function forEver(act: () => number): void {
  for (;;) act();
}

async function misbehave(): Promise<void> {
  if (does === "loop") forEver(() => 0);
  if (does === "throw") throw new Error("on purpose");
  if (does === "wait") await new Promise(() => {});
  if (does === "keep") forEver(() => kept.push(Array.from<number>({ length: 1_000_000 }).fill(0.5)));
}

// A worker's port has no origin.
// oxlint-disable-next-line unicorn/require-post-message-target-origin
const say = (message: FromThread<number[]>): void => parentPort?.postMessage(message);
const report: number[] = [];
for (let piece = 1; piece <= pieces; piece += 1) {
  say({ type: "begins", piece, report });
  if (piece === 3) await misbehave();
  report.push(piece);
}
say({ type: "report", report });
