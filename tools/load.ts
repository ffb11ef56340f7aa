/** `npm run load`: many calls at once, in real time, and how long things took. */
import { parseArgs } from "node:util";
import { markdownTable } from "../bench/report.ts";
import { call, type CallFigures } from "./load/caller.ts";
import { devKeyFor } from "./relay/dev-key.ts";

const HELP = `npm run load -- --sessions N --seconds S [options]

Holds N calls at once for S seconds each: every caller sends 20 ms of binary audio every 20 ms (duplex.v1, manual
turns), ends a turn, waits for the answer to be complete, and speaks again. For routes that take turns.

  --sessions N     calls at once                      (10)
  --seconds S      for how long each speaks           (10)
  --ramp S         seconds over which they begin      (1)
  --turn S         seconds of speech in a turn        (2)
  --url URL        relay to call                      (ws://127.0.0.1:8787)
  --key KEY        API key                            ($RELAY_API_KEY, else what npm start prints)
  --model NAME     route of relay.config.ts           (demo)
  --json           print one JSON object
  --help

Ends with code 1 when a call failed, 2 on a wrong argument.
`;

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function distribution(values: readonly number[]) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => Number(percentile(sorted, share).toFixed(2));
  return { count: values.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

function positive(name: string, text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (!(Number.isFinite(value) && value > 0)) throw new TypeError(`--${name} takes a number above 0`);
  return value;
}

function summarise(calls: readonly CallFigures[]) {
  const failures = new Map<string, number>();
  for (const { failure } of calls)
    if (failure !== null) failures.set(failure, (failures.get(failure) ?? 0) + 1);
  const sum = (of: (call: CallFigures) => number): number =>
    calls.reduce((total, each) => total + of(each), 0);
  return {
    calls: calls.length,
    failed: [...failures.values()].reduce((a, b) => a + b, 0),
    failures: Object.fromEntries(failures),
    turns: sum((each) => each.turns),
    answers: sum((each) => each.answers),
    received_mb: Number((sum((each) => each.receivedBytes) / 1e6).toFixed(1)),
    ms: {
      connect: distribution(calls.map((each) => each.connectMs).filter((ms) => !Number.isNaN(ms))),
      committed: distribution(calls.flatMap((each) => each.commitMs)),
      first_audio: distribution(calls.flatMap((each) => each.firstAudioMs)),
      own_lateness: distribution(calls.flatMap((each) => each.lateMs)),
    },
  };
}

async function main(): Promise<number> {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    options: {
      sessions: text,
      seconds: text,
      ramp: text,
      turn: text,
      url: text,
      key: text,
      model: text,
      json: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true) {
    process.stdout.write(HELP);
    return 0;
  }
  const sessions = Math.round(positive("sessions", values.sessions, 10));
  const ramp = positive("ramp", values.ramp, 1);
  const relay = values.url ?? "ws://127.0.0.1:8787";
  const options = {
    url: `${relay.replace(/^http/, "ws").replace(/\/$/, "")}/v1/realtime?model=${encodeURIComponent(values.model ?? "demo")}`,
    key: values.key ?? process.env["RELAY_API_KEY"] ?? devKeyFor(relay),
    seconds: positive("seconds", values.seconds, 10),
    turnMs: positive("turn", values.turn, 2) * 1000,
  };
  const calls = Array.from({ length: sessions }, async (_, i) => {
    await new Promise((resolve) => setTimeout(resolve, (i * ramp * 1000) / sessions));
    return call(options);
  });
  const summary = summarise(await Promise.all(calls));
  process.stdout.write(values.json === true ? `${JSON.stringify(summary)}\n` : describe(summary));
  return summary.failed > 0 ? 1 : 0;
}

function describe(summary: ReturnType<typeof summarise>): string {
  const rows = Object.entries(summary.ms).map(([name, { count, p50, p90, p99, max }]) => [
    name.replace("_", " "),
    count,
    p50,
    p90,
    p99,
    max,
  ]);
  const lines = [
    `${summary.calls} calls, ${summary.failed} failed, ${summary.turns} turns, ${summary.answers} answers, ${summary.received_mb} MB of audio received`,
    ...Object.entries(summary.failures).map(([why, count]) => `failed ${count} time(s): ${why}`),
    markdownTable(["ms", "count", "p50", "p90", "p99", "max"], rows),
  ];
  return `${lines.join("\n")}\n`;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`npm run load: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
