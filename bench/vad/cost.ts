/** What detectors cost: CPU in Node, time in workerd, cold start, size. */
import { readFile } from "node:fs/promises";
import { cpuUsage } from "node:process";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { runWorker, type RunningWorker } from "../../tools/relay/miniflare.ts";
import type { Candidate } from "./detectors.ts";
import { quantile } from "./score.ts";

const ROUNDS = 7;

/** Median CPU milliseconds per second of audio. The detectors take turns, so the machine's other work falls on all. */
export async function cpuPerSecond(
  candidates: readonly Candidate[],
  pcm: Int16Array,
): Promise<Record<string, number>> {
  const rounds = new Map(candidates.map((candidate) => [candidate, [] as number[]]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [candidate, values] of rounds) {
      const before = cpuUsage();
      await candidate.track(pcm);
      const { user, system } = cpuUsage(before);
      // The first round warms up.
      if (round > 0) values.push((user + system) / 1000 / (pcm.length / 16000));
    }
  }
  return Object.fromEntries(
    [...rounds].map(([candidate, values]) => [candidate.name, quantile(values, 0.5)]),
  );
}

/** Gzipped bytes of kernel and weights. */
export async function moduleBytes(): Promise<number> {
  const module = await readFile(new URL("../../wasm/build/silero.wasm", import.meta.url));
  return gzipSync(module, { level: 9 }).byteLength;
}

export interface WorkerdCost {
  readonly ms_per_s: number;
  /** From the first request to a fresh workerd until the answer with the first probability, the round trip included. */
  readonly cold_start_ms: number;
}

export async function workerdCost(pcm: Int16Array): Promise<WorkerdCost> {
  const body = new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength);
  const cold: number[] = [];
  const warm: number[] = [];
  for (let round = 0; round < 3; round++) {
    const worker = await startWorker();
    try {
      cold.push(await timed(worker, "detect", new Uint8Array(1024)));
      await timed(worker, "detect", body);
      for (let i = 0; i < 3; i++) {
        const idle = await timed(worker, "idle", body);
        warm.push(((await timed(worker, "detect", body)) - idle) / (pcm.length / 16000));
      }
    } finally {
      await worker.close();
    }
  }
  return { ms_per_s: quantile(warm, 0.5), cold_start_ms: quantile(cold, 0.5) };
}

function startWorker(): Promise<RunningWorker> {
  return runWorker({
    entry: fileURLToPath(new URL("vad-worker.ts", import.meta.url)),
    port: 0,
    vars: {},
    options: { compatibilityDate: "2026-11-02" },
  });
}

/** Milliseconds until the answer. workerd's own clock stands still while it computes, so it is read here. */
async function timed(worker: RunningWorker, path: string, body: Uint8Array): Promise<number> {
  const before = performance.now();
  const response = await fetch(`${worker.url}/${path}`, { method: "POST", body: body.slice() });
  const text = await response.text();
  if (!response.ok) throw new Error(`the benchmark's worker answered ${response.status}: ${text}`);
  return performance.now() - before;
}
