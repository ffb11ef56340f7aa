/**
 * Sound that names its place: what the caller's microphone gives is kept on a tape and never repeats itself, so that whatever a
 * provider heard is found on it by its samples.
 */
import { seeded, sung } from "../support/signal.ts";

const FRAME_MS = 20;
/** So many bytes in a row are found in one place only. */
const NAMES_BYTES = 24;

function bytesOf(samples: Int16Array): Uint8Array {
  return new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
}

const lines = new Map<number, Uint8Array>();

/** A provider's voice at 24 kHz: like no caller's, so that nobody takes these for an echo of it. */
export function lineOf({ ms, seed }: { readonly ms: number; readonly seed: number }): Uint8Array {
  const known = lines.get(seed);
  if (known !== undefined) return known;
  const random = seeded(seed);
  // No sample of it is silence.
  const made = bytesOf(
    Int16Array.from({ length: ms * 24 }, () => Math.round(1000 + (random() - 0.5) * 8000) || 1),
  );
  lines.set(seed, made);
  return made;
}

/** A stretch of the tape, in samples. */
export interface Run {
  readonly from: number;
  readonly to: number;
}

export class Tape {
  readonly rateHz: number;
  readonly #random = seeded(11);
  #bytes = Buffer.alloc(1 << 20);
  #length = 0;

  constructor(rateHz: number) {
    this.rateHz = rateHz;
  }

  /** Samples so far. */
  get length(): number {
    return this.#length / 2;
  }

  /** The next frames: somebody's voice for so long, or the room. */
  speech(ms: number, seed: number): readonly Int16Array[] {
    // Without a breath in it: what has one may be a cough and the turn after it.
    return this.#frames(sung(ms, 90 + seed, 130 + seed, this.rateHz));
  }

  room(ms: number): readonly Int16Array[] {
    return this.#frames(
      Int16Array.from({ length: (ms * this.rateHz) / 1000 }, () => (this.#random() - 0.5) * 60),
    );
  }

  #frames(samples: Int16Array): readonly Int16Array[] {
    const size = (this.rateHz * FRAME_MS) / 1000;
    return Array.from({ length: Math.ceil(samples.length / size) }, (_, n) =>
      samples.subarray(n * size, (n + 1) * size),
    );
  }

  /** The microphone gives this. */
  record(samples: Int16Array): void {
    const bytes = bytesOf(samples);
    if (this.#length + bytes.length > this.#bytes.length)
      this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(this.#bytes.length)]);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Where on the tape somebody's sound is from, in its order; silence without a sample in it is the relay's own. */
  runs(
    heard: Uint8Array,
    after = 0,
  ): {
    readonly runs: readonly Run[];
    readonly foreign: number;
    readonly silent: number;
  } {
    const bytes = Buffer.from(heard.buffer, heard.byteOffset, heard.byteLength);
    const tape = this.#bytes.subarray(0, this.#length);
    const runs: Run[] = [];
    let [foreign, silent, next] = [0, 0, after * 2];
    for (let at = 0; at < bytes.length;) {
      const zeros = zerosAt(bytes, at);
      if (zeros >= NAMES_BYTES || at + zeros === bytes.length) {
        silent += zeros / 2;
        at += zeros;
        continue;
      }
      const start = find(tape, bytes.subarray(at, at + NAMES_BYTES), next);
      if (start === null) {
        foreign += 1;
        at += 2;
        continue;
      }
      let end = start;
      while (end < tape.length && at < bytes.length && tape[end] === bytes[at]) [end, at] = [end + 1, at + 1];
      at += at % 2;
      end -= end % 2;
      runs.push({ from: start / 2, to: end / 2 });
      next = end;
    }
    return { runs, foreign, silent };
  }
}

function zerosAt(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at] === 0) at += 1;
  return (at - from) & ~1;
}

/** From where the last one ended, or anywhere. */
function find(tape: Buffer, piece: Buffer, next: number): number | null {
  for (const from of [next, 0])
    for (let at = tape.indexOf(piece, from); at >= 0; at = tape.indexOf(piece, at + 1))
      if (at % 2 === 0) return at;
  return null;
}
