/** Where the sound of a call with several providers came from and went: what was lost, and what was heard twice. */
import type { HeardAnswer } from "./listener.ts";
import type { Speaker } from "./speaker.ts";
import { answerAudio, type MarkedVoice } from "./voice.ts";
import { bytesOf, compare, samplesOf, type Difference } from "./watermark.ts";

/** Samples that name their place. */
const KEY = 12;

export interface Source {
  readonly who: number;
  readonly connection: number;
  readonly index: number;
}

export interface TracedAnswer {
  readonly source: Source | null;
  readonly samples: number;
  /** What was heard is the answer from its first sample on, without a gap. */
  readonly exact: boolean;
  readonly difference: Difference;
}

/** The answers that providers gave, or may have given, in a call: by their first samples. */
export class Answers {
  readonly #seed: number;
  readonly #byFront = new Map<string, Source>();

  constructor(seed: number) {
    this.#seed = seed;
  }

  add(source: Source): this {
    const { who, connection, index } = source;
    this.#byFront.set(answerAudio(this.#seed, who, connection, index, KEY).join(), source);
    return this;
  }

  /** All that these connections gave. */
  addAll(voices: readonly MarkedVoice[]): this {
    for (const { who, connection, answers } of voices)
      for (const { index } of answers) this.add({ who, connection, index });
    return this;
  }

  /** Which answer of which connection was heard here, and whether it was heard as it was said. */
  trace({ chunks }: HeardAnswer): TracedAnswer {
    const samples = samplesOf(chunks);
    const source = this.#byFront.get(samples.subarray(0, KEY).join()) ?? null;
    if (source === null) {
      const foreign = { lost: 0, twice: 0, foreign: samples.length, disordered: 0 };
      return { source, samples: samples.length, exact: samples.length === 0, difference: foreign };
    }
    const { who, connection, index } = source;
    const said = answerAudio(this.#seed, who, connection, index, samples.length);
    const difference = compare(said, samples);
    return { source, samples: samples.length, exact: equal(said, samples), difference };
  }
}

function equal(one: Int16Array, other: Int16Array): boolean {
  return Buffer.compare(bytesOf(one), bytesOf(other)) === 0;
}

export interface TracedSpeech extends Difference {
  /** The first turn that was heard: 0 is the call's first. -1: none of what was heard is the caller's. */
  readonly fromTurn: number;
  readonly samples: number;
  /** Turns that more than one connection heard: a successor is told of them by their sound. */
  readonly shared: number;
}

/**
 * What the connections of a call, one after the other, heard of the caller: each of them turn after turn, no sample of
 * which it may have missed or heard again, and together all turns from the first on that the first of them heard to the
 * call's last.
 */
export function traceSpeech(speaker: Speaker, connections: readonly (readonly Uint8Array[])[]): TracedSpeech {
  const starts = [0, ...speaker.turns];
  const startOf = (turn: number): number => starts[Math.min(turn, starts.length - 1)] ?? 0;
  const total = { lost: 0, twice: 0, foreign: 0, disordered: 0 };
  let [first, next, samples, shared] = [-1, -1, 0, 0];
  for (const heard of connections.filter((turns) => turns.length > 0)) {
    const got = samplesOf(heard);
    const key = got.subarray(0, KEY);
    const from = speaker.turns.findIndex((_, turn) =>
      equal(speaker.words(startOf(turn), startOf(turn) + KEY), key),
    );
    const begin = from < 0 ? Math.max(0, next) : from;
    if (first < 0) first = from;
    if (next >= 0 && begin > next) total.lost += startOf(begin) - startOf(next);
    else if (next >= 0) shared += next - begin;
    next = begin + heard.length;
    const said = speaker.words(startOf(begin), startOf(next));
    samples += said.length;
    add(total, compare(said, got));
  }
  const missing = startOf(speaker.turns.length) - startOf(Math.max(0, next));
  return { fromTurn: first, samples, shared, ...total, lost: total.lost + Math.max(0, missing) };
}

function add(
  total: { -readonly [K in keyof Difference]: number },
  { lost, twice, foreign, disordered }: Difference,
): void {
  total.lost += lost;
  total.twice += twice;
  total.foreign += foreign;
  total.disordered += disordered;
}
