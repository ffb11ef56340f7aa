/** docs/providers.md: what comes out of the adapters' capabilities, of what the same call expects of each, and of the facts. */
import { type ProviderFormat, sampleRateHz } from "../../src/audio/format.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import type { Capabilities } from "../../src/upstreams/upstream.ts";
import { FACTS, type Fact } from "./facts.ts";
import { type Lacks, type Row, TABLE } from "./table.ts";

export type Cells = readonly string[];

const TURNS = { client: "the relay", server: "the provider", none: "nobody (duplex)" } as const;
const yes = (has: boolean): string => (has ? "yes" : "–");

const INSTEAD: Readonly<Record<keyof Lacks, string>> = {
  truncation: "the answer ends for the caller where it was heard, and a later connection is told that",
  place: "the words that were heard are told in place of the answer",
  stop: "the answer ends for the caller at once; what still comes of it is nobody's",
  interruption: "the answer ends with the model's pause",
  transcription: "a route's `transcriber`; without one a later connection does not know the caller's words",
  continuation: "the next connection is told the conversation, and what was said of the answer",
  tokens: "`usage` of its answers is 0; what it is paid by is counted where it says so",
};
const LACKS: Readonly<Record<keyof Lacks, string>> = {
  truncation: "word of where an answer was cut",
  place: "place in the sound where an answer was cut",
  stop: "message that stops it",
  interruption: "sign that it was interrupted",
  transcription: "transcript of the caller",
  continuation: "rest of an answer that broke off",
  tokens: "usage in tokens",
};

function factOf({ name }: Row): Fact {
  const fact = FACTS[name];
  if (fact === undefined) throw new Error(`nothing is said of ${name}`);
  return fact;
}

function formatOf(format: ProviderFormat): string {
  return format.type === "audio/pcm" ? `${sampleRateHz(format) / 1000} kHz` : format.type;
}

function longest({ maxSessionMs }: Capabilities): string {
  return maxSessionMs === null ? "not known" : `${maxSessionMs / 60_000} min`;
}

function afterLoss({ afterLoss: what = "asked" }: Row): string {
  if (what === "asked") return "asked for the rest";
  return what === "resumed" ? "goes on, unnoticed" : "not asked";
}

export const SUPPORTS: Cells = [
  "provider",
  "turns",
  "hears",
  "speaks",
  "stop",
  "cut",
  "tools",
  "transcripts",
  "out of band",
  "longest session",
  "after a loss",
];

/** What each supports. */
export function supports(): readonly Cells[] {
  return TABLE.map((row) => {
    const can = createUpstream(row.provider.options).capabilities;
    return [
      `\`${row.name}\``,
      TURNS[can.turns],
      formatOf(can.input),
      formatOf(can.output),
      yes(row.lacks.stop === undefined),
      yes(row.lacks.truncation === undefined),
      yes(can.tools),
      yes(can.transcription),
      yes(can.outOfBand),
      longest(can),
      afterLoss(row),
    ];
  });
}

export const KNOWN: Cells = ["provider", "paid by", "its own memory", "how sure", "source", "the same are"];

/** Price, certainty and source. */
export function known(): readonly Cells[] {
  return TABLE.map((row) => {
    const { paid, memory, certainty, source, alike = "–" } = factOf(row);
    return [
      `\`${row.name}\``,
      paid,
      memory ?? "none that is used: it is told the conversation",
      certainty,
      source,
      alike,
    ];
  });
}

export const LACKING: Cells = ["provider", "has no", "because", "so"];

/** What it lacks of a call, and what the relay does in its place. */
export function lacking(): readonly Cells[] {
  return TABLE.flatMap(({ name, lacks }) =>
    Object.entries(lacks).map(([what, reason]) => [
      `\`${name}\``,
      LACKS[what as keyof Lacks],
      reason,
      INSTEAD[what as keyof Lacks],
    ]),
  );
}

/** Rows of a page's tables, by their heads. */
export function tablesOf(page: string): ReadonlyMap<string, readonly Cells[]> {
  const tables = new Map<string, Cells[]>();
  let present: Cells[] | null = null;
  for (const line of page.split("\n")) {
    if (!line.startsWith("|")) {
      present = null;
      continue;
    }
    const cells = line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim());
    if (cells.every((cell) => /^:?-+:?$/.test(cell))) continue;
    if (present === null) tables.set(cells.join("|"), (present = []));
    else present.push(cells);
  }
  return tables;
}

export function markdown(head: Cells, rows: readonly Cells[]): string {
  const line = (cells: Cells): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
