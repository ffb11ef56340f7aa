/** The model's sound as its server sends it: an Ogg stream of Opus, decoded at 24 kHz whatever it was made from. */
import type { OpusCodec, OpusDecoder } from "../codecs.ts";
import { utf8Bytes } from "../utf8.ts";
import { type OggFault, type OggPackets, OggReader, type OggReaderState } from "./ogg-reader.ts";

/** Sound of one message: a server sends 80 ms, and two bytes of Opus may say that they are 120. */
const MOST_SAMPLES = 2 * 24_000;
/**
 * A model gives as much sound as it is sent, step by step. So much more is borne, for a server with a clock of its own: what has to be decoded
 * is bounded by what was sent, whatever a server says.
 */
const AHEAD_SAMPLES = 60 * 24_000;
const AHEAD_SHARE = 1.1;
const USUAL_SAMPLES = 1920;
const HEAD_BYTES = 19;
const [HEAD, TAGS] = ["OpusHead", "OpusTags"].map(utf8Bytes);

/** `format`: it is no Opus that can be played; `opus`: a packet is none; `much`: it is more sound than a message has, or than a model makes of what it hears. */
export type SoundFault = OggFault | "format" | "opus" | "much";

/** What comes next: what a stream is, who made it, or sound. */
type Stage = "head" | "tags" | "sound";

export type DownlinkState = OggReaderState & { readonly stage: Stage; readonly heard: number };

export class Downlink implements OggPackets {
  readonly #codec: () => OpusCodec;
  readonly #reader = new OggReader();
  #decoder: OpusDecoder | null = null;
  #stage: Stage = "head";
  #pcm = new Int16Array(USUAL_SAMPLES);
  #samples = 0;
  /** Samples before the present message. */
  #heard = 0;
  #most = MOST_SAMPLES;
  #fault: SoundFault | null = null;

  constructor(codec: () => OpusCodec) {
    this.#codec = codec;
  }

  /**
   * @param sent samples that the server was sent until now
   * @returns what is wrong with a message; null: nothing. Either way there may be `sound` of it.
   */
  read(bytes: Uint8Array, sent: number): SoundFault | null {
    this.#heard += this.#samples;
    this.#samples = 0;
    this.#most = Math.min(MOST_SAMPLES, AHEAD_SAMPLES + AHEAD_SHARE * sent - this.#heard);
    this.#fault = null;
    const fault = this.#reader.read(bytes, this);
    return this.#fault ?? fault;
  }

  /** Of the message that was read last, a view that is valid until the next is. */
  get sound(): Uint8Array {
    return new Uint8Array(this.#pcm.buffer, 0, this.#samples * 2);
  }

  begins(): void {
    this.#stage = "head";
    this.#decoder = null;
  }

  packet(bytes: Uint8Array): boolean {
    if (this.#stage === "head") {
      if (isPlayable(bytes)) this.#stage = "tags";
      else this.#fault = "format";
      return this.#fault === null;
    }
    const tags = this.#stage === "tags" && begins(bytes, TAGS);
    this.#stage = "sound";
    return tags || this.#decode(bytes);
  }

  #decode(packet: Uint8Array): boolean {
    this.#decoder ??= this.#codec().decoder();
    const samples = this.#decoder.decode(packet);
    if (samples === null) this.#fault ??= "opus";
    else if (this.#samples + samples.length > this.#most) {
      this.#fault = "much";
      return false;
    } else {
      this.#room(this.#samples + samples.length);
      this.#pcm.set(samples, this.#samples);
      this.#samples += samples.length;
    }
    return true;
  }

  #room(samples: number): void {
    if (samples <= this.#pcm.length) return;
    const larger = new Int16Array(Math.min(MOST_SAMPLES, 2 * samples));
    larger.set(this.#pcm.subarray(0, this.#samples));
    this.#pcm = larger;
  }

  snapshot(): DownlinkState {
    return { ...this.#reader.snapshot(), stage: this.#stage, heard: this.#heard + this.#samples };
  }

  restore({ stage, heard, ...reader }: DownlinkState): void {
    this.#stage = stage;
    this.#heard = heard;
    this.#reader.restore(reader);
  }
}

/**
 * Version 0.x or 1, one or two channels without a mapping (RFC 7845, 5.1). Its gain is 0 everywhere. What of the beginning is to be
 * skipped is not heeded: Moshi's servers say 80 ms and have 6.5.
 */
function isPlayable(head: Uint8Array): boolean {
  if (head.length < HEAD_BYTES || !begins(head, HEAD)) return false;
  const [version = 0, channels, family] = [8, 9, 18].map((at) => head[at]);
  return version < 16 && (channels === 1 || channels === 2) && family === 0;
}

function begins(bytes: Uint8Array, word: Uint8Array | undefined): boolean {
  return word?.every((byte, n) => bytes[n] === byte) ?? false;
}
