/** What the attacks came to: targets, table and picture. */
import { markdownTable, type Picture } from "../../bench/report.ts";
import type { Figures } from "./stage.ts";

export const TARGETS = {
  /** Of a frame of the innocent call. */
  innocent_p99_ms: 50,
  /** Bytes out for each byte in, where the relay does not speak. */
  amplification: 20,
  /** Milliseconds in each second beyond what the innocent call takes. */
  cpu_ms_per_second: 50,
} as const;

export interface Row {
  readonly attack: string;
  readonly what: string;
  readonly seconds: number;
  readonly messages: number;
  readonly bytes_in: number;
  readonly bytes_out: number;
  readonly amplification: number;
  readonly cpu_ms_per_second: number | null;
  /** Of these at least the runtime's own, which a Worker that does nothing takes as well. */
  readonly runtime_ms_per_second: number | null;
  readonly memory_mb: readonly [before: number | null, after: number | null];
  readonly ends: Readonly<Record<string, number>>;
  readonly errors: Readonly<Record<string, number>>;
  readonly innocent_ms: {
    readonly alone: { readonly p50: number; readonly p99: number; readonly max: number };
    readonly beside: { readonly p50: number; readonly p99: number; readonly max: number };
    /** By how much frames were sent late, p99: the machine's part. */
    readonly sent_late_p99: number;
  };
  /** Targets and rules that were missed, in words. */
  readonly missed: readonly string[];
}

export function rowOf(figures: Figures): Row {
  const { attack, what, seen, cpu, loudSeconds, bareCpuMs, memory, innocent, spoken } = figures;
  const amplification = seen.bytesSent === 0 ? 0 : seen.bytesReceived / seen.bytesSent;
  const cost = cpu.before === null || cpu.during === null ? null : Math.max(0, cpu.during - cpu.before);
  const runtime = bareCpuMs === null ? null : bareCpuMs / loudSeconds;
  const { frames, lost, failure } = innocent.during;
  const missed = [
    ...seen.broken,
    ...(failure === null ? [] : [`the innocent call: ${failure}`]),
    ...(lost > 0 ? [`${lost} frames of the innocent call did not come back`] : []),
    ...(frames.p99 < TARGETS.innocent_p99_ms
      ? []
      : [`the innocent call's p99 is ${frames.p99} ms (${innocent.before.frames.p99} without the attack)`]),
    ...(spoken || amplification <= TARGETS.amplification
      ? []
      : [`${fixed(amplification)} bytes out for each byte in`]),
    ...(cost === null || cost <= TARGETS.cpu_ms_per_second ? [] : [costing(cost, runtime)]),
  ];
  const short = ({ p50, p99, max }: { p50: number; p99: number; max: number }) => ({ p50, p99, max });
  return {
    attack,
    what,
    seconds: fixed(seen.seconds),
    messages: seen.messages,
    bytes_in: seen.bytesSent,
    bytes_out: seen.bytesReceived,
    amplification: fixed(amplification),
    cpu_ms_per_second: cost === null ? null : fixed(cost),
    runtime_ms_per_second: runtime === null ? null : fixed(runtime),
    memory_mb: [memory.before, memory.after],
    ends: seen.ends,
    errors: seen.errors,
    innocent_ms: {
      alone: short(innocent.before.frames),
      beside: short(frames),
      sent_late_p99: innocent.during.late.p99,
    },
    missed,
  };
}

function costing(cost: number, runtime: number | null): string {
  const own = runtime === null ? "" : `, at least ${fixed(runtime)} of them the runtime's own`;
  return `${fixed(cost)} ms of CPU a second${own}`;
}

export function missedOf(rows: readonly Row[]): readonly string[] {
  return rows.flatMap(({ attack, missed }) => missed.map((each) => `${attack}: ${each}`));
}

function fixed(value: number): number {
  return Number(value.toFixed(1));
}

function counts(of: Readonly<Record<string, number>>): string {
  return Object.entries(of)
    .map(([what, count]) => `${count} × ${what}`)
    .join(", ");
}

/** One attack, when it is over. */
export function describeRow(row: Row): string {
  const { alone, beside, sent_late_p99 } = row.innocent_ms;
  return [
    `${row.attack}: ${row.what}`,
    `  ${row.seconds} s, ${row.messages} messages, ${kilobytes(row.bytes_in)} kB in, ${kilobytes(row.bytes_out)} kB out (× ${row.amplification}), CPU ${row.cpu_ms_per_second ?? "unknown"} ms/s (a bare Worker: ${row.runtime_ms_per_second ?? "unknown"}), memory ${row.memory_mb.map((mb) => mb ?? "unknown").join(" → ")} MB`,
    `  ${counts(row.ends) || "nothing ended"}${Object.keys(row.errors).length > 0 ? `; errors: ${counts(row.errors)}` : ""}`,
    `  innocent call: p50 ${alone.p50} → ${beside.p50} ms, p99 ${alone.p99} → ${beside.p99} ms, max ${alone.max} → ${beside.max} ms (sent late, p99: ${sent_late_p99} ms)`,
    ...row.missed.map((each) => `  MISSED ${each}`),
    "",
  ].join("\n");
}

function kilobytes(bytes: number): number {
  return fixed(bytes / 1000);
}

export function table(rows: readonly Row[]): string {
  return markdownTable(
    ["attack", "kB in", "kB out", "out / in", "CPU ms/s", "bare", "MB", "innocent p99, alone", "beside"],
    rows.map((row) => [
      row.attack,
      kilobytes(row.bytes_in),
      kilobytes(row.bytes_out),
      row.amplification,
      row.cpu_ms_per_second ?? "–",
      row.runtime_ms_per_second ?? "–",
      row.memory_mb.map((mb) => mb ?? "–").join(" → "),
      row.innocent_ms.alone.p99,
      row.innocent_ms.beside.p99,
    ]),
  );
}

/** @param load of the machine, as it was at the end: the processes that wanted to run. */
export function pictureOf(rows: readonly Row[], load: number): Picture {
  return {
    title: "Attacks on a relay, and a call beside them",
    subtitle: `One workerd, one thread for all; attacker, caller and provider share its machine, whose load was ${load}`,
    panels: [
      {
        kind: "bars",
        title: `Frame of the innocent call and back, p99 (at most ${TARGETS.innocent_p99_ms} ms)`,
        unit: "ms",
        bars: ["alone", "beside the attack"],
        groups: rows.map(({ attack, innocent_ms: { alone, beside } }) => ({
          label: attack,
          values: [alone.p99, beside.p99],
        })),
      },
      {
        kind: "table",
        title: "What it costs",
        head: ["attack", "kB in", "kB out", "out / in", "CPU ms/s", "bare", "MB"],
        rows: rows.map((row) => [
          row.attack,
          kilobytes(row.bytes_in),
          kilobytes(row.bytes_out),
          row.amplification,
          row.cpu_ms_per_second ?? "unknown",
          row.runtime_ms_per_second ?? "unknown",
          row.memory_mb.map((mb) => mb ?? "–").join(" → "),
        ]),
      },
    ],
  };
}
