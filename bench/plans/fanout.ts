/**
 * What it takes to send each frame of the caller to four upstreams, of which one gives its answer: the relay (`failover`, where all
 * hear everything) beside a Worker that sends every message to four sockets and gives back what the first says. Whole Workers in
 * workerd, in slices of a second that take turns.
 */
import { fileURLToPath } from "node:url";
import { startChild, startPump, startRelayArm, type Arm } from "../overhead/arms.ts";
import { measure, median, medianOrNull, warmUp, type Slice } from "../overhead/slices.ts";
import type { Panel } from "../report.ts";

const UPSTREAMS = 4;
const SESSIONS = 5;
export const FANOUT_CPU_RATIO = 1.25;
const ROUTES = fileURLToPath(new URL("fanout-routes.ts", import.meta.url));

interface Row {
  readonly arm: string;
  readonly messages: "json" | "binary";
  readonly p50_ms: number;
  /** Null where the system does not tell. */
  readonly cpu_s_per_session_minute: number | null;
}

export interface FanoutFigures {
  readonly upstreams: number;
  readonly sessions: number;
  readonly rounds: number;
  /** CPU of the relay over that of the pump, each round by itself, and the median of the rounds. */
  readonly cpu_ratio: { readonly json: number | null; readonly binary: number | null };
  readonly rows: readonly Row[];
}

export async function fanoutFigures(rounds: number, say: (line: string) => void): Promise<FanoutFigures> {
  const echo = await startChild("echo-server.ts");
  const url = `http://127.0.0.1:${echo.port}/v1/realtime`;
  const arms: Arm[] = [];
  try {
    arms.push(await startPump(url, UPSTREAMS));
    arms.push({ ...(await startRelayArm("relay", url, undefined, ROUTES)), tellsWhenHeard: true });
    say("fan-out: warming up …");
    await warmUp(arms, SESSIONS);
    const json = await measure(arms, { sessions: SESSIONS, binary: false, acknowledges: true }, rounds);
    const binary = await measure(arms, { sessions: SESSIONS, binary: true, acknowledges: true }, rounds);
    return {
      upstreams: UPSTREAMS,
      sessions: SESSIONS,
      rounds,
      cpu_ratio: { json: ratio(json), binary: ratio(binary) },
      rows: [...rowsOf(json, "json"), ...rowsOf(binary, "binary")],
    };
  } finally {
    for (const arm of arms.toReversed()) await arm.close();
    await echo.close();
  }
}

function ratio(measured: ReadonlyMap<string, Slice[]>): number | null {
  const pump = measured.get("raw pump") ?? [];
  const ratios = (measured.get("relay") ?? []).map(({ cpu }, round) => {
    const least = pump[round]?.cpu ?? null;
    return cpu === null || least === null ? null : cpu / least;
  });
  return rounded(medianOrNull(ratios));
}

function rowsOf(measured: ReadonlyMap<string, Slice[]>, messages: Row["messages"]): Row[] {
  return [...measured].map(([arm, slices]) => ({
    arm: `${arm} to ${UPSTREAMS}`,
    messages,
    p50_ms: rounded(median(slices.map(({ p50 }) => p50))) ?? Number.NaN,
    cpu_s_per_session_minute: rounded(medianOrNull(slices.map(({ cpu }) => cpu))),
  }));
}

function rounded(value: number | null): number | null {
  return value === null ? null : Number(value.toFixed(3));
}

export function fanoutMissed({ cpu_ratio }: FanoutFigures): readonly string[] {
  return Object.entries(cpu_ratio).flatMap(([messages, cpu]) =>
    cpu !== null && cpu > FANOUT_CPU_RATIO
      ? [
          `fan-out, ${messages}: CPU is ${cpu} times that of a pump that sends to ${UPSTREAMS}, at most ${FANOUT_CPU_RATIO}`,
        ]
      : [],
  );
}

export function fanoutPanel({ rows, sessions }: FanoutFigures): Panel {
  const bars = [...new Set(rows.map(({ arm }) => arm))];
  return {
    kind: "bars",
    title: `Each frame to ${UPSTREAMS} upstreams, ${sessions} sessions: CPU per session-minute`,
    unit: "s",
    bars,
    groups: (["json", "binary"] as const).map((messages) => ({
      label: messages,
      values: bars.map(
        (bar) =>
          rows.find((row) => row.arm === bar && row.messages === messages)?.cpu_s_per_session_minute ?? null,
      ),
    })),
  };
}
