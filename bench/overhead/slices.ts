/**
 * Slices of a second in which every arm of a comparison works, frame by frame in turn: what else the machine does, and what
 * its caches and pages are like, falls on all alike.
 */
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

/** What an arm is measured by. */
type Arms = ReadonlyMap<Arm, readonly Caller[]>;

/**
 * Enough frames through every arm, at once and in both kinds of message, for its code to be compiled: an isolate that
 * serves calls is warm, and one session's frames alone would not make it so.
 */
export async function warmUp(arms: readonly Arm[], sessions = WARM_SESSIONS): Promise<void> {
  const open = new Map<Arm, Caller[]>();
  try {
    for (const arm of arms) await openAll(open, arm, sessions, (at) => Caller.open(arm, at % 2 === 0, true));
    for (let i = 0; i < WARM_SLICES; i++) await slice(open);
  } finally {
    await closeAll(open);
  }
}

/** For each arm the slices of all rounds, in order. */
export async function measure(
  arms: readonly Arm[],
  { sessions, binary, acknowledges }: Setting,
  rounds: number,
): Promise<ReadonlyMap<string, Slice[]>> {
  const open = new Map<Arm, Caller[]>();
  const slices = new Map<string, Slice[]>(arms.map((arm) => [arm.name, []]));
  try {
    for (const arm of arms) await openAll(open, arm, sessions, () => Caller.open(arm, binary, acknowledges));
    // The first one is not counted.
    for (let round = -1; round < rounds; round++) {
      for (const [arm, measured] of await slice(open)) if (round >= 0) slices.get(arm.name)?.push(measured);
    }
  } finally {
    await closeAll(open);
  }
  return slices;
}

async function openAll(
  open: Map<Arm, Caller[]>,
  arm: Arm,
  sessions: number,
  next: (at: number) => Promise<Caller>,
): Promise<void> {
  const callers: Caller[] = [];
  open.set(arm, callers);
  for (let at = 0; at < sessions; at++) callers.push(await next(at));
}

async function closeAll(open: Arms): Promise<void> {
  await Promise.all([...open.values()].flat().map((caller) => caller.close()));
}

/** One second of all callers of all arms, each with its own phase within the 20 ms. */
async function slice(arms: Arms): Promise<ReadonlyMap<Arm, Slice>> {
  const callers = inTurn([...arms.values()]);
  for (const caller of callers) caller.take();
  const before = await cpuOf(arms);
  await speak(callers);
  for (const [arm, its] of arms) await drain(arm, its);
  const after = await cpuOf(arms);
  return new Map(
    Array.from(arms, ([arm, its]) => {
      const rtts = its.flatMap((caller) => caller.take());
      const minutes = (SLICE_FRAMES * its.length) / FRAMES_PER_MINUTE;
      const [from, to] = [before.get(arm) ?? null, after.get(arm) ?? null];
      const cpu = from === null || to === null ? null : (to - from) / 1000 / minutes;
      return [arm, { p50: percentile(rtts, 0.5), rtts, cpu }] as const;
    }),
  );
}

/** A caller of each arm, then the next of each: all have as many. */
function inTurn(arms: readonly (readonly Caller[])[]): readonly Caller[] {
  const [first = []] = arms;
  return first.flatMap((_, at) => arms.flatMap((its) => its[at] ?? []));
}

async function cpuOf(arms: Arms): Promise<ReadonlyMap<Arm, number | null>> {
  const spent = new Map<Arm, number | null>();
  for (const arm of arms.keys()) spent.set(arm, await cpuMs(arm.pids));
  return spent;
}

async function speak(callers: readonly Caller[]): Promise<void> {
  const start = performance.now();
  for (let n = 0; n < SLICE_FRAMES * callers.length; n++) {
    const early = start + (n * FRAME_MS) / callers.length - performance.now();
    if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
    callers[n % callers.length]?.send();
  }
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
