/**
 * Audio that can be recognised by the sample. The caller's microphone runs on a tape: every sample it ever gave, voice
 * or room noise, with pseudo-random low bits, so that any eight samples in a row name their place. An agent's audio
 * spells its answer's number and the sample's own index.
 */
import { seeded, voice } from "../support/signal.ts";

const MARK_BITS = 6;
const MARK_MASK = (1 << MARK_BITS) - 1;
/** Two tables whose lengths have no common divisor: together they begin again after more than a year. */
const MARKS = [1 << 20, (1 << 20) - 1] as const;
const POOL_MS = 6000;

const [marks, others] = MARKS.map((length, n) => makeMarks(length, 20_261_123 + n));
const pools = new Map<number, Int16Array>();

function makeMarks(length: number, seed: number): Uint8Array {
  const random = seeded(seed);
  return Uint8Array.from({ length }, () => random() * (MARK_MASK + 1));
}

function markAt(at: number): number {
  return (marks?.[at % MARKS[0]] ?? 0) ^ (others?.[at % MARKS[1]] ?? 0);
}

function pool(rateHz: number): Int16Array {
  let made = pools.get(rateHz);
  if (!made) {
    made = voice(POOL_MS, rateHz, 7);
    pools.set(rateHz, made);
  }
  return made;
}

/** Samples in a row that name a place. */
const KEY = 8;

/** A stretch of the tape: samples `from` to before `to`. */
export interface Run {
  readonly from: number;
  readonly to: number;
}

/** What audio is made of: stretches of the tape, and so many zeros that are nobody's. */
interface Heard {
  readonly runs: readonly Run[];
  readonly zeros: number;
}

export class Tape {
  readonly rateHz: number;
  readonly #offset: number;
  #samples = new Int16Array(1 << 16);
  #end = 0;
  #poolAt = 0;
  /** The microphone was muted at some time: zeros may be the caller's own. */
  muted = false;

  constructor(rateHz: number, offset: number) {
    this.rateHz = rateHz;
    this.#offset = offset;
  }

  /** Samples so far. */
  get end(): number {
    return this.#end;
  }

  /** The next `count` samples: a voice at this gain, or with 0 the room's noise. A view, valid for ever. */
  record(count: number, gain: number): Int16Array {
    const from = this.#end;
    this.#reserve(from + count);
    const voices = pool(this.rateHz);
    const out = this.#samples.subarray(from, from + count);
    for (let n = 0; n < count; n += 1) {
      const mark = markAt(this.#offset + from + n);
      const said = gain === 0 ? 0 : (voices[(this.#poolAt + n) % voices.length] ?? 0) * gain;
      out[n] = gain === 0 ? mark - 32 : (said & ~MARK_MASK) | mark;
    }
    this.#poolAt = (this.#poolAt + count) % voices.length;
    this.#end += count;
    return out;
  }

  /** `count` zeros: a muted microphone. */
  mute(count: number): Int16Array {
    this.muted = true;
    this.#reserve(this.#end + count);
    this.#end += count;
    return this.#samples.subarray(this.#end - count, this.#end);
  }

  /** A view. */
  part(from: number, to: number): Int16Array {
    return this.#samples.subarray(from, to);
  }

  #reserve(length: number): void {
    if (length <= this.#samples.length) return;
    const grown = new Int16Array(Math.max(length, this.#samples.length * 2));
    grown.set(this.#samples.subarray(0, this.#end));
    this.#samples = grown;
  }

  /**
   * Which stretches of the tape `chunk` consists of, in its order: at `hint` if it fits there, else onwards from it,
   * else anywhere. Zeros that fit nowhere for certain are nobody's. Null: something in it was never recorded.
   */
  runs(chunk: Int16Array, hint: number): Heard | null {
    const runs: Run[] = [];
    let zeros = 0;
    let expected = hint;
    for (let at = 0; at < chunk.length;) {
      const rest = chunk.subarray(at);
      const before = zerosBefore(rest);
      const from = this.#place(rest, before, expected);
      if (from === null && before === 0) return null;
      if (from === null) {
        zeros += before;
        at += before;
        continue;
      }
      const to = from + this.#same(rest, from);
      runs.push({ from, to });
      at += to - from;
      expected = to;
    }
    return { runs, zeros };
  }

  /**
   * Where on the tape `chunk` begins, `zeros` of them first. Zeros are alike wherever the microphone was muted, and in
   * silence that the relay makes up: what was before them says where they are, or what comes after them.
   */
  #place(chunk: Int16Array, zeros: number, expected: number): number | null {
    const fits = this.#same(chunk, expected);
    if (fits >= Math.min(chunk.length, zeros + KEY)) return expected;
    if (zeros === 0) return this.#search(chunk, expected);
    const after = zeros < chunk.length ? this.#search(chunk.subarray(zeros), expected) : null;
    if (after !== null && this.#same(chunk, after - zeros) >= zeros) return after - zeros;
    return fits > 0 ? expected : null;
  }

  /** How many samples from `from` on are those of `chunk`. */
  #same(chunk: Int16Array, from: number): number {
    if (from < 0) return 0;
    const samples = this.#samples;
    const most = Math.min(chunk.length, this.#end - from);
    let n = 0;
    while (n < most && chunk[n] === samples[from + n]) n += 1;
    // A chance likeness of a few samples is no place.
    return n === chunk.length || n >= KEY ? n : 0;
  }

  #search(chunk: Int16Array, hint: number): number | null {
    const samples = this.#samples;
    const start = Math.min(Math.max(0, hint), this.#end);
    for (let n = 0; n < this.#end; n += 1) {
      const at = start + n < this.#end ? start + n : start + n - this.#end;
      if (samples[at] === chunk[0] && this.#same(chunk, at) > 0) return at;
    }
    return null;
  }
}

function zerosBefore(chunk: Int16Array): number {
  const first = chunk.findIndex((sample) => sample !== 0);
  return first < 0 ? chunk.length : first;
}

// An odd factor is a bijection of 16 bits: numbers become noise that is loud from its first sample.
const FACTOR = 40_503;
const UNFACTOR = inverse(FACTOR);

function inverse(odd: number): number {
  let x = odd;
  for (let n = 0; n < 5; n += 1) x = Math.imul(x, 2 - Math.imul(odd, x)) & 0xffff;
  return x;
}

function spell(value: number): number {
  return (Math.imul(value + 1, FACTOR) << 16) >> 16;
}

function unspell(sample: number): number {
  return (Math.imul(sample & 0xffff, UNFACTOR) - 1) & 0xffff;
}

/** Samples `from` to `to` of answer number `answer` (below 65,536): even ones the index, odd ones the answer. */
export function agentAudio(answer: number, from: number, to: number): Int16Array {
  const out = new Int16Array(to - from);
  for (let n = 0; n < out.length; n += 1) {
    const index = from + n;
    out[n] = spell((index & 1) === 0 ? index >> 1 : answer);
  }
  return out;
}

/** Which answer and which index `chunk` begins with (`hint` tried first); null: no agent said that. */
export function readAgent(
  chunk: Int16Array,
  hint: { readonly answer: number; readonly index: number } | null,
): { readonly answer: number; readonly index: number } | null {
  const [first = 0, second = 0] = chunk;
  const guesses = [
    ...(hint === null ? [] : [hint]),
    { answer: unspell(second), index: unspell(first) * 2 },
    { answer: unspell(first), index: unspell(second) * 2 - 1 },
  ];
  return guesses.find(({ answer, index }) => index >= 0 && isAgent(chunk, answer, index)) ?? null;
}

function isAgent(chunk: Int16Array, answer: number, from: number): boolean {
  for (let n = 0; n < chunk.length; n += 1) {
    const index = from + n;
    if (chunk[n] !== spell((index & 1) === 0 ? index >> 1 : answer)) return false;
  }
  return true;
}

export function bytesOf(samples: Int16Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(samples.slice().buffer);
}

export function samplesOf(bytes: Uint8Array): Int16Array {
  return new Int16Array(bytes.slice().buffer, 0, bytes.byteLength >> 1);
}
