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
  /** Turns of which another connection was told by their sound, before they had words. */
  readonly shared: number;
}

/** A connection of a call, and what it was told of the caller, in order: turns by their sound, and others by their words. */
export interface HeardConnection {
  /** The words of its n-th turn by sound (from 1), as it says them. */
  readonly wordsOf: (n: number) => string;
  readonly heard: readonly (Uint8Array | string)[];
}

/**
 * What the connections of a call heard of the caller: each of them turn after turn, no sample of which it may have missed or
 * heard again, and together all turns from the first that one of them heard to the call's last. A turn counts as heard, too,
 * where its words were told: they are those of the connection that heard it.
 */
export function traceSpeech(speaker: Speaker, connections: readonly HeardConnection[]): TracedSpeech {
  const trace = new SpeechTrace(speaker);
  for (const one of connections) trace.add(one);
  return trace.result();
}

class SpeechTrace {
  readonly #speaker: Speaker;
  readonly #total = { lost: 0, twice: 0, foreign: 0, disordered: 0 };
  /** By a turn's first samples. */
  readonly #byFront: ReadonlyMap<string, number>;
  /** By the words that a connection has for it. */
  readonly #byWords = new Map<string, number>();
  /** Turns that some connection was told of; those by sound. */
  readonly #known = new Set<number>();
  readonly #sounded = new Set<number>();
  /** Turns that a connection was not told of between others. */
  readonly #missed = new Set<number>();
  #first = -1;
  #samples = 0;
  #shared = 0;

  constructor(speaker: Speaker) {
    this.#speaker = speaker;
    this.#byFront = new Map(
      speaker.turns.map((_, turn) => [this.#said(turn).subarray(0, KEY).join(), turn] as const),
    );
  }

  #said(turn: number): Int16Array {
    const { turns } = this.#speaker;
    return this.#speaker.words(turns[turn - 1] ?? 0, turns[turn] ?? turns.at(-1) ?? 0);
  }

  add({ heard, wordsOf }: HeardConnection): void {
    let [last, sounds] = [-1, 0];
    for (const told of heard) {
      if (typeof told === "string") {
        last = this.#next(this.#byWords.get(told) ?? null, last);
        continue;
      }
      sounds += 1;
      const turn = this.#sound(told, last);
      this.#byWords.set(wordsOf(sounds), turn);
      last = this.#next(turn, last);
    }
  }

  /** @returns which turn it is; by its place where its beginning is nobody's. */
  #sound(bytes: Uint8Array, last: number): number {
    const got = samplesOf([bytes]);
    const known = this.#byFront.get(got.subarray(0, KEY).join()) ?? null;
    const turn = known ?? (last >= 0 ? last + 1 : Math.max(-1, ...this.#known) + 1);
    const said = this.#said(turn);
    this.#samples += said.length;
    if (this.#first < 0 && this.#sounded.size === 0) this.#first = known ?? -1;
    if (this.#sounded.has(turn)) this.#shared += 1;
    this.#sounded.add(turn);
    add(this.#total, compare(said, got));
    return turn;
  }

  /** A connection is told of a turn after another. @returns the latest of which it knows. */
  #next(turn: number | null, last: number): number {
    if (turn === null) return last;
    this.#known.add(turn);
    if (last < 0 || turn === last + 1) return turn;
    if (turn === last) this.#total.twice += this.#said(turn).length;
    else if (turn < last) this.#total.disordered += 1;
    else for (let missed = last + 1; missed < turn; missed += 1) this.#missed.add(missed);
    return Math.max(turn, last);
  }

  result(): TracedSpeech {
    let { lost } = this.#total;
    const from = this.#known.size === 0 ? 0 : Math.min(...this.#known);
    for (let turn = from; turn < this.#speaker.turns.length; turn += 1)
      if (!this.#known.has(turn)) this.#missed.add(turn);
    for (const turn of this.#missed) lost += this.#said(turn).length;
    return {
      fromTurn: this.#first,
      samples: this.#samples,
      shared: this.#shared,
      ...this.#total,
      lost,
    };
  }
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
