/**
 * Answers of three sentences under a guard, beside the very same answers without one: how much later the first sample comes than
 * the moderator takes, and whether any sample of a refused sentence is heard. The voice says its words as it makes its sound,
 * faster than it is heard, as models do.
 */
import type { GuardPlan } from "../../src/session/state/guard-plan.ts";
import { seeded } from "../../test/support/signal.ts";
import { PlannedCall, type Guarded, type Heard } from "./call.ts";
import { LETTER_MS } from "./demo-voice.ts";

const WINDOW_MS = 500;
const FIRST_AUDIO_MS = 300;
const SENTENCES = 3;
const WORDS = 6;
/** As fast as it can. */
const PACE = 0;
/** Of so many cases one is refused. */
const REFUSES_EVERY = 2;

export interface GuardFigures {
  readonly cases: number;
  readonly window_ms: number;
  readonly refused: number;
  /** Of refused sentences, in all cases together. */
  readonly refused_ms_heard: number;
  /** Cases in which something was refused that should pass, or not refused that should be. */
  readonly wrongly_decided: number;
  /** Answers of which something was heard. */
  readonly heard: number;
  /** Of these, later than without a guard, less what the moderator took for the first sentence: the most of all. */
  readonly over_moderator_ms_most: number;
  /** The same where a moderator takes up to 900 ms and the guard is open, less the smaller of that and the window. */
  readonly over_window_ms_most: number;
}

/** Words of equal length, so that each sentence is a third of the sound. */
function replyOf(answer: number): string {
  const word = (sentence: number, n: number) => `c${String(answer).padStart(3, "0")}s${sentence}w${n}`;
  const sentence = (_: unknown, s: number) =>
    `${Array.from({ length: WORDS }, (_, n) => word(s, n)).join(" ")}.`;
  return Array.from({ length: SENTENCES }, sentence).join(" ");
}

/** Which sentence of an answer is refused; null: none. */
function refusedOf(answer: number): number | null {
  return answer % REFUSES_EVERY === 0 ? Math.floor(answer / REFUSES_EVERY) % SENTENCES : null;
}

/** Where a sentence begins in the sound of its answer. */
function beginsMs(answer: number, sentence: number): number {
  return ((replyOf(answer).length + 1) / SENTENCES) * sentence * LETTER_MS;
}

interface Case {
  readonly heard: Heard;
  /** What the moderator took for the first sentence. */
  readonly tookMs: number;
}

async function play(
  cases: number,
  plan: GuardPlan | null,
  mostMs: number,
  refusing: boolean,
): Promise<readonly Case[]> {
  const random = seeded(4711);
  let tookMs = 0;
  const guarded: Guarded = {
    plan,
    reply: replyOf,
    pace: PACE,
    judge: (text) => {
      const [, answer = "", sentence = ""] = /c(\d+)s(\d)w\d\.$/.exec(text.trim()) ?? [];
      const afterMs = Math.round(20 + random() * (mostMs - 20));
      if (sentence === "0") tookMs = afterMs;
      const refused = refusing && refusedOf(Number(answer)) === Number(sentence);
      return { category: refused ? "refused" : null, afterMs };
    },
  };
  const call = new PlannedCall([() => FIRST_AUDIO_MS], null, guarded);
  await call.begin();
  const all: Case[] = [];
  for (let number = 1; number <= cases; number += 1) {
    tookMs = 0;
    const heard = await call.turn(null);
    all.push({ heard, tookMs });
  }
  return all;
}

export async function guardFigures(cases: number): Promise<GuardFigures> {
  const moderators = [
    { adapter: "openai", url: "https://moderator.demo/", headers: {}, model: "m" },
  ] as const;
  const output = { moderators, holdMs: WINDOW_MS } as const;
  const without = await play(cases, null, 0, false);
  const closed = await play(cases, { output: { ...output, fail: "closed" } }, 400, true);
  const open = await play(cases, { output: { ...output, fail: "open" } }, 900, false);
  const added = (one: readonly Case[], at: number) =>
    (one[at]?.heard.delayMs ?? Number.NaN) - (without[at]?.heard.delayMs ?? Number.NaN);
  let leakedMs = 0;
  let wrong = 0;
  for (const [at, { heard }] of closed.entries()) {
    const refused = refusedOf(at + 1);
    const wholeMs = replyOf(at + 1).length * LETTER_MS;
    if (refused === null) wrong += heard.audioMs < wholeMs - 1 ? 1 : 0;
    else {
      wrong += heard.audioMs > wholeMs - 1 ? 1 : 0;
      leakedMs += Math.max(0, heard.audioMs - beginsMs(at + 1, refused));
    }
  }
  // Of an answer that is refused before anything of it was heard there is no first sample.
  const begun = closed
    .map((one, at) => added(closed, at) - one.tookMs)
    .filter((overMs) => Number.isFinite(overMs));
  const late = open.map((one, at) => added(open, at) - Math.min(one.tookMs, WINDOW_MS));
  return {
    cases,
    window_ms: WINDOW_MS,
    refused: closed.filter((_, at) => refusedOf(at + 1) !== null).length,
    refused_ms_heard: leakedMs,
    wrongly_decided: wrong,
    heard: begun.length,
    over_moderator_ms_most: Math.max(...begun.map(Math.abs)),
    over_window_ms_most: Math.max(...late.map(Math.abs)),
  };
}
