/** What one connection to a provider has heard of the caller, checked against the tape as it comes. */
import { samplesOf, type Run } from "./tape.ts";
import type { World } from "./world.ts";

const LOUD = 400;
/** Where samples name no place, so much of its beginning tells a turn from all others. */
const BEGINNING_MS = 200;

interface HeardTurn {
  readonly runs: readonly Run[];
  /** Up to where there were turns before it, in samples. */
  readonly after: number;
}

export class Ear {
  readonly #world: World;
  readonly #name: string;
  /** After the last sample heard. */
  #cursor = -1;
  /** Heard since the last commit or clear. */
  #buffer: Run[] = [];
  /** Its first samples, and those of the turn before it. */
  #beginning: number[] = [];
  #turnBefore: readonly number[] = [];
  #loudMs = 0;
  /** Of it, silence that is of nobody. */
  #paddedMs = 0;

  /** Up to where turns have been made of it. */
  #committedTo = 0;
  /** The relay cleared the buffer, and nothing has come since. */
  #cleared = false;
  readonly #again: () => HeardTurn | null;

  constructor(world: World, name: string, again: () => HeardTurn | null) {
    this.#world = world;
    this.#again = again;
    this.#name = name;
  }

  get bufferedMs(): number {
    const samples = this.#buffer.reduce((sum, run) => sum + run.to - run.from, 0);
    return this.#paddedMs + (samples * 1000) / this.#world.tape.rateHz;
  }

  /** Takes PCM of the caller. @returns whether it is loud. */
  hear(bytes: Uint8Array): boolean {
    const { checks, tape } = this.#world;
    if (bytes.length % 2 === 1) checks.fail("provider-protocol", `${this.#name} got an odd number of bytes`);
    const samples = samplesOf(bytes);
    const loudMs = loudMsOf(samples, tape.rateHz);
    this.#loudMs += loudMs;
    const lacks = (BEGINNING_MS * tape.rateHz) / 1000 - this.#beginning.length;
    if (lacks > 0) this.#beginning.push(...samples.subarray(0, lacks));
    if (this.#world.scenario.converted) {
      this.#take({ from: this.#cursor, to: this.#cursor + samples.length });
      return loudMs > 0;
    }
    const heard = tape.runs(samples, this.#cursor);
    if (heard === null) {
      checks.fail("spoken-unknown", `${this.#name} heard audio that the caller never spoke`);
      return false;
    }
    // Silence that the relay made up for a client that stopped sending, or for a turn that was too short.
    this.#paddedMs += (heard.zeros * 1000) / tape.rateHz;
    for (const run of heard.runs) this.#take(run);
    return loudMs > 0;
  }

  #take(run: Run): void {
    if (this.#cleared && run.from >= this.#committedTo) this.#cursor = Math.min(this.#cursor, run.from);
    const again = run.from < this.#cursor && this.#buffer.length === 0 ? this.#again() : null;
    const begins = again?.runs[0]?.from;
    // What was committed in advance is taken back: it comes again from its beginning, or with all that was before it.
    const whole =
      this.#cleared && begins !== undefined && run.from < begins && run.from >= (again?.after ?? 0);
    this.#cleared = false;
    if (again && (begins === run.from || whole || (begins ?? Infinity) < this.#forgottenTo(run))) {
      this.#cursor = run.from;
      this.#committedTo = again.after;
    }
    // Zeros are alike: silence that the relay made up may have been taken for those of a muted microphone, which come now.
    const { tape } = this.#world;
    if (run.from < this.#cursor && tape.part(run.from, this.#cursor).some((sample) => sample !== 0)) {
      const ms = ((this.#cursor - run.from) * 1000) / tape.rateHz;
      this.#world.checks.fail(
        "spoken-twice",
        `${this.#name} heard ${ms.toFixed(1)} ms again, or out of order`,
      );
    }
    this.#cursor = run.to;
    const last = this.#buffer.at(-1);
    if (last?.to === run.from) this.#buffer[this.#buffer.length - 1] = { from: last.from, to: run.to };
    else this.#buffer.push(run);
  }

  /** Of a turn that is longer than the relay remembers, only what it does comes again: up to where that begins. */
  #forgottenTo({ from }: Run): number {
    const { scenario, tape } = this.#world;
    const held = ((scenario.limits.inputHistoryMs ?? 0) * tape.rateHz) / 1000;
    return from <= tape.end - held ? from : 0;
  }

  /** The buffer becomes a turn. */
  commit(): HeardTurn & { readonly loudMs: number } {
    const turn = { runs: this.#buffer, loudMs: this.#loudMs, after: this.#committedTo };
    if (this.#world.scenario.converted && beginsAlike(this.#turnBefore, this.#beginning)) this.#again();
    this.#turnBefore = this.#beginning;
    this.#committedTo = this.#buffer.at(-1)?.to ?? this.#committedTo;
    this.#empty();
    return turn;
  }

  /** A turn was taken back: it may be heard again from there. */
  unhear({ runs: [first], after }: HeardTurn): void {
    // One that the client itself deletes while it speaks the next is not said again.
    if (this.#buffer.length > 0) return;
    if (first !== undefined) this.#cursor = first.from;
    this.#committedTo = after;
    this.#empty();
  }

  /** A client's commit in mid-speech takes all since the last turn (SPEC M40): the provider is told the buffer anew. */
  clear(): void {
    this.#cleared = this.#world.scenario.faults.includes("caller.commit");
    this.#empty();
  }

  #empty(): void {
    this.#buffer = [];
    this.#beginning = [];
    this.#loudMs = 0;
    this.#paddedMs = 0;
  }
}

/** One turn is the other from its beginning on. Zeros may begin any. */
function beginsAlike(one: readonly number[], other: readonly number[]): boolean {
  const count = Math.min(one.length, other.length);
  const same = one.slice(0, count).every((sample, at) => sample === other[at]);
  return same && one.slice(0, count).some((sample) => sample !== 0);
}

const WINDOW_MS = 5;

/** Milliseconds of windows that hold something loud. */
export function loudMsOf(samples: Int16Array, rateHz: number): number {
  const size = (rateHz * WINDOW_MS) / 1000;
  let ms = 0;
  for (let at = 0; at < samples.length; at += size) {
    const part = samples.subarray(at, at + size);
    if (part.some((sample) => Math.abs(sample) > LOUD)) ms += (part.length * 1000) / rateHz;
  }
  return ms;
}
