/** The caller's sound as a Moshi server hears it: packets of Opus, on a page of Ogg for each message. */
import { type KeptSound, keptSound, soundAgain } from "../common/kept-sound.ts";
import type { OpusCodec, OpusEncoder } from "../codecs.ts";
import type { WireMessage } from "../upstream.ts";
import { AUDIO } from "./kinds.ts";
import { OggWriter, type OggWriterState } from "./ogg-writer.ts";

const PREFIX = Uint8Array.of(AUDIO);
/** A page has a second of sound at most, so that none is held up by many. */
const MOST_PACKETS = 50;

export type UplinkState = OggWriterState & {
  /** What is less than a packet; absent: nothing. */
  readonly rest?: KeptSound;
};

export class Uplink {
  readonly #codec: () => OpusCodec;
  readonly #writer = new OggWriter(PREFIX);
  #encoder: OpusEncoder | null = null;
  /** Samples that are less than a packet. */
  #frame = new Int16Array(0);
  #bytes = 0;

  constructor(codec: () => OpusCodec) {
    this.#codec = codec;
  }

  /** What was sent, of sound. */
  get samples(): number {
    return this.#writer.samples;
  }

  /** @param pcm any number of bytes of the track; whole packets of them are sent, and the rest with what comes next. */
  take(pcm: Uint8Array): readonly WireMessage[] {
    const codec = this.#codec();
    this.#encoder ??= codec.encoder();
    const out = this.#writer.begun ? [] : [opening(this.#writer.headers(codec.lookaheadSamples))];
    const frame = this.#frameOf(codec);
    let packets = 0;
    for (let at = 0; at < pcm.length;) {
      const taken = Math.min(pcm.length - at, frame.length - this.#bytes);
      frame.set(pcm.subarray(at, at + taken), this.#bytes);
      at += taken;
      this.#bytes += taken;
      if (this.#bytes < frame.length) break;
      this.#bytes = 0;
      const packet = this.#encoder.encode(this.#frame);
      if (packet === null) continue;
      if (packets === MOST_PACKETS || !this.#writer.add(packet, this.#frame.length)) {
        this.#write(out);
        packets = 0;
        this.#writer.add(packet, this.#frame.length);
      }
      packets += 1;
    }
    this.#write(out);
    return out;
  }

  #write(out: WireMessage[]): void {
    const page = this.#writer.page();
    if (page !== null) out.push(page);
  }

  #frameOf({ frameSamples }: OpusCodec): Uint8Array {
    if (this.#frame.length !== frameSamples) {
      const rest = new Uint8Array(this.#frame.buffer, 0, this.#bytes);
      this.#frame = new Int16Array(frameSamples);
      new Uint8Array(this.#frame.buffer).set(rest);
    }
    return new Uint8Array(this.#frame.buffer);
  }

  snapshot(): UplinkState {
    const rest = new Uint8Array(this.#frame.buffer, 0, this.#bytes);
    return { ...this.#writer.snapshot(), ...(rest.length > 0 && { rest: keptSound(rest) }) };
  }

  restore({ rest, ...written }: UplinkState): void {
    this.#writer.restore(written);
    const bytes = soundAgain(rest);
    this.#frame = new Int16Array(Math.ceil(bytes.length / 2));
    new Uint8Array(this.#frame.buffer).set(bytes);
    this.#bytes = bytes.length;
  }
}

/** Both headers in one message. */
function opening(pages: readonly Uint8Array[]): WireMessage {
  const [first = new Uint8Array(), second = new Uint8Array()] = pages;
  const message = new Uint8Array(first.length + second.length - PREFIX.length);
  message.set(first);
  message.set(second.subarray(PREFIX.length), first.length);
  return message;
}
