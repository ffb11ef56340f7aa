/** Slices of a second in which the arms of a comparison take turns, so that the machine's other work falls on all alike. */
import type { Arm } from "./arms.ts";
import { Caller } from "./caller.ts";
import { cpuMs } from "./cpu.ts";

export const FRAME_MS = 20;
const SLICE_FRAMES = 50;
const WARM_SESSIONS = 20;
const WARM_SLICES = 20;
const DRAIN_LIMIT_MS = 5000;
const FRAMES_PER_MINUTE = 60_000 / FRAME_MS;

export interface Slice {
  readonly p50: number;
  readonly rtts: readonly number[];
  /** CPU seconds of the arm per session-minute, or null. */
  readonly cpu: number | null;
}

export interface Setting {
  readonly sessions: number;
  readonly binary: boolean;
  /** The relay's `duplex.v1` clients do; else it keeps and stores all that its outbox holds. */
  readonly acknowledges: boolean;
}

/**
 * Enough frames through every arm, at once and in both kinds of message, for its code to be compiled: an isolate that
 * serves calls is warm, and one session's frames alone would not make it so.
 */
export async function warmUp(arms: readonly Arm[], sessions = WARM_SESSIONS): Promise<void> {
  const open: { readonly arm: Arm; readonly callers: Caller[] }[] = arms.map((arm) => ({ arm, callers: [] }));
  try {
    for (const { arm, callers } of open) {
      for (let i = 0; i < sessions; i++) callers.push(await Caller.open(arm, i % 2 === 0, true));
    }
    await Promise.all(
      open.map(async ({ arm, callers }) => {
        for (let i = 0; i < WARM_SLICES; i++) await slice(arm, callers);
      }),
    );
  } finally {
    await Promise.all(open.flatMap(({ callers }) => callers).map((caller) => caller.close()));
  }
}

/** For each arm the slices of all rounds, in order. */
export async function measure(
  arms: readonly Arm[],
  setting: Setting,
  rounds: number,
): Promise<ReadonlyMap<string, Slice[]>> {
  const callers = new Map<Arm, Caller[]>();
  const slices = new Map<string, Slice[]>(arms.map((arm) => [arm.name, []]));
  try {
    for (const arm of arms) {
      const open: Caller[] = [];
      callers.set(arm, open);
      for (let i = 0; i < setting.sessions; i++)
        open.push(await Caller.open(arm, setting.binary, setting.acknowledges));
      await slice(arm, open);
    }
    for (let round = 0; round < rounds; round++) {
      // A different arm begins each round, so that none always follows the same one.
      for (let i = 0; i < arms.length; i++) {
        const arm = arms[(i + round) % arms.length];
        if (arm !== undefined) slices.get(arm.name)?.push(await slice(arm, callers.get(arm) ?? []));
      }
    }
  } finally {
    await Promise.all([...callers.values()].flat().map((caller) => caller.close()));
  }
  return slices;
}

/** One second of all callers of one arm, each with its own phase within the 20 ms. */
async function slice(arm: Arm, callers: readonly Caller[]): Promise<Slice> {
  for (const caller of callers) caller.take();
  const before = await cpuMs(arm.pids);
  const start = performance.now();
  for (let n = 0; n < SLICE_FRAMES * callers.length; n++) {
    const due = start + (n * FRAME_MS) / callers.length;
    const early = due - performance.now();
    if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
    callers[n % callers.length]?.send();
  }
  await drain(arm, callers);
  const after = await cpuMs(arm.pids);
  const rtts = callers.flatMap((caller) => caller.take());
  const frames = SLICE_FRAMES * callers.length;
  return {
    p50: percentile(rtts, 0.5),
    rtts,
    cpu: before === null || after === null ? null : ((after - before) / 1000 / frames) * FRAMES_PER_MINUTE,
  };
}

async function drain(arm: Arm, callers: readonly Caller[]): Promise<void> {
  const deadline = performance.now() + DRAIN_LIMIT_MS;
  for (;;) {
    const failed = callers.find((caller) => caller.failure !== null);
    if (failed !== undefined) throw new Error(`${arm.name}: ${failed.failure}`);
    const missing = callers.reduce((sum, caller) => sum + caller.missing, 0);
    if (missing === 0) return;
    if (performance.now() > deadline) throw new Error(`${arm.name}: ${missing} frame(s) did not come back`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

export function medianOrNull(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === values.length && known.length > 0 ? median(known) : null;
}
