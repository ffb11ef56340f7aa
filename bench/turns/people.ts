/**
 * People beside the synthetic callers of `bench -- turns`, in virtual time: sounds over an agent, split by split, and ends of turns of the
 * speakers that are for the report. One thread for each, when nothing is played in real time any more.
 */
import { Worker } from "node:worker_threads";
import type { Figures, Task } from "../ends/arms.ts";
import { recordedPeople } from "../ends/recordings.ts";
import { DEFAULT_SEED } from "./suite.ts";
import { humanIsHere, type Split } from "./human/material.ts";
import type { HumanOptions, HumanRows } from "./human/run.ts";
import { missedBy, tableOf } from "./human/table.ts";

/** How a session ends turns that is compared with a timer, and with words. */
const ARMS = ["fixed 800", "fixed 1200", "medium", "medium, words and signs"] as const;
const ENDS_TARGETS = { hesitantCut: 5, hesitantMs: 900, wordsMs: 600, fluentCut: 2, firstMs: 700 };

export interface People {
  readonly splits: Readonly<Partial<Record<Split, HumanRows>>>;
  readonly ends: Readonly<Record<string, Figures>>;
  readonly missed: readonly string[];
}

const threadOf = (file: string, workerData: HumanOptions | Task): Worker =>
  new Worker(new URL(file, import.meta.url), { workerData });

function rowsOf(options: HumanOptions): Promise<HumanRows> {
  return new Promise((resolve, reject) => {
    const worker = threadOf("./human/row-worker.ts", options);
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

function figuresOf(task: Task): Promise<Figures> {
  return new Promise((resolve, reject) => {
    const worker = threadOf("../ends/arm-worker.ts", task);
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

/** @param extra folder of more sounds (tools/floor/gather.ts), without which nobody new is reported. @returns null: no recordings. */
export async function people(extra: string | null, say: (line: string) => void): Promise<People | null> {
  if (!humanIsHere || !recordedPeople) {
    say("no recordings of people here (../shared/data/human): only synthetic callers were played");
    return null;
  }
  const chosen: Split[] = extra === null ? ["tune", "seen"] : ["tune", "seen", "report"];
  const [splits, ends] = await Promise.all([overTheAgent(chosen, extra, say), endsOf(say)]);
  const missed = Object.entries(splits).flatMap(([split, { rows }]) =>
    missedBy(rows).map((one) => `people (${split}), ${one}`),
  );
  return { splits, ends, missed: [...missed, ...missedEnds(ends)] };
}

async function overTheAgent(
  chosen: readonly Split[],
  extra: string | null,
  say: (line: string) => void,
): Promise<Partial<Record<Split, HumanRows>>> {
  const found: Partial<Record<Split, HumanRows>> = {};
  for (const split of chosen) {
    const rows = await rowsOf({ split, extra, every: 1, only: null, hold: false, verbose: false });
    found[split] = rows;
    say(`people, split "${split}": ${rows.calls} calls\n${tableOf(rows.rows)}`);
  }
  return found;
}

async function endsOf(say: (line: string) => void): Promise<Record<string, Figures>> {
  const found: Record<string, Figures> = {};
  for (const arm of ARMS) {
    const figures = await figuresOf({ arm, purpose: "report", seed: DEFAULT_SEED });
    found[arm] = figures;
    say(`people, ends of turns, ${arm}: ${JSON.stringify(figures)}`);
  }
  return found;
}

function missedEnds(ends: Readonly<Record<string, Figures>>): string[] {
  const medium = ends["medium"];
  const words = ends["medium, words and signs"];
  const checks: readonly (readonly [string, number | null | undefined, number])[] = [
    ["hesitant cut in on, %", medium?.hesitant.cut_in_percent, ENDS_TARGETS.hesitantCut],
    ["hesitant, median ms", medium?.hesitant.p50_ms, ENDS_TARGETS.hesitantMs],
    ["hesitant with words, median ms", words?.hesitant.p50_ms, ENDS_TARGETS.wordsMs],
    ["fluent cut in on, %", medium?.fluent.cut_in_percent, ENDS_TARGETS.fluentCut],
    ["first answer, fluent, median ms", medium?.first_fluent.p50_ms, ENDS_TARGETS.firstMs],
  ];
  return checks.flatMap(([name, value, most]) =>
    typeof value === "number" && value > most ? [`people, ends, ${name}: ${value}, at most ${most}`] : [],
  );
}
