/**
 * Turn-taking under test: who is heard, who is interrupted, how long an answer takes, and what the relay believes was
 * heard. Scenarios from a seed, each with its ground truth, played in real time through the real relay on loopback;
 * people beside them, and with `--human` instead of them, as callers and agents in virtual time; `--core` plays the same calls in virtual time
 * on the session core; with `--hold` agents stand still while a sound is judged, in place of going on quieter; `--rooms`
 * plays echoes in rougher rooms instead.
 */
import { playInCore, type PlayedCall } from "./turns/core.ts";
import { figuresOf, missedOf, spread, TARGETS } from "./turns/figures.ts";
import { withOracles, withWords } from "./turns/helped.ts";
import { judge, type CallVerdict } from "./turns/judge.ts";
import { playOnLoopback } from "./turns/loopback.ts";
import { people } from "./turns/people.ts";
import { picture } from "./turns/picture.ts";
import { SPLITS } from "./turns/human/material.ts";
import { runHuman } from "./turns/human/run.ts";
import { recordedNoise } from "./turns/sounds.ts";
import { sweep } from "./turns/sweep.ts";
import { DEFAULT_SEED, makeRoughRooms, makeSuite, withDucking, withFixedSilence } from "./turns/suite.ts";
import type { Flags } from "./flags.ts";
import type { BenchOptions, BenchResult } from "./run.ts";
import type { CallScript } from "./turns/script.ts";

export const description = "turn-taking: interruptions, false interruptions, answer delays, heard positions";
export const flags: Flags = {
  human: { says: "calls of people in place of composed ones" },
  split: {
    value: "NAME",
    says: "of these the calls that figures are chosen with (tune), were looked at meanwhile (seen) or are new (report)",
  },
  extra: { value: "DIR", says: "of people's calls those of a folder as well" },
  synthetic: { says: "no calls of people beside the composed ones" },
  core: { says: "on the session core in virtual time" },
  hold: { says: "a player that stands still instead of going on quieter" },
  rooms: { says: "rough rooms" },
  quick: { says: "one call of four" },
  sweep: { says: "the figures of the floor, varied" },
  seed: { value: "N", says: "another choice of calls" },
  only: { value: "PREFIX", says: "only calls whose name begins so" },
  parallel: { value: "N", says: "so many calls at once (14)" },
  verbose: { says: "what became of each call" },
};
export const lasts = "four minutes, and two more for people; with --core one, and two";

/** Fixed silences of the baseline curve, in milliseconds. */
const BASELINE_MS = [200, 300, 400, 500, 600, 800, 1000, 1200];
/** Of these the baseline is also played on loopback, to tie the curve to it. */
const QUICK_EVERY = 4;

export async function run(options: BenchOptions): Promise<BenchResult> {
  const { given, say } = options;
  const seed = given.number("seed", DEFAULT_SEED);
  const core = given.has("core");
  const only = given.text("only");
  const rooms = given.has("rooms");
  const every = given.has("quick") ? QUICK_EVERY : 1;
  if (given.has("human")) {
    const human = {
      split: SPLITS.find((name) => name === given.text("split")) ?? "seen",
      extra: given.text("extra"),
      every,
      only,
      hold: given.has("hold"),
      verbose: given.has("verbose"),
    };
    return runHuman(human, say);
  }
  const suite = rooms ? makeRoughRooms(seed) : makeSuite(seed, every);
  const chosen = only === null ? suite : suite.filter(({ id }) => id.startsWith(only));
  const scripts = given.has("hold") ? chosen : chosen.map(withDucking);
  if (given.has("sweep")) return sweep(scripts);
  const began = performance.now();
  const played = core
    ? scripts.map((script) => playInCore(script))
    : await loopback(scripts, given.number("parallel", 14), say);
  const verdicts = played.map(judge);
  if (given.has("verbose")) for (const verdict of verdicts) say(JSON.stringify(verdict));
  const wallS = Math.round((performance.now() - began) / 1000);
  const figures = figuresOf(verdicts);
  const baseline = baselineOf(scripts);
  const words = withWords(scripts);
  const whole = !rooms && only === null && every === 1;
  const humans = whole && !given.has("synthetic") ? await people(given.text("extra"), say) : null;
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
    with_oracle_verdicts: withOracles(scripts),
    with_transcriber: words,
    people: humans,
  };
  say(JSON.stringify(record, null, 2));
  return {
    bench: "turns",
    figures: record,
    targets: TARGETS,
    missed: [...missedOf(figures, words), ...(humans?.missed ?? [])],
    partial: core || !whole || given.has("synthetic"),
    picture: picture(record),
  };
}

async function loopback(
  scripts: readonly CallScript[],
  parallel: number,
  say: (line: string) => void,
): Promise<PlayedCall[]> {
  // The longest first, so that the last ones do not run alone.
  const order = scripts.toSorted((a, b) => b.cues.length - a.cues.length);
  return playOnLoopback(order, {
    parallel,
    onPlayed: (_, done, of) => {
      if (done % 20 === 0 || done === of) say(`${done} of ${of} calls`);
    },
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
