/**
 * Sockets of providers that remember a conversation, killed at drawn moments of turns and answers, in virtual time: what was only
 * heard before and is not known after, samples that are lost or doubled in either direction, and usage that does not add up. Beside
 * them, as baseline, a provider that remembers nothing and is told the conversation each time.
 */
import { type KillFigures, killedCall } from "../test/same-call/killed.ts";
import { SUBJECTS } from "../test/same-call/subjects.ts";
import type { Flags } from "./flags.ts";
import { markdownTable } from "./report.ts";
import type { BenchOptions, BenchResult } from "./run.ts";

export const description = "killed sockets of providers: what is known after, and what is lost or doubled";
export const flags: Flags = {
  kills: { value: "N", says: "sockets of each (200)" },
  seed: { value: "N", says: "other moments (7)" },
  only: { value: "'NAME|NAME'", says: "only these providers" },
};
export const lasts = "about a minute";

const KILLS = 200;
const SEED = 7;
const TARGETS = { known_percent: 100, samples_lost: 0, samples_doubled: 0, samples_wrong: 0, usage_off: 0 };

export async function run({ given, json, say }: BenchOptions): Promise<BenchResult> {
  const kills = given.number("kills", KILLS);
  const seed = given.number("seed", SEED);
  const only = given.text("only")?.split("|");
  const subjects = SUBJECTS.filter(({ name }) => only?.includes(name) ?? true);
  const calls = subjects.map((subject) => {
    const figures = shown(killedCall(subject, kills, seed));
    say(`${subject.name}: ${JSON.stringify(figures)}`);
    return { provider: subject.name, remembers: subject.native, ...figures };
  });
  const table = markdownTable(
    [
      "provider",
      "killed",
      "by its own memory",
      "asked after",
      "known",
      "lost",
      "doubled",
      "wrong to the client",
      "usage off",
    ],
    calls.map((one) => [
      one.provider,
      String(one.killed),
      String(one.resumed),
      String(one.asked),
      `${one.known_percent} %`,
      String(one.samples_lost),
      String(one.samples_doubled),
      String(one.samples_wrong),
      String(one.usage_off),
    ]),
  );
  if (!json) process.stdout.write(`\n${table}\n`);
  const missed = calls.flatMap((one) =>
    Object.entries(TARGETS).flatMap(([name, target]) => {
      const figure = one[name as keyof typeof TARGETS];
      return figure === target ? [] : [`${one.provider}: ${name} is ${figure}`];
    }),
  );
  const partial = only !== undefined || kills !== KILLS || seed !== SEED;
  return { bench: "resumption", figures: { seed, calls }, targets: TARGETS, missed, partial };
}

function shown(figures: KillFigures) {
  const { asked, forgotten, used, counted } = figures;
  return {
    killed: figures.kills,
    resumed: figures.resumed,
    asked,
    known_percent: Math.round((10_000 * (asked - forgotten.length)) / asked) / 100,
    samples_lost: figures.lost,
    samples_doubled: figures.doubled,
    samples_said: figures.said,
    samples_wrong: figures.wrong,
    usage_off: used.reduce((sum, figure, at) => sum + Math.abs(figure - (counted[at] ?? 0)), 0),
  };
}
