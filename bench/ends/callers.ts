/**
 * Calls of recorded people: each of several turns in their own sentences, fluent as they read them, or hesitant, with
 * pauses where they have gaps of their own. What is between their words is cut out and their own room is everywhere,
 * before, in and after a sentence alike: nothing but the voice tells a pause from an end.
 */
import { Draw, withTurnDetection } from "../turns/draw.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import type { CallScript, Cue } from "../turns/script.ts";
import { gapsOf, hiss, joined, PER_MS, type Random, type Samples } from "../turns/sounds.ts";
import type { Person } from "./recordings.ts";

/** Calls of each person and kind, turns of a call. */
const CALLS = 2;
const TURNS = 6;
const PAUSES_PER_TURN = 2;
/** A gap of so long is one between words; shorter ones may be within a consonant, where nobody pauses. */
const LEAST_GAP_MS = 80;
const EDGE = 6 * PER_MS;

export interface Word {
  readonly text: string;
  /** Where it ends, in samples of the turn. */
  readonly at: number;
  /** A pause comes after it, or the end. */
  readonly last: "pause" | "end" | null;
}

export type Kind = "hesitant" | "fluent";

export interface HumanCall {
  readonly kind: Kind;
  readonly person: Person;
  readonly script: CallScript;
  /** Of each turn, where each of its words has been said: by its letters' share of the voice, since nobody timed them. */
  readonly words: readonly (readonly Word[])[];
}

export function humanCalls(
  everybody: readonly Person[],
  seed: number,
  kind: Kind,
  session: JsonObject,
): HumanCall[] {
  return everybody.flatMap((person, index) =>
    Array.from({ length: CALLS }, (_, call) =>
      humanCall(person, call, new Draw(seed + index * 100 + call), kind, session),
    ),
  );
}

function humanCall(person: Person, call: number, draw: Draw, kind: Kind, session: JsonObject): HumanCall {
  // A median of the speaker, as the pauses of the synthetic callers are drawn (bench/turns/turn-calls.ts).
  const habitMs = draw.around(500, 0.35, 330, 900);
  const pausing = person.sentences.filter(({ samples }) => gapsOf(samples).some(isBetweenWords));
  const said = kind === "hesitant" && pausing.length > 0 ? pausing : person.sentences;
  const sentences = Array.from({ length: Math.min(TURNS, 2 * said.length) }, (_, turn) =>
    draw.of(said, turn + call * 2),
  );
  const cues = sentences.map((sentence, turn): Cue => {
    const pausesMs = Array.from({ length: PAUSES_PER_TURN }, () => draw.around(habitMs, 0.25, 300, 1200));
    const { samples, pauses } =
      kind === "fluent" ? { samples: sentence.samples, pauses: [] } : halting(sentence.samples, pausesMs);
    return {
      kind: "turn",
      label: sentence.id,
      sound: samples,
      pauses,
      after: turn === 0 ? "ready" : "quiet",
      afterMs: draw.between(300, 700),
    };
  });
  const bed = person.room.length > 0 ? person.room : hiss(draw.random, 2000, -66);
  const script: CallScript = {
    id: `${kind}-${person.speaker}-${call}`,
    seed: draw.seed,
    group: "turns",
    session: withTurnDetection(session),
    cues,
    answers: [{ firstAudioMs: 10, lengthMs: 700, pace: 4 }],
    endsWith: "answer_heard",
    acks: true,
    prebufferMs: 0,
    room: { echoDb: null, echoLateMs: 0, bed, rough: null },
  };
  const words = sentences.map(({ text }, turn) => wordsOf(text ?? "", cues[turn]));
  return { kind, person, script, words };
}

function isBetweenWords({ from, to }: { readonly from: number; readonly to: number }): boolean {
  return to - from >= LEAST_GAP_MS * PER_MS;
}

/** The sentence with its longest gaps, or some that are drawn, replaced by pauses; its other gaps are as they were. */
export function halting(sentence: Samples, pausesMs: readonly number[], drawn?: Random) {
  const lengthOf = drawn ?? (({ from, to }: { from: number; to: number }) => to - from);
  const gaps = gapsOf(sentence)
    .filter(isBetweenWords)
    .map((gap) => ({ ...gap, rank: lengthOf(gap) }))
    .toSorted((a, b) => b.rank - a.rank)
    .slice(0, pausesMs.length)
    .toSorted((a, b) => a.from - b.from);
  const parts: Int16Array[] = [];
  const pauses: { from: number; to: number }[] = [];
  let taken = 0;
  let length = 0;
  for (const [index, gap] of gaps.entries()) {
    const spoken = faded(sentence.subarray(taken, gap.from));
    const pause = new Int16Array(Math.round((pausesMs[index] ?? 0) * PER_MS));
    parts.push(spoken, pause);
    length += spoken.length + pause.length;
    pauses.push({ from: length - pause.length, to: length });
    taken = gap.to;
  }
  return { samples: joined(...parts, faded(sentence.subarray(taken))), pauses };
}

/** Where each word of a turn has been said, by its letters' share of the voice. */
export function wordsOf(text: string, cue: Cue | undefined): Word[] {
  if (cue === undefined || text === "") return [];
  const silent = cue.pauses.reduce((sum, { from, to }) => sum + to - from, 0);
  const voiced = cue.sound.length - silent;
  const words = text.toLowerCase().split(" ");
  let letters = 0;
  const ends = words.map((word) => {
    letters += word.length + 1;
    let at = (voiced * letters) / (text.length + 1);
    for (const { from, to } of cue.pauses) if (at > from + EDGE) at += to - from;
    return Math.min(at, cue.sound.length);
  });
  return ends.map((at, index) => {
    const over = index === ends.length - 1;
    const next = ends.at(over ? index : index + 1) ?? at;
    const pause = cue.pauses.some(({ from, to }) => at <= from + EDGE && next > to);
    return { text: words.at(index) ?? "", at, last: over ? "end" : pause ? "pause" : null };
  });
}

function faded(samples: Int16Array): Int16Array {
  const last = samples.length - 1;
  return samples.map((value, at) => Math.round(value * Math.min(1, at / EDGE, (last - at) / EDGE)));
}
