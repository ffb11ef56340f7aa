/**
 * A simulated listener: plays what arrives, in real time, and knows at each moment how much of each item has been
 * heard. Every stream (one upstream's voice) plays its answers one after the other; streams sound together.
 */

export interface Heard {
  readonly itemId: string;
  /** Milliseconds of this item's audio that came out of the loudspeaker. */
  readonly playedMs: number;
}

interface Piece {
  readonly responseId: string;
  readonly itemId: string;
  readonly samples: Int16Array;
}

interface Stream {
  readonly queue: Piece[];
  /** Samples of the first piece that were played. */
  offset: number;
  /** The answer in whose middle or at whose end the loudspeaker has run dry, or null. */
  dry: string | null;
  /** Playing begins here, in samples of the call. */
  startAt: number;
}

/** What a player holds back before it begins, so that the network's jitter is not heard. */
const JITTER_MS = 60;

/** Below this a sample is not counted as audible: -60 dBFS. */
const AUDIBLE = 33;

export class Listener {
  readonly #rateHz: number;
  readonly #streams = new Map<number, Stream>();
  readonly #playedSamples = new Map<string, number>();
  #recording: Int16Array;
  #clockSamples = 0;
  #lastAudibleAt = Number.NEGATIVE_INFINITY;
  #underruns = 0;

  constructor(rateHz: number) {
    this.#rateHz = rateHz;
    this.#recording = new Int16Array(rateHz * 30);
  }

  /** `samples` is kept: hand in a copy. */
  add(stream: number, responseId: string, itemId: string, samples: Int16Array): void {
    if (samples.length === 0) return;
    let state = this.#streams.get(stream);
    if (state === undefined)
      this.#streams.set(stream, (state = { queue: [], offset: 0, dry: null, startAt: 0 }));
    if (state.queue.length === 0) state.startAt = this.#clockSamples + (JITTER_MS * this.#rateHz) / 1000;
    if (state.dry === responseId) this.#underruns += 1;
    state.dry = null;
    state.queue.push({ responseId, itemId, samples });
  }

  /** Plays up to `elapsedMs` since the call began. Call it at least every 20 ms. */
  advance(elapsedMs: number): void {
    const until = Math.round((elapsedMs * this.#rateHz) / 1000);
    const count = until - this.#clockSamples;
    if (count <= 0) return;
    this.#ensureRecording(until);
    for (const state of this.#streams.values()) this.#play(state, count);
    this.#clockSamples = until;
  }

  #play(state: Stream, count: number): void {
    const wait = Math.min(count, Math.max(0, state.startAt - this.#clockSamples));
    let at = this.#clockSamples + wait;
    let left = count - wait;
    let last: Piece | undefined;
    while (left > 0) {
      const piece = state.queue[0];
      if (piece === undefined) break;
      const take = Math.min(left, piece.samples.length - state.offset);
      this.#mix(piece.samples.subarray(state.offset, state.offset + take), at);
      this.#playedSamples.set(piece.itemId, (this.#playedSamples.get(piece.itemId) ?? 0) + take);
      state.offset += take;
      at += take;
      left -= take;
      last = piece;
      if (state.offset === piece.samples.length) {
        state.queue.shift();
        state.offset = 0;
      }
    }
    if (left > 0 && last !== undefined) state.dry = last.responseId;
  }

  #mix(samples: Int16Array, at: number): void {
    for (let i = 0; i < samples.length; i++) {
      const sample = samples[i] ?? 0;
      if (sample > AUDIBLE || sample < -AUDIBLE) this.#lastAudibleAt = at + i;
      const mixed = (this.#recording[at + i] ?? 0) + sample;
      this.#recording[at + i] = Math.max(-32_768, Math.min(32_767, mixed));
    }
  }

  #ensureRecording(samples: number): void {
    if (samples <= this.#recording.length) return;
    const longer = new Int16Array(Math.max(samples, this.#recording.length * 2));
    longer.set(this.#recording);
    this.#recording = longer;
  }

  /** Stops the answers that `cut` names, forgetting everything of theirs that was not yet played. What it stopped. */
  flush(cut: (responseId: string) => boolean): Heard[] {
    const stopped = new Set<string>();
    for (const state of this.#streams.values()) {
      const kept = state.queue.filter((piece) => !cut(piece.responseId));
      if (kept.length === state.queue.length) continue;
      for (const piece of state.queue) if (!kept.includes(piece)) stopped.add(piece.itemId);
      if (kept[0] !== state.queue[0]) state.offset = 0;
      state.queue.splice(0, state.queue.length, ...kept);
      state.dry = null;
    }
    return [...stopped].map((itemId) => ({ itemId, playedMs: this.playedMs(itemId) }));
  }

  playedMs(itemId: string): number {
    return Math.floor(((this.#playedSamples.get(itemId) ?? 0) * 1000) / this.#rateHz);
  }

  /** Items that are sounding now. */
  get sounding(): Heard[] {
    const now: Heard[] = [];
    for (const { queue } of this.#streams.values()) {
      const piece = queue[0];
      if (piece !== undefined) now.push({ itemId: piece.itemId, playedMs: this.playedMs(piece.itemId) });
    }
    return now;
  }

  /** Milliseconds since something above -60 dBFS was heard; infinite when nothing was. */
  get quietMs(): number {
    return ((this.#clockSamples - this.#lastAudibleAt) * 1000) / this.#rateHz;
  }

  /** How often the loudspeaker ran dry in the middle of an answer: more of the same came later. */
  get underruns(): number {
    return this.#underruns;
  }

  /** Everything that came out of the loudspeaker since the call began. */
  get recording(): Int16Array {
    return this.#recording.subarray(0, this.#clockSamples);
  }
}
