/**
 * What Cloudflare bills for 1,000 calls of ten minutes, beyond what the plan includes: requests, duration, rows and logs,
 * from counts measured in the run (the real core, adapter, shell and store in virtual time) and list prices
 * (bench/cost/prices.ts), beside the same call through the raw pump, which stores nothing. Nothing was billed: what an
 * account shows may differ.
 */
import { hold, type CallKind } from "./cost/call.ts";
import { invocationBytes, withConsole } from "./cost/logs.ts";
import { bill, type Counts, OBJECT_GB, PRICES } from "./cost/prices.ts";
import { markdownTable, type Picture, round } from "./report.ts";
import type { Flags } from "./flags.ts";
import type { BenchOptions, BenchResult } from "./run.ts";

export const description = "what Cloudflare asks for 1,000 calls of ten minutes, beside a raw pump";
export const flags: Flags = {};
export const lasts = "17 seconds";

const CALLS = 1000;
const TARGETS = { json_to_pump: 1.25, duplex_60ms_to_pump: 1.15 };
const PUMP = "raw pump, 20 ms";
const JSON_CALL = "realtime, 20 ms JSON";
const DUPLEX_60 = "duplex.v1, 60 ms";

const KINDS: Readonly<Record<string, CallKind>> = {
  [JSON_CALL]: { dialect: "realtime", frameMs: 20, storage: "audio" },
  "duplex.v1, 20 ms": { dialect: "duplex.v1", frameMs: 20, storage: "audio" },
  [DUPLEX_60]: { dialect: "duplex.v1", frameMs: 60, storage: "audio" },
  "duplex.v1, 60 ms, text only": { dialect: "duplex.v1", frameMs: 60, storage: "text" },
  "duplex.v1, 60 ms, nothing stored": { dialect: "duplex.v1", frameMs: 60, storage: "none" },
};

interface Row {
  readonly call: string;
  readonly counts: Counts & { readonly snapshots?: number };
  /** US dollars for `CALLS`. */
  readonly dollars: Readonly<Record<string, number>>;
}

/** The pump hands on every message and keeps nothing. */
function pump(counts: Counts): Counts {
  return { ...counts, rowsWritten: 0, rowsEmptied: 0, logBytes: 0 };
}

export async function run(options: BenchOptions): Promise<BenchResult> {
  const held = new Map<string, Awaited<ReturnType<typeof hold>> & Counts>();
  for (const [name, kind] of Object.entries(KINDS)) {
    const { result, bytes } = await withConsole(() => hold(kind));
    const events = result.clientMessages + result.objectRequests + result.workerRequests;
    held.set(name, { ...result, logBytes: bytes + invocationBytes(events) });
    options.say(`${name}: ${JSON.stringify(held.get(name))}`);
  }
  const json = held.get(JSON_CALL);
  if (json === undefined) throw new Error("no call was held");
  const { snapshots: _, answers: __, ...pumped } = json;
  const rows: Row[] = [
    { call: PUMP, counts: pump(pumped), dollars: bill(pump(pumped), CALLS) },
    ...Array.from(held, ([call, { answers: ___, ...counts }]) => ({
      call,
      counts,
      dollars: bill(counts, CALLS),
    })),
  ];
  const ratios = ratiosOf(rows, "sum");
  const atMost = ratiosOf(rows, "sum_with_emptied_rows");
  const table = rows.map((row) => cells(row, ratios[row.call] ?? Number.NaN, atMost[row.call] ?? Number.NaN));
  if (!options.json) process.stdout.write(`\n${markdownTable(HEAD, table)}\n\n`);
  const missed = [
    [JSON_CALL, TARGETS.json_to_pump] as const,
    [DUPLEX_60, TARGETS.duplex_60ms_to_pump] as const,
  ].flatMap(([call, most]) => {
    const ratio = ratios[call] ?? Number.NaN;
    return ratio > most ? [`${call}: costs ${ratio} times the raw pump, at most ${most}`] : [];
  });
  return {
    bench: "cost",
    figures: {
      calls: CALLS,
      minutes: 10,
      prices: PRICES,
      object_gb: OBJECT_GB,
      to_pump: ratios,
      to_pump_with_emptied_rows: atMost,
      rows,
    },
    targets: TARGETS,
    missed,
    picture: pictureOf(table),
  };
}

const HEAD = [
  "call",
  "snapshots",
  "rows",
  "requests $",
  "duration $",
  "rows $",
  "logs $",
  "sum $",
  "to pump",
  "if emptying is billed",
];

/** Of each call, by one of its sums. */
function ratiosOf(rows: readonly Row[], sum: string): Readonly<Record<string, number>> {
  const pumped = rows.find(({ call }) => call === PUMP)?.dollars[sum] ?? Number.NaN;
  return Object.fromEntries(
    rows.map(({ call, dollars }) => [call, Number(((dollars[sum] ?? Number.NaN) / pumped).toFixed(3))]),
  );
}

function cells({ call, counts, dollars }: Row, ratio: number, atMost: number): (string | number)[] {
  const { requests = 0, duration = 0, rows = 0, logs = 0, sum = 0 } = dollars;
  const money = [requests, duration, rows, logs, sum].map((each) => each.toFixed(3));
  return [call, counts.snapshots ?? 0, counts.rowsWritten, ...money, round(ratio), round(atMost)];
}

function pictureOf(rows: readonly (readonly (string | number)[])[]): Picture {
  return {
    title: "What 1,000 calls of ten minutes cost at list prices",
    subtitle: `Workers Paid, beyond what is included; prices as in bench/cost/prices.ts; counts measured in virtual time, nothing billed`,
    panels: [{ kind: "table", title: "US dollars", head: HEAD, rows }],
  };
}
