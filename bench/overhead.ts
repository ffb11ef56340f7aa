/**
 * What the relay adds to a call: round trip and CPU of 20 ms frames that an upstream gives back at once, for 1, 10
 * and 25 sessions, as JSON and as binary messages. The same run measures dialling the upstream directly, a Node
 * proxy and the least a Worker can do, in slices of a second that take turns, so that the machine's other work falls
 * on all alike.
 */
import { startArms, type Arm } from "./overhead/arms.ts";
import { Caller } from "./overhead/caller.ts";
import { cpuMs } from "./overhead/cpu.ts";
import { markdownTable, type Picture } from "./report.ts";
import type { Flags } from "./flags.ts";
import type { BenchOptions, BenchResult } from "./run.ts";

export const description =
  "added latency and CPU of the relay against direct dialling, a Node proxy and a raw Worker pump";
export const flags: Flags = {
  rounds: { value: "N", says: "turns of each arm (9)" },
  sessions: { value: "1,10,25", says: "so many calls at once, one after the other" },
  "never-acknowledge": { says: "clients that acknowledge nothing" },
  against: { value: "CHECKOUT", says: "another checkout of the relay as a further arm" },
};
export const lasts = "some minutes";

const FRAME_MS = 20;
const SLICE_FRAMES = 50;
const WARM_SESSIONS = 20;
const WARM_SLICES = 20;
const DRAIN_LIMIT_MS = 5000;
const FRAMES_PER_MINUTE = 60_000 / FRAME_MS;
const TARGETS = { added_p50_ratio: 1.5, cpu_ratio: 1.3 };

interface Slice {
  readonly p50: number;
  readonly rtts: readonly number[];
  /** CPU seconds of the arm per session-minute, or null. */
  readonly cpu: number | null;
}

interface Setting {
  readonly sessions: number;
  readonly binary: boolean;
  /** The relay's `duplex.v1` clients do; else it keeps and stores all that its outbox holds. */
  readonly acknowledges: boolean;
}

/** Figures of one arm in one setting. */
interface Row {
  readonly arm: string;
  readonly sessions: number;
  readonly messages: "json" | "binary";
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly added_p50_ms: number;
  readonly cpu_s_per_session_minute: number | null;
}

export async function run(options: BenchOptions): Promise<BenchResult> {
  const { given } = options;
  const rounds = given.number("rounds", 9);
  const counts = given.numbers("sessions", [1, 10, 25]);
  const acknowledges = !given.has("never-acknowledge");
  const arms = await startArms(given.text("against") ?? undefined);
  const rows: Row[] = [];
  const ratios: Record<string, { added_p50: number; cpu: number | null }> = {};
  try {
    options.say("warming up …");
    await warmUp(arms);
    for (const sessions of counts) {
      for (const binary of [false, true]) {
        const measured = await measure(arms, { sessions, binary, acknowledges }, rounds);
        const label = `${sessions} ${binary ? "binary" : "json"}`;
        rows.push(...summarise(measured, { sessions, binary, acknowledges }));
        ratios[label] = compare(measured);
        options.say(`${label}: ${JSON.stringify(ratios[label])}`);
      }
    }
  } finally {
    for (const arm of arms.toReversed()) await arm.close();
  }
  if (!options.json) process.stdout.write(`\n${table(rows)}\n\n`);
  return {
    bench: "overhead",
    figures: { rounds, frame_ms: FRAME_MS, clients_acknowledge: acknowledges, relay_to_pump: ratios, rows },
    targets: TARGETS,
    missed: missedOf(ratios),
    picture: pictureOf(rows),
  };
}

/**
 * Enough frames through every arm, at once and in both kinds of message, for its code to be compiled: an isolate that
 * serves calls is warm, and one session's frames alone would not make it so.
 */
async function warmUp(arms: readonly Arm[]): Promise<void> {
  const open: { readonly arm: Arm; readonly callers: Caller[] }[] = arms.map((arm) => ({ arm, callers: [] }));
  try {
    for (const { arm, callers } of open) {
      for (let i = 0; i < WARM_SESSIONS; i++) callers.push(await Caller.open(arm, i % 2 === 0, true));
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
async function measure(
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

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

function medianOrNull(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === values.length && known.length > 0 ? median(known) : null;
}

function summarise(measured: ReadonlyMap<string, Slice[]>, setting: Setting): Row[] {
  const direct = measured.get("direct") ?? [];
  return [...measured].map(([arm, slices]) => ({
    arm,
    sessions: setting.sessions,
    messages: setting.binary ? "binary" : "json",
    p50_ms: fixed(median(slices.map((each) => each.p50))),
    p99_ms: fixed(
      percentile(
        slices.flatMap((each) => each.rtts),
        0.99,
      ),
    ),
    added_p50_ms: fixed(median(slices.map((each, i) => each.p50 - (direct[i]?.p50 ?? 0)))),
    cpu_s_per_session_minute: arm === "direct" ? null : fixed(medianOrNull(slices.map((each) => each.cpu))),
  }));
}

/** Relay over raw pump, each round by itself, then the median of the rounds. */
function compare(measured: ReadonlyMap<string, Slice[]>): { added_p50: number; cpu: number | null } {
  const of = (arm: string, round: number): Slice | undefined => measured.get(arm)?.[round];
  const added: number[] = [];
  const cpu: (number | null)[] = [];
  for (let round = 0; round < (measured.get("relay")?.length ?? 0); round++) {
    const [direct, pump, relay] = [of("direct", round), of("raw pump", round), of("relay", round)];
    if (direct === undefined || pump === undefined || relay === undefined) continue;
    added.push((relay.p50 - direct.p50) / (pump.p50 - direct.p50));
    cpu.push(relay.cpu === null || pump.cpu === null ? null : relay.cpu / pump.cpu);
  }
  return { added_p50: fixed(median(added)), cpu: fixed(medianOrNull(cpu)) };
}

function fixed(value: number): number;
function fixed(value: number | null): number | null;
function fixed(value: number | null): number | null {
  return value === null ? null : Number(value.toFixed(3));
}

function missedOf(ratios: Readonly<Record<string, { added_p50: number; cpu: number | null }>>): string[] {
  return Object.entries(ratios).flatMap(([label, { added_p50, cpu }]) => [
    ...(added_p50 > TARGETS.added_p50_ratio
      ? [`${label}: added p50 is ${added_p50} times the pump's, at most ${TARGETS.added_p50_ratio}`]
      : []),
    ...(cpu !== null && cpu > TARGETS.cpu_ratio
      ? [`${label}: CPU is ${cpu} times the pump's, at most ${TARGETS.cpu_ratio}`]
      : []),
  ]);
}

function table(rows: readonly Row[]): string {
  return markdownTable(
    ["sessions, messages", "way", "p50 ms", "p99 ms", "added p50 ms", "CPU s per session-minute"],
    rows.map((row) => [
      `${row.sessions} ${row.messages}`,
      row.arm,
      row.p50_ms,
      row.p99_ms,
      row.arm === "direct" ? "–" : row.added_p50_ms,
      row.cpu_s_per_session_minute ?? "–",
    ]),
  );
}

function pictureOf(rows: readonly Row[]): Picture {
  const arms = [...new Set(rows.map((row) => row.arm))];
  const labels = [...new Set(rows.map((row) => `${row.sessions} × ${row.messages}`))];
  const groups = (of: (row: Row) => number | null) =>
    labels.map((label) => ({
      label,
      values: arms.map((arm) => {
        const row = rows.find((each) => each.arm === arm && `${each.sessions} × ${each.messages}` === label);
        return row === undefined ? null : of(row);
      }),
    }));
  return {
    title: "What the relay adds",
    subtitle: "20 ms frames given back by an upstream at once, all on one machine; sessions × messages",
    panels: [
      { kind: "bars", title: "Round trip, p50", unit: "ms", bars: arms, groups: groups((row) => row.p50_ms) },
      { kind: "bars", title: "Round trip, p99", unit: "ms", bars: arms, groups: groups((row) => row.p99_ms) },
      {
        kind: "bars",
        title: "CPU per session-minute",
        unit: "s",
        bars: arms,
        groups: groups((row) => row.cpu_s_per_session_minute),
      },
    ],
  };
}
