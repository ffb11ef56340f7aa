/** `bench -- turns --human`: people as callers and agents, on the session core in virtual time. */
import type { BenchResult } from "../../run.ts";
import { playInCore } from "../core.ts";
import { judge } from "../judge.ts";
import { withDucking } from "../suite.ts";
import { makeHumanCalls } from "./calls.ts";
import { humanIsHere, type Split } from "./material.ts";
import { missedBy, rowsOf, tableOf, type Judged } from "./table.ts";

export interface HumanOptions {
  readonly split: Split;
  /** Folder of more sounds; null: none. */
  readonly extra: string | null;
  readonly every: number;
  /** Only rows that begin so. */
  readonly only: string | null;
  /** Agents stand still while a sound is judged, in place of going on quieter. */
  readonly hold: boolean;
  readonly verbose: boolean;
}

export function runHuman(options: HumanOptions, say: (line: string) => void): BenchResult {
  const empty = { bench: "turns-human", targets: {}, missed: [], partial: true };
  if (!humanIsHere) {
    say("no recordings of people here (../shared/data/human): nothing was measured");
    return { ...empty, figures: {} };
  }
  const { calls, rows, unplayed } = humanRows(options);
  const { split, extra } = options;
  say(`speakers of the split "${split}"; ${calls} calls${extra === null ? "; no extra sounds" : ""}`);
  say(tableOf(rows));
  if (options.verbose)
    for (const { row, wrong } of rows) if (wrong.length > 0) say(`${row}\n  ${wrong.join("\n  ")}`);
  if (unplayed > 0) say(`${unplayed} calls in which the sound never came`);
  return { ...empty, figures: { split, rows }, missed: missedBy(rows) };
}

export type HumanRows = ReturnType<typeof humanRows>;

export function humanRows({ split, extra, every, only, hold }: HumanOptions) {
  const calls = makeHumanCalls(split, extra, every).filter(
    ({ row }) => only === null || row.startsWith(only),
  );
  const judged = calls.map(({ row, script }): Judged => {
    const verdict = judge(playInCore(hold ? script : withDucking(script)));
    return { row, floor: verdict.floor[0] ?? null, failure: verdict.failure };
  });
  const unplayed = judged.filter(({ floor }) => floor === null).length;
  return { calls: calls.length, rows: rowsOf(judged), unplayed };
}
