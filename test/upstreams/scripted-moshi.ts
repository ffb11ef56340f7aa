/**
 * A Moshi server that does only what it is told, and refuses what the servers of Kyutai and NVIDIA cannot read: text, an empty
 * message, a kind other than sound (the one in Rust hangs up for it), sound before its handshake, and Ogg that is not one stream of Opus in
 * whole pages, numbered, with its headers first. It writes Ogg as theirs do (sphn): a page for 80 ms, counted at 24 kHz.
 */
import type { OpusCodec, OpusDecoder, OpusEncoder } from "../../src/upstreams/codecs.ts";
import type { WireMessage } from "../../src/upstreams/upstream.ts";
import type { ScriptedServer } from "./connection.ts";
import { kind, oggPage, oggPages, opusHead, opusTags } from "../support/ogg.ts";

export class ScriptedMoshi implements ScriptedServer {
  readonly refused: string[] = [];
  /** PCM that the caller said and that was not played back. */
  readonly heard: number[] = [];
  /** Messages of sound, as they came. */
  readonly received: Uint8Array[] = [];
  /** Granules of the pages that came. */
  readonly granules: number[] = [];
  readonly #codec: OpusCodec;
  readonly #decoder: OpusDecoder;
  readonly #encoder: OpusEncoder;
  #free: boolean;
  #pagesIn = 0;
  #serial = 0;
  #pagesOut = 0;
  #samplesOut = 0;

  /** @param free the model is: it begins at once */
  constructor(codec: OpusCodec, free = true) {
    this.#codec = codec;
    this.#decoder = codec.decoder();
    this.#encoder = codec.encoder();
    this.#free = free;
  }

  opened(): readonly WireMessage[] {
    return this.#free ? [this.handshake()] : [];
  }

  /** `rust`: with a version of the protocol and one of the model. */
  handshake(rust = false): Uint8Array {
    this.#free = true;
    return kind(0, new Uint8Array(rust ? 8 : 0));
  }

  receive(message: WireMessage): readonly WireMessage[] {
    if (typeof message === "string") return this.#refuse("text");
    if (!this.#free) return this.#refuse("a message before the handshake");
    if (message[0] !== 1) return this.#refuse(`a message of kind ${message[0]}`);
    this.received.push(message);
    try {
      for (const page of oggPages(message.subarray(1))) this.#page(page);
    } catch (error) {
      return this.#refuse(error instanceof Error ? error.message : String(error));
    }
    return [];
  }

  #refuse(what: string): [] {
    this.refused.push(what);
    return [];
  }

  #page({ flags, serial, sequence, granule, packets }: ReturnType<typeof oggPages>[number]): void {
    const number = this.#pagesIn++;
    if (number === 0) this.#serial = serial;
    if (serial !== this.#serial || sequence !== number)
      throw new Error("pages are not of one stream in order");
    if (flags !== (number === 0 ? 2 : 0)) throw new Error(`page ${number} has flags ${flags}`);
    this.granules.push(granule);
    const [first = new Uint8Array()] = packets;
    const begins = (word: string): boolean => Buffer.from(first.subarray(0, 8)).toString() === word;
    if (number === 0) {
      if (packets.length !== 1 || !begins("OpusHead") || first.length !== 19) throw new Error("no OpusHead");
      if (first[8] !== 1 || first[9] !== 1 || first[18] !== 0) throw new Error("OpusHead is not mono");
      return;
    }
    if (number === 1) {
      if (packets.length !== 1 || !begins("OpusTags")) throw new Error("no OpusTags");
      return;
    }
    for (const packet of packets) {
      const samples = this.#decoder.decode(packet);
      if (samples === null) throw new Error("a packet is none of Opus");
      for (const byte of new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength))
        this.heard.push(byte);
    }
  }

  /** The bytes of its own stream that say this; the first have the headers before them. */
  stream(pcm: Uint8Array, frame = 1920): Uint8Array {
    const samples = new Int16Array(pcm.slice().buffer);
    const step = this.#codec.frameSamples;
    const pages: Uint8Array[] = [];
    if (this.#pagesOut === 0) {
      pages.push(oggPage({ flags: 2, sequence: this.#pagesOut++, packets: [opusHead()] }));
      pages.push(oggPage({ sequence: this.#pagesOut++, packets: [opusTags()] }));
    }
    for (let at = 0; at < samples.length; at += frame) {
      const packets: Uint8Array[] = [];
      for (let from = at; from < Math.min(at + frame, samples.length); from += step) {
        const part = new Int16Array(step);
        part.set(samples.subarray(from, from + step));
        packets.push(this.#encoder.encode(part)?.slice() ?? new Uint8Array());
        this.#samplesOut += step;
      }
      pages.push(oggPage({ sequence: this.#pagesOut++, granule: this.#samplesOut, packets }));
    }
    return Buffer.concat(pages);
  }

  /** A message for each piece of its stream. */
  audio(pcm: Uint8Array, sizes: readonly number[] = [1e9], frame = 1920): Uint8Array[] {
    const stream = this.stream(pcm, frame);
    const messages: Uint8Array[] = [];
    for (let at = 0, n = 0; at < stream.length; n++) {
      const length = sizes[n % sizes.length] ?? 1;
      messages.push(kind(1, stream.subarray(at, at + length)));
      at += length;
    }
    return messages;
  }

  said(text: string): Uint8Array {
    return kind(2, text);
  }
}
