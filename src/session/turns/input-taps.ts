/** Who takes the caller's audio out of the history, each at its rate and in its format, from where it is. */
import { encode } from "../../audio/codec.ts";
import { formatKey, sampleRateHz, type AudioFormat } from "../../audio/format.ts";
import type { AudioChunk } from "../../upstreams/upstream.ts";
import type { AudioTap } from "../state/audio-tap.ts";
import { TICKS_PER_MS } from "../state/ticks.ts";
import { InputHistory } from "./input-history.ts";
import type { RateStream } from "./rate-stream.ts";
import { Said } from "./said.ts";

/** Silence that is made up goes out in pieces of this. */
const PAD_PIECE_MS = 100;

class Chunk implements AudioChunk {
  readonly bytes: Uint8Array;
  #base64: string | null = null;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  base64(): string {
    this.#base64 ??= this.bytes.toBase64();
    return this.#base64;
  }
}

interface MadeChunk {
  readonly key: string;
  readonly from: number;
  readonly to: number;
  readonly chunk: Chunk;
}

export class InputTaps extends InputHistory {
  /** Chunks made in this slice, so that equal formats share one encoding. */
  protected chunks: MadeChunk[] = [];
  protected readonly said = new Said();

  /** Makes sure that a stream of the tap's rate exists and puts the cursor at the present. */
  attach(tap: AudioTap): void {
    tap.cursor = this.tap(sampleRateHz(tap.format)).endTicks;
  }

  /** Puts the cursor at a position, or at the oldest sample still held after it. */
  seek(tap: AudioTap, ticks: number): void {
    const stream = this.streamOf(sampleRateHz(tap.format));
    tap.cursor = Math.min(ticks, stream.endTicks);
    this.#catchUp(tap, stream);
  }

  /** What has left the history cannot be delivered any more: what was said in it is told. */
  #catchUp(tap: AudioTap, stream: RateStream): void {
    const oldest = stream.ticksAt(stream.ring.start);
    const from = Math.max(tap.cursor, stream.originTicks);
    tap.cursor = Math.max(tap.cursor, oldest);
    if (from < oldest) for (const part of this.said.within(from, oldest)) tap.missed?.(...part);
  }

  /** Position of the oldest sample that this tap could still be given. */
  oldestTicks(tap: AudioTap): number {
    const stream = this.streamOf(sampleRateHz(tap.format));
    return stream.ticksAt(stream.ring.start);
  }

  /** Milliseconds that the tap has not had yet. */
  lagMs(tap: AudioTap): number {
    return (this.streamOf(sampleRateHz(tap.format)).endTicks - tap.cursor) / TICKS_PER_MS;
  }

  /** End of the micro-turn that the tap's next sample belongs to; micro-turns are counted from `fromTicks`. */
  frameEnd(tap: AudioTap, frameTicks: number, fromTicks: number): number {
    const at = Math.max(tap.cursor, this.oldestTicks(tap)) - fromTicks;
    return fromTicks + (Math.floor(at / frameTicks) + 1) * frameTicks;
  }

  /** Delivers what the tap has not had yet, up to a position. */
  forward(tap: AudioTap, toTicks: number = Number.POSITIVE_INFINITY): void {
    const { format } = tap;
    const stream = this.streamOf(sampleRateHz(format));
    const { ring } = stream;
    const to = toTicks === Number.POSITIVE_INFINITY ? ring.end : Math.min(ring.end, stream.indexAt(toTicks));
    this.#catchUp(tap, stream);
    const from = stream.indexAt(tap.cursor);
    if (to <= from) return;
    tap.cursor = stream.ticksAt(to);
    tap.deliver(this.#chunk(format, stream, from, to));
  }

  /** Delivers silence that the client did not send; the caller's audio goes on where it was. */
  pad(tap: AudioTap, ms: number): void {
    const rateHz = sampleRateHz(tap.format);
    for (let left = ms; left > 0; left -= PAD_PIECE_MS) {
      const samples = Math.round((Math.min(left, PAD_PIECE_MS) * rateHz) / 1000);
      if (samples > 0) tap.deliver(new Chunk(encode(tap.format, new Int16Array(samples))));
    }
  }

  #chunk(format: AudioFormat, stream: RateStream, from: number, to: number): Chunk {
    const key = formatKey(format);
    const made = this.chunks.find((entry) => entry.key === key && entry.from === from && entry.to === to);
    if (made) return made.chunk;
    const chunk = new Chunk(encode(format, stream.read(from, to)));
    this.chunks.push({ key, from, to, chunk });
    return chunk;
  }
}
