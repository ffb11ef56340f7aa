/**
 * Turn-taking under test: who is heard, who is interrupted, how long an answer takes, and what the relay believes was
 * heard. Scenarios from a seed, each with its ground truth, played in real time through the real relay on loopback;
 * `--human` has people as callers and agents instead of synthetic voices; `--core` plays the same calls in virtual time
 * on the session core; with `--hold` agents stand still while a sound is judged, in place of going on quieter; `--rooms`
 * plays echoes in rougher rooms instead.
 */
import { playInCore, type Oracle, type PlayedCall } from "./turns/core.ts";
import { figuresOf, missedOf, spread, TARGETS } from "./turns/figures.ts";
import { judge, type CallVerdict } from "./turns/judge.ts";
import { playOnLoopback } from "./turns/loopback.ts";
import { picture } from "./turns/picture.ts";
import { SPLITS } from "./turns/human/material.ts";
import { runHuman } from "./turns/human/run.ts";
import { recordedNoise } from "./turns/sounds.ts";
import { sweep } from "./turns/sweep.ts";
import { DEFAULT_SEED, makeRoughRooms, makeSuite, withDucking, withFixedSilence } from "./turns/suite.ts";
import type { BenchOptions, BenchResult } from "./run.ts";
import type { CallScript } from "./turns/script.ts";

export const description =
  "turn-taking: interruptions, false interruptions, answer delays, heard positions [--human [--split tune|seen|report] [--extra DIR]] [--core] [--hold] [--rooms] [--quick] [--sweep] [--seed N] [--only PREFIX] [--parallel N]";

/** Fixed silences of the baseline curve, in milliseconds. */
const BASELINE_MS = [200, 300, 400, 500, 600, 800, 1000, 1200];
/** Of these the baseline is also played on loopback, to tie the curve to it. */
const QUICK_EVERY = 4;

export async function run(options: BenchOptions): Promise<BenchResult> {
  const { args } = options;
  const seed = Number(argument(args, "--seed") ?? DEFAULT_SEED);
  const core = args.includes("--core");
  const only = argument(args, "--only");
  const rooms = args.includes("--rooms");
  const say = (line: string): void => void (options.json || process.stdout.write(`${line}\n`));
  if (args.includes("--human")) {
    const human = {
      split: SPLITS.find((name) => name === argument(args, "--split")) ?? "seen",
      extra: argument(args, "--extra") ?? null,
      every: args.includes("--quick") ? QUICK_EVERY : 1,
      only: only ?? null,
      hold: args.includes("--hold"),
      verbose: args.includes("--verbose"),
    };
    return runHuman(human, say);
  }
  const suite = rooms ? makeRoughRooms(seed) : makeSuite(seed, args.includes("--quick") ? QUICK_EVERY : 1);
  const chosen = only === undefined ? suite : suite.filter(({ id }) => id.startsWith(only));
  const scripts = args.includes("--hold") ? chosen : chosen.map(withDucking);
  if (args.includes("--sweep")) return sweep(scripts);
  const began = performance.now();
  const played = core ? scripts.map((script) => playInCore(script)) : await loopback(scripts, args, say);
  const verdicts = played.map(judge);
  if (args.includes("--verbose")) for (const verdict of verdicts) say(JSON.stringify(verdict));
  const wallS = Math.round((performance.now() - began) / 1000);
  const figures = figuresOf(verdicts);
  const baseline = baselineOf(scripts);
  const oracle = oracleOf(scripts);
  const record = {
    played: core ? "session core in virtual time" : "relay on loopback in real time",
    seed,
    noise: recordedNoise ? "recorded (shared/data/vad/noise)" : "generated",
    seconds: {
      wall: wallS,
      calls: Math.round(played.reduce((sum, { caller }) => sum + caller.ticks / 50, 0)),
    },
    client_late_ms: spread(played.flatMap(({ lateMs }) => lateMs)),
    ...figures,
    fixed_silence_baseline: baseline,
    with_oracle_verdicts: oracle,
  };
  say(JSON.stringify(record, null, 2));
  return {
    bench: "turns",
    figures: record,
    targets: TARGETS,
    missed: missedOf(figures),
    partial: core || rooms || only !== undefined || args.includes("--quick"),
    picture: picture(record),
  };
}

function argument(args: readonly string[], name: string): string | undefined {
  const at = args.indexOf(name);
  return at < 0 ? undefined : args[at + 1];
}

async function loopback(
  scripts: readonly CallScript[],
  args: readonly string[],
  say: (line: string) => void,
): Promise<PlayedCall[]> {
  const parallel = Number(argument(args, "--parallel") ?? 14);
  // The longest first, so that the last ones do not run alone.
  const order = scripts.toSorted((a, b) => b.cues.length - a.cues.length);
  return playOnLoopback(order, {
    parallel,
    onPlayed: (_, done, of) => {
      if (done % 20 === 0 || done === of) say(`${done} of ${of} calls`);
    },
  });
}

/** The hook for an end-of-turn model, with a scripted one: no real model was asked. */
const ORACLES: readonly Oracle[] = [
  { lateMs: 80, wrong: 0 },
  { lateMs: 80, wrong: 0.1 },
  { lateMs: 200, wrong: 0.1 },
];

/** The same speakers under `semantic_vad` with a scripted end-of-turn model, in virtual time. */
function oracleOf(scripts: readonly CallScript[]) {
  const asked = scripts.filter(({ group }) => group === "turns");
  return ORACLES.map((oracle) => {
    const { turns } = figuresOf(asked.map((script) => judge(playInCore(script, { oracle }))));
    return {
      verdict_late_ms: oracle.lateMs,
      wrong_percent: oracle.wrong * 100,
      hesitant_cut_in_percent: turns.hesitant.cut_in_percent,
      hesitant_delay_p50_ms: turns.hesitant.answer_delay_ms.p50,
      delay_p50_ms: turns.all.answer_delay_ms.p50,
    };
  });
}

export interface BaselinePoint {
  readonly silence_ms: number;
  readonly hesitant_cut_in_percent: number | null;
  readonly hesitant_delay_p50_ms: number | null;
  readonly delay_p50_ms: number | null;
}

/** `server_vad` at several silences on the same speakers, in virtual time. */
function baselineOf(scripts: readonly CallScript[]): BaselinePoint[] {
  return BASELINE_MS.map((silenceMs) => {
    const verdicts: CallVerdict[] = withFixedSilence(scripts, silenceMs).map((script) =>
      judge(playInCore(script)),
    );
    const { turns } = figuresOf(verdicts);
    return {
      silence_ms: silenceMs,
      hesitant_cut_in_percent: turns.hesitant.cut_in_percent,
      hesitant_delay_p50_ms: turns.hesitant.answer_delay_ms.p50,
      delay_p50_ms: turns.all.answer_delay_ms.p50,
    };
  });
}
