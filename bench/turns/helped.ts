/** The speakers of several turns once more, in virtual time, with somebody beside the relay who helps to tell an end from a pause. */
import { wordsOf } from "../ends/callers.ts";
import { ScriptedEar } from "../ends/ear.ts";
import { playInCore, type Beside, type Oracle } from "./core.ts";
import { figuresOf } from "./figures.ts";
import { judge } from "./judge.ts";
import type { CallScript } from "./script.ts";

/** The hook for an end-of-turn model, with a scripted one: no real model was asked. */
const ORACLES: readonly Oracle[] = [
  { lateMs: 80, wrong: 0 },
  { lateMs: 80, wrong: 0.1 },
  { lateMs: 200, wrong: 0.1 },
];

function speakersOf(scripts: readonly CallScript[]): CallScript[] {
  return scripts.filter(({ group }) => group === "turns");
}

function helped(scripts: readonly CallScript[], beside: (script: CallScript) => Beside) {
  const { turns } = figuresOf(speakersOf(scripts).map((script) => judge(playInCore(script, beside(script)))));
  return {
    hesitant_cut_in_percent: turns.hesitant.cut_in_percent,
    hesitant_delay_p50_ms: turns.hesitant.answer_delay_ms.p50,
    delay_p50_ms: turns.all.answer_delay_ms.p50,
  };
}

/** With a scripted end-of-turn model. */
export function withOracles(scripts: readonly CallScript[]) {
  return ORACLES.map((oracle) => ({
    verdict_late_ms: oracle.lateMs,
    wrong_percent: oracle.wrong * 100,
    ...helped(scripts, () => ({ oracle })),
  }));
}

export type Helped = ReturnType<typeof withWords>;

/** With a scripted transcriber (`bench/ends/ear.ts`): one that gives words alone, and one that gives full stops too. */
export function withWords(scripts: readonly CallScript[]) {
  const heard = (signs: boolean) =>
    helped(scripts, (script) => ({
      ear: new ScriptedEar(
        { script, words: script.cues.map((cue) => wordsOf(spelt(cue.label), cue)) },
        signs,
      ),
    }));
  return { words: heard(false), words_and_signs: heard(true) };
}

/** Its signs are the transcriber's to give. */
function spelt(text: string): string {
  return text.replaceAll(/[,.?!]/gu, "");
}
