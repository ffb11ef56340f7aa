/** Where the sound of a call with several providers came from and went: what was lost, and what was heard twice. */
import type { HeardAnswer } from "./listener.ts";
import type { Speaker } from "./speaker.ts";
import { answerAudio } from "./voice.ts";
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

/** What the providers may have said in a call: connections and answers of each, as many as are looked for. */
export interface Sources {
  readonly seed: number;
  readonly providers: readonly number[];
  readonly connections: number;
  readonly answers: number;
  /** In samples, of the longest answer. */
  readonly longest: number;
}

/** Which answer of which connection was heard here, and whether it was heard as it was said. */
export function traceAnswer(heard: HeardAnswer, sources: Sources): TracedAnswer {
  const samples = samplesOf(heard.chunks);
  const source = sourceOf(samples, sources);
  if (source === null) {
    const foreign = { lost: 0, twice: 0, foreign: samples.length, disordered: 0 };
    return { source, samples: samples.length, exact: samples.length === 0, difference: foreign };
  }
  const { who, connection, index } = source;
  const said = answerAudio(sources.seed, who, connection, index, samples.length);
  const difference = compare(said, samples);
  return { source, samples: samples.length, exact: equal(said, samples), difference };
}

function sourceOf(samples: Int16Array, { seed, providers, connections, answers }: Sources): Source | null {
  if (samples.length < KEY) return null;
  const front = samples.subarray(0, KEY);
  for (const who of providers)
    for (let connection = 0; connection < connections; connection += 1)
      for (let index = 0; index < answers; index += 1)
        if (equal(answerAudio(seed, who, connection, index, KEY), front)) return { who, connection, index };
  return null;
}

function equal(one: Int16Array, other: Int16Array): boolean {
  return Buffer.compare(bytesOf(one), bytesOf(other)) === 0;
}

export interface TracedSpeech extends Difference {
  /** The first turn that this connection heard: 0 is the call's first. */
  readonly fromTurn: number;
  readonly samples: number;
  /** Turns that ended where they ought to. */
  readonly whole: number;
}

/** What a provider's connection heard of the caller, whose first turns others may have heard. */
export function traceSpeech(speaker: Speaker, heard: readonly Uint8Array[]): TracedSpeech {
  const starts = [0, ...speaker.turns];
  const got = samplesOf(heard);
  const key = got.subarray(0, KEY);
  const fromTurn = speaker.turns.findIndex((_, n) =>
    equal(speaker.words(starts[n] ?? 0, (starts[n] ?? 0) + KEY), key),
  );
  const first = Math.max(0, fromTurn);
  const said = speaker.words(starts[first] ?? 0, speaker.turns.at(-1) ?? 0);
  const turns = speaker.turns.slice(first).map((to, n) => speaker.words(starts[first + n] ?? 0, to));
  const whole = turns.filter(
    (turn, n) => Buffer.compare(bytesOf(turn), heard[n] ?? new Uint8Array(0)) === 0,
  ).length;
  return { fromTurn, samples: said.length, whole, ...compare(said, got) };
}
