/** An Ogg stream of Opus (RFC 7845) as it is made: one stream, mono, a page for each message. */
import { utf8Bytes } from "../utf8.ts";
import { oggCrc } from "./ogg-crc.ts";

const HEADER = 27;
const SERIAL = 0x72_65_6c_61;
const VENDOR = "edge-duplex-relay";
/** Opus counts at 48 kHz, whatever it is fed. */
const GRANULES_PER_SAMPLE = 2;
const INPUT_RATE_HZ = 24_000;
const MOST_SEGMENTS = 255;
const MOST_BODY = MOST_SEGMENTS * 255;

export type OggWriterState = { readonly pages: number; readonly granule: number };

export class OggWriter {
  /** Bytes that stand before each page in its message. */
  readonly #prefix: Uint8Array;
  readonly #sizes = new Uint8Array(MOST_SEGMENTS);
  readonly #body = new Uint8Array(MOST_BODY);
  #segments = 0;
  #bytes = 0;
  #pages = 0;
  #granule = 0;

  constructor(prefix: Uint8Array) {
    this.#prefix = prefix;
  }

  /** Its headers were written. */
  get begun(): boolean {
    return this.#pages > 0;
  }

  /** Of sound, with what is not heard of its beginning. */
  get samples(): number {
    return this.#granule / GRANULES_PER_SAMPLE;
  }

  /** What a stream begins with: a page that says what it is, and one that says who made it. */
  headers(lookaheadSamples: number): readonly Uint8Array[] {
    const preSkip = lookaheadSamples * GRANULES_PER_SAMPLE;
    const head = new Uint8Array(19);
    const view = new DataView(head.buffer);
    head.set(utf8Bytes("OpusHead"));
    // Version 1, one channel, no gain, no mapping of channels.
    head[8] = 1;
    head[9] = 1;
    view.setUint16(10, preSkip, true);
    view.setUint32(12, INPUT_RATE_HZ, true);
    const vendor = utf8Bytes(VENDOR);
    const tags = new Uint8Array(16 + vendor.length);
    tags.set(utf8Bytes("OpusTags"));
    new DataView(tags.buffer).setUint32(8, vendor.length, true);
    tags.set(vendor, 12);
    const pages = [head, tags].map((packet, n) => {
      this.add(packet, 0);
      return this.#page(n === 0 ? 2 : 0);
    });
    this.#granule = preSkip;
    return pages;
  }

  /** @returns false: the page has no room for it. */
  add(packet: Uint8Array, samples: number): boolean {
    const segments = Math.floor(packet.length / 255) + 1;
    if (this.#segments + segments > MOST_SEGMENTS) return false;
    this.#sizes.fill(255, this.#segments, this.#segments + segments - 1);
    this.#segments += segments;
    this.#sizes[this.#segments - 1] = packet.length % 255;
    this.#body.set(packet, this.#bytes);
    this.#bytes += packet.length;
    this.#granule += samples * GRANULES_PER_SAMPLE;
    return true;
  }

  /** What was added since the last one, after the prefix; null: nothing. */
  page(): Uint8Array | null {
    return this.#segments === 0 ? null : this.#page(0);
  }

  #page(flags: number): Uint8Array {
    const before = this.#prefix.length;
    const whole = new Uint8Array(before + HEADER + this.#segments + this.#bytes);
    whole.set(this.#prefix);
    const page = whole.subarray(before);
    const view = new DataView(whole.buffer, before);
    page.set(utf8Bytes("OggS"));
    page[5] = flags;
    view.setBigUint64(6, BigInt(this.#granule), true);
    view.setUint32(14, SERIAL, true);
    view.setUint32(18, this.#pages, true);
    page[26] = this.#segments;
    page.set(this.#sizes.subarray(0, this.#segments), HEADER);
    page.set(this.#body.subarray(0, this.#bytes), HEADER + this.#segments);
    view.setUint32(22, oggCrc(page), true);
    this.#pages += 1;
    this.#segments = 0;
    this.#bytes = 0;
    return whole;
  }

  snapshot(): OggWriterState {
    return { pages: this.#pages, granule: this.#granule };
  }

  restore({ pages, granule }: OggWriterState): void {
    this.#pages = pages;
    this.#granule = granule;
  }
}
