/**
 * An Ogg stream (RFC 3533) as it comes, in pieces that need not be pages: its packets, in order. The peer is hostile: a page that
 * is none costs one look at the message that it came in, and what is kept is less than a page and a packet.
 */
import { type KeptSound, keptSound, soundAgain } from "../common/kept-sound.ts";
import { oggCrc } from "./ogg-crc.ts";

const HEADER = 27;
/** A header, 255 sizes, 255 segments of 255 bytes. */
const MOST_PAGE = HEADER + 255 + 255 * 255;
/** What a demuxer has to take of an Opus packet (RFC 7845, 6), and what it may refuse. */
export const MOST_PACKET = 61_440;
const CAPTURE = [0x4f, 0x67, 0x67, 0x53];
const [CONTINUED, BEGINS] = [1, 2];

/** What is wrong with a piece of it. */
export type OggFault = "garbage" | "version" | "checksum" | "stream" | "packet";

export interface OggPackets {
  /** A stream begins: what it was told before is over. */
  begins(): void;
  /** A view that is valid during the call. @returns false: nothing more is wanted of this message. */
  packet(bytes: Uint8Array): boolean;
}

export type OggReaderState = {
  readonly serial: number | null;
  /** The beginning of a page, and of a packet that goes on on the next page; absent: none. */
  readonly page?: KeptSound;
  readonly packet?: KeptSound;
};

export class OggReader {
  #serial: number | null = null;
  /** The beginning of a page. */
  #kept: Uint8Array | null = null;
  /** The beginning of a packet. */
  #begun: Uint8Array | null = null;

  /** @returns the first thing that is wrong with it, after which the rest of it is not read; null: nothing. */
  read(bytes: Uint8Array, packets: OggPackets): OggFault | null {
    const all = this.#kept === null ? bytes : joined(this.#kept, bytes);
    this.#kept = null;
    let at = captureIn(all);
    let fault: OggFault | null = at > 0 ? "garbage" : null;
    while (at < all.length) {
      const length = pageLength(all, at);
      if (length === null) {
        this.#kept = all.slice(at, at + MOST_PAGE);
        break;
      }
      const wrong = length < 0 ? "garbage" : this.#page(all.subarray(at, at + length), packets);
      if (wrong === "over") break;
      fault ??= wrong;
      // What claims to be a page and is none says nothing of where the next one is: that is in another message.
      if (length < 0 || wrong === "checksum" || wrong === "version") break;
      at += length;
    }
    return fault;
  }

  #page(page: Uint8Array, packets: OggPackets): OggFault | "over" | null {
    const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
    if (page[4] !== 0) return "version";
    if (view.getUint32(22, true) !== oggCrc(page)) return "checksum";
    const flags = page[5] ?? 0;
    const serial = view.getUint32(14, true);
    if ((flags & BEGINS) !== 0) {
      this.#serial = serial;
      this.#begun = null;
      packets.begins();
    } else if (serial !== this.#serial) return "stream";
    return this.#segments(page, (flags & CONTINUED) !== 0, packets);
  }

  #segments(page: Uint8Array, continued: boolean, packets: OggPackets): OggFault | "over" | null {
    const segments = page[26] ?? 0;
    let from = HEADER + segments;
    // The end of a packet whose beginning is not there is none.
    let skips = continued && this.#begun === null;
    if (!continued) this.#begun = null;
    let end = from;
    let fault: OggFault | null = null;
    for (let n = 0; n < segments; n++) {
      const size = page[HEADER + n] ?? 0;
      end += size;
      if (size === 255) continue;
      const packet = this.#whole(page.subarray(from, end));
      from = end;
      if (skips) skips = false;
      else if (packet === null) fault ??= "packet";
      else if (!packets.packet(packet)) return "over";
    }
    return from < end && !skips && !this.#goesOn(page.subarray(from, end)) ? (fault ?? "packet") : fault;
  }

  /** With what came of it on pages before; null: it is too long. */
  #whole(rest: Uint8Array): Uint8Array | null {
    const begun = this.#begun;
    this.#begun = null;
    const length = (begun?.length ?? 0) + rest.length;
    if (length > MOST_PACKET) return null;
    return begun === null ? rest : joined(begun, rest);
  }

  /** @returns false: it is too long. */
  #goesOn(part: Uint8Array): boolean {
    const begun = this.#whole(part);
    this.#begun = begun === part ? part.slice() : begun;
    return begun !== null;
  }

  snapshot(): OggReaderState {
    return {
      serial: this.#serial,
      ...(this.#kept !== null && { page: keptSound(this.#kept) }),
      ...(this.#begun !== null && { packet: keptSound(this.#begun) }),
    };
  }

  restore({ serial, page, packet }: OggReaderState): void {
    this.#serial = serial;
    this.#kept = page?.audio === undefined ? null : soundAgain(page);
    this.#begun = packet?.audio === undefined ? null : soundAgain(packet);
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}

/** Where the first page begins, or what may be one; the length where nothing does. */
function captureIn(bytes: Uint8Array): number {
  let at = bytes.indexOf(CAPTURE[0] ?? 0);
  while (at >= 0 && !isCapture(bytes, at)) at = bytes.indexOf(CAPTURE[0] ?? 0, at + 1);
  return at < 0 ? bytes.length : at;
}

/** As far as there is something. */
function isCapture(bytes: Uint8Array, at: number): boolean {
  return CAPTURE.every((byte, n) => at + n >= bytes.length || bytes[at + n] === byte);
}

/** Null: not all of it is there. −1: no page begins here. */
function pageLength(bytes: Uint8Array, at: number): number | null {
  if (!isCapture(bytes, at)) return -1;
  const segments = bytes[at + 26];
  if (segments === undefined || at + HEADER + segments > bytes.length) return null;
  let length = HEADER + segments;
  for (let n = 0; n < segments; n++) length += bytes[at + HEADER + n] ?? 0;
  return at + length > bytes.length ? null : length;
}
