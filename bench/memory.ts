/**
 * What a call takes of the 128 MB that all calls of an isolate share: 1 to 40 calls in one workerd, in which both sides
 * speak all the time, until history, archive and outbox are at their bounds; V8's heap and the memory behind its buffers,
 * by its inspector, after a garbage collection. Nobody knows the words of what is said: of that a call keeps as much as
 * there is room for.
 */
import { Inspector, residentMb } from "./delivery/memory.ts";
import { sleep } from "./delivery/speaker.ts";
import { Talker } from "./memory/talker.ts";
import { startChild } from "./overhead/arms.ts";
import { startRelay } from "../tools/relay/relay.ts";
import { markdownTable, type Picture } from "./report.ts";
import type { Flags } from "./flags.ts";
import type { BenchOptions, BenchResult } from "./run.ts";

export const description = "memory of 1 to 40 calls in one workerd";
export const flags: Flags = {
  sessions: { value: "1,10,10", says: "so many calls at each look (1,10,20,40)" },
  seconds: { value: "N", says: "between two looks (75)" },
};
export const lasts = "five minutes";

const SESSIONS = [1, 10, 20, 40];
/** Until everything that a call keeps is full. */
const SECONDS = 75;
const FULL = 40;
const TARGETS = { mb_per_call: 2.2, mb_of_40_calls: 90, mb_per_call_and_minute: 0.01 };

interface Row {
  readonly calls: number;
  readonly heap_mb: number;
  readonly buffers_mb: number;
  readonly resident_mb: number;
}

export async function run(options: BenchOptions): Promise<BenchResult> {
  const { given } = options;
  const counts = given.numbers("sessions", SESSIONS);
  const seconds = given.number("seconds", SECONDS);
  const rows: Row[] = [];
  const talkers: Talker[] = [];
  const echo = await startChild("echo-server.ts");
  const relay = await startRelay({ demoUrl: `http://127.0.0.1:${echo.port}/v1/realtime`, inspect: true });
  try {
    const inspector = await Inspector.open(await relay.worker.miniflare.getInspectorURL());
    const look = async (): Promise<void> => {
      const { heapMb, buffersMb } = await inspector.usage();
      const resident = await residentMb(relay.worker.pid());
      const fixed = (mb: number): number => Number(mb.toFixed(1));
      rows.push({
        calls: talkers.length,
        heap_mb: fixed(heapMb),
        buffers_mb: fixed(buffersMb),
        resident_mb: fixed(resident),
      });
      options.say(JSON.stringify(rows.at(-1)));
    };
    // What the Worker takes before it has a call. The inspector answers while there is something to do.
    const busy = setInterval(() => void fetch(`${relay.url}/healthz`), 100);
    await look();
    clearInterval(busy);
    for (const count of counts) {
      while (talkers.length < count)
        talkers.push(await Talker.open(`${relay.wsUrl}/v1/realtime?model=demo`, relay.apiKey));
      await sleep(seconds * 1000);
      await look();
    }
    inspector.close();
  } finally {
    for (const talker of talkers) talker.hangUp();
    await relay.close();
    await echo.close();
  }
  const partial = seconds < SECONDS || given.has("sessions");
  return resultOf(rows, talkers, partial, seconds / 60, options);
}

/** Between two looks at as many calls, MB per call and minute; null: there are none. */
function growthOf(rows: readonly Row[], minutes: number): number | null {
  const grown = rows.flatMap(({ calls, heap_mb, buffers_mb }, at) => {
    const before = rows[at - 1];
    if (before?.calls !== calls) return [];
    return (heap_mb + buffers_mb - before.heap_mb - before.buffers_mb) / calls / minutes;
  });
  return grown.length === 0 ? null : Math.max(...grown);
}

function resultOf(
  rows: readonly Row[],
  talkers: readonly Talker[],
  partial: boolean,
  minutes: number,
  options: BenchOptions,
): BenchResult {
  const [none, last] = [rows[0], rows.at(-1)];
  const all = (row: Row | undefined): number => (row?.heap_mb ?? 0) + (row?.buffers_mb ?? 0);
  const perCall = Number(((all(last) - all(none)) / Math.max(1, last?.calls ?? 0)).toFixed(2));
  const growth = growthOf(rows, minutes);
  const failures = talkers.flatMap(({ failure }) => failure ?? []);
  const table = rows.map((row) => [row.calls, row.heap_mb, row.buffers_mb, all(row), row.resident_mb]);
  const head = ["calls", "V8 heap, MB", "buffers, MB", "both, MB", "resident, MB"];
  if (!options.json) process.stdout.write(`\n${markdownTable(head, table)}\n\n`);
  const largest = rows.toSorted((a, b) => all(b) - all(a))[0];
  return {
    bench: "memory",
    figures: { rows, mb_per_call: perCall, mb_per_call_and_minute: growth, failures },
    targets: TARGETS,
    missed: [
      // Few calls may each keep more of what their callers said, of which nobody knows the words: what they share is bounded.
      ...(last?.calls === FULL && perCall > TARGETS.mb_per_call
        ? [`${perCall} MB per call, at most ${TARGETS.mb_per_call}`]
        : []),
      ...(all(largest) > TARGETS.mb_of_40_calls
        ? [`${largest?.calls} calls have ${all(largest).toFixed(1)} MB, at most ${TARGETS.mb_of_40_calls}`]
        : []),
      ...(growth !== null && growth > TARGETS.mb_per_call_and_minute
        ? [`${growth.toFixed(3)} MB more per call and minute, at most ${TARGETS.mb_per_call_and_minute}`]
        : []),
      ...(failures.length > 0 ? [`${failures.length} calls failed: ${failures[0]}`] : []),
    ],
    partial,
    picture: pictureOf(rows),
  };
}

function pictureOf(rows: readonly Row[]): Picture {
  const series = (name: string, of: (row: Row) => number) => ({
    name,
    points: rows.map((row): [number, number] => [row.calls, of(row)]),
  });
  return {
    title: "Memory of calls in one workerd",
    subtitle:
      "both sides speak all the time; V8 collects garbage before every look; the platform gives 128 MB",
    panels: [
      {
        kind: "lines",
        title: "Megabytes",
        xLabel: "calls",
        yLabel: "MB",
        series: [
          series("V8 heap", (row) => row.heap_mb),
          series("heap and buffers", (row) => row.heap_mb + row.buffers_mb),
          series("resident", (row) => row.resident_mb),
        ],
      },
    ],
  };
}
