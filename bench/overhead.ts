/**
 * What the relay adds to a call: round trip and CPU of 20 ms frames that an upstream gives back at once, for 1, 10
 * and 25 sessions, as JSON and as binary messages. The same run measures dialling the upstream directly, a Node
 * proxy and the least a Worker can do, in slices of a second that take turns, so that the machine's other work falls
 * on all alike.
 */
import { startArms } from "./overhead/arms.ts";
import {
  FRAME_MS,
  measure,
  median,
  medianOrNull,
  percentile,
  warmUp,
  type Setting,
  type Slice,
} from "./overhead/slices.ts";
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

const TARGETS = { added_p50_ratio: 1.5, cpu_ratio: 1.3 };

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
