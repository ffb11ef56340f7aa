/** What people's calls came to, row by row. */
import { markdownTable } from "../../report.ts";
import { spread } from "../figures.ts";
import type { FloorVerdict } from "../judge.ts";

export interface Judged {
  readonly row: string;
  readonly floor: FloorVerdict | null;
  readonly failure: string | null;
}

export interface Row {
  readonly row: string;
  readonly cases: number;
  /** Yielded to until half a second after its end; the agent kept speaking. */
  readonly right_percent: number;
  /** Onset to the last sample at full level, of those that were yielded to. */
  readonly stopped_ms: { readonly p50: number | null; readonly p95: number | null };
  /** It became a turn, at once or when the agent had ended. */
  readonly answered_percent: number | null;
  /** The agent was held or softer meanwhile, and for how long. */
  readonly held_percent: number;
  readonly held_ms: { readonly p50: number | null; readonly p95: number | null };
  readonly wrong: readonly string[];
}

const percent = (part: number, whole: number): number => Math.round((1000 * part) / Math.max(1, whole)) / 10;

export function rowsOf(judged: readonly Judged[]): Row[] {
  const names = [...new Set(judged.map(({ row }) => row))];
  return names.map((row) =>
    rowOf(
      row,
      judged.filter((one) => one.row === row),
    ),
  );
}

function rowOf(row: string, judged: readonly Judged[]): Row {
  const verdicts = judged.flatMap(({ floor }) => (floor === null ? [] : [floor]));
  const speech = verdicts.some(({ kind }) => kind === "interruption");
  const isRight = (one: FloorVerdict): boolean => (speech ? one.onTime : !one.cut);
  const cut = verdicts.filter(({ onTime }) => onTime);
  const stopped = spread(cut.map(({ fullForMs }) => fullForMs));
  const gaveWay = verdicts.filter((one) => one.held || one.ducked);
  const heldMs = spread(gaveWay.filter(({ cut: yes }) => !yes).map((one) => one.heldMs + one.duckedMs));
  const answered = verdicts.filter(({ turn }) => turn !== null && turn.delayMs !== null).length;
  return {
    row,
    cases: judged.length,
    right_percent: percent(verdicts.filter(isRight).length, judged.length),
    stopped_ms: speech ? { p50: stopped.p50, p95: stopped.p95 } : { p50: null, p95: null },
    answered_percent: speech ? percent(answered, judged.length) : null,
    held_percent: percent(gaveWay.length, judged.length),
    held_ms: { p50: heldMs.p50, p95: heldMs.p95 },
    wrong: verdicts.filter((one) => !isRight(one)).map((one) => `${one.label}: ${one.decisions.join(" ")}`),
  };
}

export function tableOf(rows: readonly Row[]): string {
  const head = [
    "over the agent",
    "cases",
    "right %",
    "stopped p50/p95",
    "answered %",
    "held %",
    "held p50/p95",
  ];
  const pair = ({ p50, p95 }: { p50: number | null; p95: number | null }): string =>
    p50 === null ? "–" : `${Math.round(p50)}/${Math.round(p95 ?? p50)}`;
  const body = rows.map((row) => [
    row.row,
    row.cases,
    row.right_percent,
    pair(row.stopped_ms),
    row.answered_percent ?? "–",
    row.held_percent,
    pair(row.held_ms),
  ]);
  return markdownTable(head, body);
}

/** Targets, by the row's beginning: at least so many per cent right; onset to last full sample at most. */
const TARGETS: readonly (readonly [string, number, number?, number?])[] = [
  ["requests", 85],
  ["sentences, adult", 98, 120, 350],
  ["sentences, ivr", 98, 120, 350],
  ["sentences, child", 98, 250, 900],
  ["backchannels, chains", 80],
  ["backchannels", 90],
  ["coughing", 90],
  ["throat-clearing", 90],
  ["laughing", 90],
  ["talk in the room", 90],
  ["room-talk", 90],
];

export function missedBy(rows: readonly Row[]): string[] {
  return rows.flatMap((row) => {
    const [, least = 0, p50 = Infinity, p95 = Infinity] =
      TARGETS.find(([name]) => row.row.startsWith(name)) ?? [];
    const missed: string[] = [];
    if (row.right_percent < least) missed.push(`${row.row}: ${row.right_percent} %, at least ${least}`);
    const { stopped_ms: stopped } = row;
    if ((stopped.p50 ?? 0) > p50 || (stopped.p95 ?? 0) > p95)
      missed.push(`${row.row}: ${stopped.p50}/${stopped.p95} ms, at most ${p50}/${p95}`);
    if (row.row.startsWith("echo") && row.held_percent > 5)
      missed.push(`${row.row}: ${row.held_percent} % held, at most 5`);
    return missed;
  });
}
