/** Sound in which every sample tells where it belongs, and what became of it on the way. */
import { createHash } from "node:crypto";

/** Samples that follow each other by chance alike are not expected in a run of this. */
const KEY_SAMPLES = 12;

/** Samples `[from, from + count)` of the caller `seed`: noise of an even ±8,000, each sample a hash of its place. */
export function watermark(seed: number, from: number, count: number): Int16Array {
  const samples = new Int16Array(count);
  for (let at = 0; at < count; at += 1) {
    let mixed = Math.imul((from + at) ^ Math.imul(seed, 0x9e37_79b1), 0x85eb_ca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0xc2b2_ae35);
    samples[at] = (((mixed ^ (mixed >>> 16)) >>> 0) % 16_001) - 8000;
  }
  return samples;
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export function bytesOf(samples: Int16Array): Uint8Array {
  return new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
}

export function samplesOf(parts: readonly Uint8Array[]): Int16Array {
  const joined = new Uint8Array(Buffer.concat(parts));
  return new Int16Array(joined.buffer, 0, joined.byteLength >> 1);
}

export interface Difference {
  readonly lost: number;
  readonly twice: number;
  /** Samples of nobody, and runs that came after what follows them. */
  readonly foreign: number;
  readonly disordered: number;
}

/** What became of `said`, sample by sample. Equal hashes are all zeros. */
export function compare(said: Int16Array, heard: Int16Array): Difference {
  if (sha256(bytesOf(said)) === sha256(bytesOf(heard))) {
    return { lost: 0, twice: 0, foreign: 0, disordered: 0 };
  }
  const places = new Map<string, number>();
  for (let at = 0; at + KEY_SAMPLES <= said.length; at += 1) places.set(keyAt(said, at), at);
  const times = new Uint8Array(said.length);
  let foreign = 0;
  let disordered = 0;
  let next = 0;
  for (let at = 0; at < heard.length;) {
    const place = said[next] === heard[at] ? next : places.get(keyAt(heard, at));
    if (place === undefined) {
      foreign += 1;
      at += 1;
      continue;
    }
    if (place < next) disordered += 1;
    for (next = place; next < said.length && at < heard.length && said[next] === heard[at]; next += 1) {
      times[next] = (times[next] ?? 0) + 1;
      at += 1;
    }
  }
  const lost = times.reduce((sum, count) => sum + (count === 0 ? 1 : 0), 0);
  const twice = times.reduce((sum, count) => sum + Math.max(0, count - 1), 0);
  return { lost, twice, foreign, disordered };
}

function keyAt(samples: Int16Array, at: number): string {
  return samples.subarray(at, at + KEY_SAMPLES).join();
}
